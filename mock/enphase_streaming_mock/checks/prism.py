"""Where Prism differs from the contract: the whole list, with its exact answers.

Prism serves the same document, as a second opinion. On it, each check named here has to fail, and
Prism has to have answered exactly so: a difference that is gone, or a new one, fails the suite.
"""

from dataclasses import dataclass, replace

from enphase_streaming_mock.checks.door import EVENT_STREAM, JSON, Answer
from enphase_streaming_mock.checks.events import read_body
from enphase_streaming_mock.contract import load_contract

_PROBLEM = "application/problem+json"
_NO_RESPONSE = (
    "Your request is not valid and no HTTP validation response was found in the spec, so Prism is "
    "generating this error for you."
)
_STREAM = "/systems/1765/live_data"


@dataclass(frozen=True, slots=True)
class Difference:
    """What Prism answers in place of what is documented; a stream's `body` is told in short."""

    why: str
    status: int
    kind: str
    body: object


def _problem(
    why: str, status: int, name: str, title: str, detail: str, **more: object
) -> Difference:
    kind = f"https://stoplight.io/prism/errors#{name}"
    body = {"type": kind, "title": title, "status": status, "detail": detail, **more}
    return Difference(why, status, _PROBLEM, body)


def _invalid(why: str, where: list[str], code: str, message: str) -> Difference:
    found = {"location": where, "severity": "Error", "code": code, "message": message}
    return _problem(
        *(why, 422, "UNPROCESSABLE_ENTITY", "Invalid request", _NO_RESPONSE), validation=[found]
    )


def _bad_duration(code: str, rule: str) -> Difference:
    return _invalid(
        "a bad duration gets an answer of Prism's own",
        ["header", "duration"],
        code,
        f"Request header parameter duration must be {rule}",
    )


def _opens(why: str) -> Difference:
    return Difference(why, 200, EVENT_STREAM, "2 events in 682 bytes")


_WHOLE = _opens("a window is one body of two events, sent whole and at once")
_ANY = _opens("any key, any token and any site will do")
_NO_ALLOW = _problem(
    "a method that is not allowed is not told which is",
    405,
    "NO_METHOD_MATCHED_ERROR",
    "Route resolved, but no method matched",
    f'The route {_STREAM} has been matched, but it does not have "post" method defined',
)
_NO_BASE_PATH = _problem(
    "the base path of the server is not there",
    404,
    "NO_PATH_MATCHED_ERROR",
    "Route not resolved, no path matched",
    f"The route /api/v4{_STREAM} hasn't been found in the specification file",
)
_ANY_SITE_NUMBER = _invalid(
    "an id that is no number gets an answer of Prism's own",
    ["path", "system_id"],
    "type",
    "Request path parameter system_id must be integer",
)
_FIRST_EXAMPLE = Difference(
    "whichever credential is missing, the error is the first example of 401",
    401,
    JSON,
    load_contract().refusal("apiKeyMissing").envelope,
)
_SCHEME = replace(_FIRST_EXAMPLE, why="a token counts after `Bearer` only, spelled so")
_PAIR = Difference(
    "whoever asks in the right form gets the example's tokens",
    200,
    JSON,
    {
        "access_token": "example-access-token",
        "token_type": "bearer",
        "refresh_token": "example-refresh-token",
        "expires_in": 86393,
        "scope": "read write",
        "enl_uid": "217231",
        "enl_cid": "5",
        "enl_password_last_changed": "1638870641",
        "is_internal_app": False,
        "app_type": "system",
        "jti": "example-token-id",
    },
)
_NO_QUERY = Difference(
    "a grant in the query string is none",
    400,
    JSON,
    {"error": "invalid_grant", "error_description": "The grant is not valid any more"},
)

DIFFERENCES = {
    "test_the_body_is_sent_bit_by_bit": _WHOLE,
    "test_the_stream_ends_when_its_duration_is_over": _WHOLE,
    "test_without_a_duration_a_stream_lasts_as_long_as_the_least": _WHOLE,
    "test_there_is_a_reading_for_each_second": _WHOLE,
    "test_readings_arrive_as_they_are_measured": _WHOLE,
    "test_a_duration_below_the_least_is_refused": _bad_duration("minimum", ">= 30"),
    "test_a_duration_above_the_most_is_refused": _bad_duration("maximum", "<= 300"),
    "test_a_duration_that_is_no_whole_number_is_refused[ten]": _bad_duration("type", "integer"),
    "test_a_duration_that_is_no_whole_number_is_refused[30.5]": _bad_duration("type", "integer"),
    "test_an_error_comes_as_json_whatever_is_acceptable": _opens(
        "`Prefer: code` counts only where JSON is acceptable"
    ),
    "test_a_call_without_a_credential_is_refused[token]": _FIRST_EXAMPLE,
    "test_a_call_with_a_wrong_credential_is_refused[scheme]": _FIRST_EXAMPLE,
    "test_the_scheme_of_a_token_may_be_written_in_any_case": _SCHEME,
    "test_a_call_with_a_wrong_credential_is_refused[key]": _ANY,
    "test_a_call_with_a_wrong_credential_is_refused[token]": _ANY,
    "test_a_site_that_nobody_has_is_refused[99999999999]": _ANY,
    "test_a_site_that_nobody_has_is_refused[abc]": _ANY_SITE_NUMBER,
    "test_the_api_is_under_the_path_that_the_document_has": _NO_BASE_PATH,
    "test_a_method_that_is_not_allowed_is_told_which_is": _NO_ALLOW,
    "test_the_query_string_carries_a_grant_as_well": _NO_QUERY,
    "test_tokens_are_kept_in_no_cache": _PAIR,
    "test_a_renewal_brings_another_pair": _PAIR,
    "test_a_refresh_token_is_spent_by_its_use": _PAIR,
    "test_an_application_has_to_prove_itself[wrong]": _PAIR,
}
"""By the name of the check that fails on Prism because of it."""


def answered(answer: Answer, why: str) -> Difference:
    """What an answer is in the terms of a difference."""
    body = answer.json
    if answer.kind == EVENT_STREAM:
        body = f"{len(read_body([(0.0, answer.body)]).events)} events in {len(answer.body)} bytes"
    return Difference(why, answer.status, answer.kind, body)
