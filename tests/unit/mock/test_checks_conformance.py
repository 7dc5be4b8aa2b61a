import json
from collections.abc import Callable
from typing import Any

import pytest

import written
from enphase_streaming_mock.checks import conformance, document
from enphase_streaming_mock.checks.client import Answer
from enphase_streaming_mock.checks.conformance import error_faults, timestamp_faults
from enphase_streaming_mock.contract import load_contract

CONTRACT = load_contract()
SHORT, LONG = CONTRACT.refusal("tooShort"), CONTRACT.refusal("tooLong")


def answer(
    body: Any = None, status: int = SHORT.status, media_type: str = "application/json"
) -> Answer:
    text = json.dumps(SHORT.envelope if body is None else body)
    return Answer("GET /", status, media_type, {}, text.encode())


def changed(**fields: Any) -> dict[str, Any]:
    return {**SHORT.envelope, **fields}


def with_error(**fields: Any) -> dict[str, Any]:
    return changed(error={**SHORT.envelope["error"], **fields})


def message(expect: Callable[..., None], *arguments: Any, **options: Any) -> list[str]:
    """The lines with which an assertion fails."""
    with pytest.raises(pytest.fail.Exception) as failure:
        expect(*arguments, **options)
    return str(failure.value).splitlines()


def test_documented_error_passes() -> None:
    conformance.expect_error(answer(), SHORT, exact=True)


def test_timestamps_of_an_error_may_differ() -> None:
    later = changed(timestamp_epoch=1_782_043_200_250, timestamp_utc="2026-06-21 12:00:00.250")
    assert error_faults(answer(later), SHORT, exact=True) == []


def test_failure_names_the_request_the_status_and_the_media_type() -> None:
    assert message(conformance.expect_error, answer(status=422, media_type="text/html"), SHORT) == [
        "GET /",
        f"the status is 422, documented is {SHORT.status}",
        "the media type is 'text/html', documented is application/json",
    ]


def test_missing_answer_is_the_only_fault() -> None:
    absent = Answer(trouble="ConnectError: refused")
    assert message(conformance.expect_error, absent, SHORT) == ["no answer: ConnectError: refused"]
    assert message(conformance.expect_tokens, absent) == ["no answer: ConnectError: refused"]


@pytest.mark.parametrize("body", ["gone", [], {}, {"error": "gone"}])
def test_body_that_is_no_error_envelope_is_reported(body: Any) -> None:
    (fault,) = error_faults(answer(body), SHORT, exact=True)
    assert fault.startswith("the body is not an error envelope: ")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (with_error(status="NO"), "error.status is 'NO', documented is 'INVALID_DURATION'"),
        (with_error(details=[]), "error.details is [], documented is [{}]"),
        (changed(type=None), "type is None, documented is 'validation_error'"),
        (changed(more=1), "more is 1, documented is None"),
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_difference_to_the_documented_envelope_is_named(body: Any, fault: str, exact: bool) -> None:
    assert error_faults(answer(body), SHORT, exact) == [fault]


@pytest.mark.parametrize(
    "body",
    [with_error(message="No"), changed(timestamp_epoch=SHORT.envelope["timestamp_epoch"] // 1000)],
)
def test_message_and_unit_of_time_are_compared_on_request_only(body: Any) -> None:
    assert len(error_faults(answer(body), SHORT, exact=True)) == 1
    assert error_faults(answer(body), SHORT, exact=False) == []


def test_nearest_of_several_errors_counts() -> None:
    conformance.expect_error(answer(), LONG, SHORT)
    assert message(conformance.expect_error, answer(status=401), LONG, SHORT) == [
        "GET /",
        f"the status is 401, documented is {SHORT.status}",
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
        (None, None, False),
    ],
)
def test_timestamps_agree_to_the_unit_of_the_epoch(epoch: Any, text: Any, agree: bool) -> None:
    faults = timestamp_faults({"timestamp_epoch": epoch, "timestamp_utc": text})
    assert len(faults) == (0 if agree else 1)


def test_token_error_names_its_error() -> None:
    said = {"error": "invalid_grant", "error_description": "Gone"}
    conformance.expect_token_error(answer(said, 400), 400, 401)
    assert message(conformance.expect_token_error, answer(said, 403), 400, 401) == [
        "GET /",
        "the status is 403, documented is 400 or 401",
    ]
    assert message(conformance.expect_token_error, answer({}, 400), 400)[1:] == [
        "there is no `error` in b'{}'"
    ]
    assert len(message(conformance.expect_token_error, answer({"error": 5}, 400), 400)) == 2


@pytest.mark.parametrize("schema", ["TokenResponse", "TokenError"])
def test_schemas_that_the_suite_names_exist(schema: str) -> None:
    assert schema in written.read()["components"]["schemas"], (
        f"the document has no schema {schema} any more: "
        "correct mock/enphase_streaming_mock/checks/conformance.py and this test"
    )


def test_fields_are_those_of_the_document() -> None:
    schemas = written.read()["components"]["schemas"].values()
    properties = [frozenset(schema.get("properties", ())) for schema in schemas]
    assert document.EVENT_FIELDS in properties
    assert document.READING_FIELDS in properties
    assert document.EXAMPLE_FIELDS <= document.READING_FIELDS


def test_known_values_are_those_of_the_document() -> None:
    assert "Savings Mode" in document.known_values("battery_mode")
    assert "On Grid" in document.known_values("grid_status")
    assert document.known_values("pv_power") == []
