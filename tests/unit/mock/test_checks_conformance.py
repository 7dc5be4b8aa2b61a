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


def test_failure_names_the_request_and_what_was_answered() -> None:
    wrong = Answer("GET /", 422, "text/html", {"content-encoding": "gzip"}, b"x" * 300)
    assert message(conformance.expect_error, wrong, SHORT) == [
        "GET /",
        f"the status is 422, documented is {SHORT.status}",
        "the media type is 'text/html', documented is application/json",
        "the body is encoded as 'gzip', which was not accepted",
        f"the body begins {b'x' * 200!r}",
    ]


def test_missing_answer_is_the_only_fault() -> None:
    absent = Answer(trouble="ConnectError: refused")
    lines = ["there was no answer", "ConnectError: refused"]
    assert message(conformance.expect_error, absent, SHORT) == lines
    assert message(conformance.expect_tokens, absent) == lines
    assert message(conformance.expect_token_error, absent, 400) == lines


def test_long_list_of_faults_is_cut() -> None:
    lines = message(conformance.fail_on, [str(number) for number in range(45)])
    assert lines == [*map(str, range(10)), "and 35 more"]


@pytest.mark.parametrize("body", ["gone", [], {}, {"error": "gone"}])
def test_body_that_is_no_error_envelope_is_reported(body: Any) -> None:
    assert error_faults(answer(body), SHORT, exact=True) == ["the body is not an error envelope"]


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
    lines = message(conformance.expect_error, answer(status=401), LONG, SHORT)
    assert lines[:2] == ["GET /", f"the status is 401, documented is {SHORT.status}"]


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


def test_token_error_is_held_to_the_document() -> None:
    said = {"error": "invalid_grant", "error_description": "Gone"}
    conformance.expect_token_error(answer(said, 400), 400, 401)


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        ({"error": "invalid_grant"}, 403, "the status is 403, documented is 400 or 401"),
        ({}, 400, "the body names no `error`"),
        ({"error": 5}, 400, "$.error: 5 is not of type 'string'"),
        ([], 400, "$: [] is not of type 'object'"),
    ],
)
def test_wrong_token_error_is_reported(body: Any, status: int, fault: str) -> None:
    lines = message(conformance.expect_token_error, answer(body, status), 400, 401)
    assert lines[1:-1] == [fault]


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
