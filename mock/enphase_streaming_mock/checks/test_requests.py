"""Single requests: addresses, the `duration` header, credentials, and every documented error."""

from collections.abc import Callable

import pytest

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.client import EVENT_STREAM, Client, Headers
from enphase_streaming_mock.checks.conformance import (
    expect_error,
    expect_status,
    expect_stream,
    fail_on,
)
from enphase_streaming_mock.checks.document import CONTRACT
from enphase_streaming_mock.checks.stream import read_stream
from enphase_streaming_mock.contract import STREAM_PATH, Refusal

ERRORS = [each for examples in CONTRACT.refusals.values() for each in examples.values()]
KEY, TOKEN, DURATION = CONTRACT.key_name, "authorization", CONTRACT.duration_name
refusal: Callable[[str], Refusal] = CONTRACT.refusal


def test_api_is_served_under_the_documented_path(client: Client) -> None:
    path = CONTRACT.base_path + STREAM_PATH.format(system_id=client.backend.system_id)
    expect_stream(client.ask(url=client.backend.origin + path))


def test_undocumented_path_is_not_found(client: Client) -> None:
    expect_status(client.ask(url=f"{client.backend.base_url}/nothing"), 404)


@pytest.mark.parametrize("system_id", [99_999_999_999, "abc"])
def test_unknown_system_is_refused(client: Client, system_id: object) -> None:
    expect_error(client.ask(url=client.stream_url(system_id)), refusal("systemNotFound"))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_stream_refuses_other_methods(client: Client, method: str) -> None:
    expect_status(client.ask(method), 405)


def test_refused_method_is_told_the_allowed_one(client: Client) -> None:
    answer = client.ask("POST")
    allowed = answer.headers.get("allow")  # RFC 9110, section 15.5.6
    fail_on([] if allowed == "GET" else [f"the header Allow is {allowed!r}, not 'GET'"], answer)


@pytest.mark.parametrize("duration", [CONTRACT.shortest, CONTRACT.longest])
def test_duration_at_a_bound_opens_a_stream(client: Client, duration: int) -> None:
    expect_stream(client.ask(headers={DURATION: str(duration)}))


@pytest.mark.costs_a_call
@pytest.mark.parametrize(
    ("duration", "error"),
    [
        (CONTRACT.shortest - 1, "tooShort"),
        (CONTRACT.longest + 1, "tooLong"),
        ("ten", "notInteger"),
        (f"{CONTRACT.shortest}.5", "notInteger"),
    ],
    ids=["too-short", "too-long", "word", "fraction"],
)
def test_invalid_duration_is_refused(client: Client, duration: object, error: str) -> None:
    expect_error(client.ask(headers={DURATION: str(duration)}), refusal(error))


def test_duration_defaults_to_the_minimum(client: Client) -> None:
    window = read_stream(client, None)
    fail_on(temporal.count_faults(window.readings, CONTRACT.shortest), window.answer)


@pytest.mark.costs_a_call
@pytest.mark.parametrize(
    ("headers", "errors"),
    [
        ({KEY: None}, ["apiKeyMissing"]),
        ({TOKEN: None}, ["accessTokenInvalid"]),
        # Which of the two is checked first is not documented.
        ({KEY: None, TOKEN: None}, ["apiKeyMissing", "accessTokenInvalid"]),
        ({KEY: "not-a-key"}, ["apiKeyInvalid"]),
        ({TOKEN: "Bearer not-a-token"}, ["accessTokenInvalid"]),
        ({TOKEN: "Basic bm90OmEtdG9rZW4="}, ["accessTokenInvalid"]),
    ],
    ids=["no-key", "no-token", "neither", "wrong-key", "wrong-token", "wrong-scheme"],
)
def test_invalid_credentials_are_refused(
    client: Client, headers: Headers, errors: list[str]
) -> None:
    expect_error(client.ask(headers=headers), *map(refusal, errors))


def test_bearer_scheme_is_case_insensitive(client: Client) -> None:
    token = f"bEARER {client.backend.access_token}"  # RFC 9110, section 11.1
    expect_stream(client.ask(headers={TOKEN: token}))


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: f"{each.status}-{each.name}")
def test_documented_error(client: Client, error: Refusal) -> None:
    answer = client.ask(headers={"prefer": f"code={error.status}, example={error.name}"})
    expect_error(answer, error, exact=True)


def test_error_is_json_even_if_an_event_stream_is_accepted(client: Client) -> None:
    headers = {"prefer": f"code={ERRORS[0].status}", "accept": EVENT_STREAM}
    expect_error(client.ask(headers=headers), ERRORS[0], exact=True)
