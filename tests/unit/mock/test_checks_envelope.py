import json
from typing import Any

import pytest

from enphase_streaming_mock.checks.door import Answer
from enphase_streaming_mock.checks.envelope import moment_faults, refusal_faults, token_faults
from enphase_streaming_mock.contract import load_contract

CONTRACT = load_contract()
SHORT, LONG = CONTRACT.refusal("tooShort"), CONTRACT.refusal("tooLong")


def answer(body: Any = None, status: int = 461, kind: str = "application/json") -> Answer:
    text = json.dumps(SHORT.envelope if body is None else body)
    return Answer(status, kind, {}, text.encode())


def changed(**fields: Any) -> dict[str, Any]:
    return {**SHORT.envelope, **fields}


def with_error(**fields: Any) -> dict[str, Any]:
    return changed(error={**SHORT.envelope["error"], **fields})


def test_the_documented_error_has_no_faults() -> None:
    assert refusal_faults(answer(), SHORT) == []


def test_its_timestamps_are_its_own() -> None:
    later = changed(timestamp_epoch=1_782_043_200_250, timestamp_utc="2026-06-21 12:00:00.250")
    assert refusal_faults(answer(later), SHORT) == []


def test_another_status_and_media_type_are_told() -> None:
    assert refusal_faults(answer(status=422, kind="text/html"), SHORT) == [
        "the status is 422, documented is 461",
        "the media type is 'text/html', documented is application/json",
    ]


@pytest.mark.parametrize("body", ["gone", [], {}, {"error": "gone"}])
def test_a_body_that_is_no_envelope_is_told(body: Any) -> None:
    (fault,) = refusal_faults(answer(body), SHORT)
    assert fault.startswith("the body is no envelope: ")


@pytest.mark.parametrize(
    "body", [with_error(status="NO"), with_error(details=[]), changed(type="x"), changed(more=1)]
)
@pytest.mark.parametrize("exact", [True, False])
def test_an_envelope_that_says_something_else_is_told(body: Any, exact: bool) -> None:
    (fault,) = refusal_faults(answer(body), SHORT, exact=exact)
    assert fault.startswith("the envelope is {")


@pytest.mark.parametrize(
    "body",
    [with_error(message="No"), changed(timestamp_epoch=SHORT.envelope["timestamp_epoch"] // 1000)],
)
def test_the_message_and_the_unit_of_time_are_exact_in_the_mock_only(body: Any) -> None:
    assert len(refusal_faults(answer(body), SHORT)) == 1
    assert refusal_faults(answer(body), SHORT, exact=False) == []


def test_of_several_errors_the_nearest_counts() -> None:
    assert refusal_faults(answer(), LONG, SHORT) == []
    assert refusal_faults(answer(status=401), LONG, SHORT) == [
        "the status is 401, documented is 461"
    ]


@pytest.mark.parametrize(
    ("epoch", "text", "agree"),
    [
        (1_679_041_508_556, "2023-03-17 08:25:08.556", True),
        (1_679_041_508, "2023-03-17 08:25:08.556", True),
        (1_679_041_508_557, "2023-03-17 08:25:08.556", False),
        (1_679_041_509, "2023-03-17 08:25:08.556", False),
        ("1679041508", "2023-03-17 08:25:08.556", False),
        (1_679_041_508_556, "2023-03-17T08:25:08.556Z", False),
        (1_679_041_508_556, None, False),
    ],
)
def test_two_timestamps_agree_to_the_unit_of_the_one(epoch: Any, text: Any, agree: bool) -> None:
    event = {"timestamp_epoch": epoch, "timestamp_utc": text}
    assert (moment_faults(event) == []) == agree


def test_an_event_that_is_none_has_no_moment() -> None:
    assert len(moment_faults(None)) == 1


def test_a_refusal_of_tokens_names_its_error() -> None:
    said = {"error": "invalid_grant", "error_description": "Gone"}
    assert token_faults(answer(said, 400), CONTRACT, 400, 401) == []
    assert token_faults(answer(said, 403), CONTRACT, 400, 401) == [
        "the status is 403, documented is 400 or 401"
    ]
    assert token_faults(answer({}, 400), CONTRACT, 400) == ["there is no `error` in b'{}'"]
    assert len(token_faults(answer({"error": 5}, 400), CONTRACT, 400)) == 1
