"""The checks of the contract suite that Prism fails, and why.

Prism is a second mock of the same document. Each check listed here must fail on it with a message
that contains the given text. A difference that has gone, or a new one, is reported.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree


class Difference(NamedTuple):
    """Why Prism fails a check, and what the check says of it."""

    why: str
    message: str


_WINDOW = "a stream is one body of two events, sent as a whole and at once"
_BAD_DURATION = "an invalid duration gets an answer of Prism's own"
_FIRST_EXAMPLE = "whichever credential is missing, the error is the first example of 401"
_ACCEPTS_ANY = "any key, any token and any system are accepted"
_EXAMPLE_TOKENS = "every well-formed token request gets the example's tokens"

_INVALID = "the status is 422"
_OPENED = "the status is 200"

DIFFERENCES = {
    "test_body_has_no_fixed_length": Difference(_WINDOW, "Content-Length"),
    "test_stream_ends_after_its_duration": Difference(_WINDOW, "ended after 0."),
    "test_duration_defaults_to_the_minimum": Difference(_WINDOW, "2 readings came"),
    "test_one_reading_comes_every_second": Difference(_WINDOW, "2 readings came"),
    "test_readings_arrive_as_they_are_measured": Difference(_WINDOW, "arrived within 0."),
    "test_invalid_duration_is_refused[too-short]": Difference(_BAD_DURATION, _INVALID),
    "test_invalid_duration_is_refused[too-long]": Difference(_BAD_DURATION, _INVALID),
    "test_invalid_duration_is_refused[word]": Difference(_BAD_DURATION, _INVALID),
    "test_invalid_duration_is_refused[fraction]": Difference(_BAD_DURATION, _INVALID),
    "test_error_is_json_even_if_an_event_stream_is_accepted": Difference(
        "`Prefer: code` is obeyed only where JSON is accepted", _OPENED
    ),
    "test_invalid_credentials_are_refused[no-token]": Difference(
        _FIRST_EXAMPLE, "error.status is 'NOT_AUTHENTICATED'"
    ),
    "test_invalid_credentials_are_refused[wrong-scheme]": Difference(
        _FIRST_EXAMPLE, "error.status is 'NOT_AUTHENTICATED'"
    ),
    "test_bearer_scheme_is_case_insensitive": Difference(
        "the scheme `Bearer` is accepted in this spelling only", "the status is 401"
    ),
    "test_invalid_credentials_are_refused[wrong-key]": Difference(_ACCEPTS_ANY, _OPENED),
    "test_invalid_credentials_are_refused[wrong-token]": Difference(_ACCEPTS_ANY, _OPENED),
    "test_unknown_system_is_refused[99999999999]": Difference(_ACCEPTS_ANY, _OPENED),
    "test_unknown_system_is_refused[abc]": Difference(
        "a system id that is no number gets an answer of Prism's own", _INVALID
    ),
    "test_api_is_served_under_the_documented_path": Difference(
        "the base path of the server is missing", "the status is 404"
    ),
    "test_refused_method_is_told_the_allowed_one": Difference(
        "the 405 for another method lacks the header Allow", "the header Allow is None"
    ),
    "test_login_returns_a_pair_of_tokens[query]": Difference(
        "a grant in the query string is not read", "the status is 400"
    ),
    "test_tokens_are_not_cached": Difference(_EXAMPLE_TOKENS, "Cache-Control is ''"),
    "test_renewal_returns_another_refresh_token": Difference(
        _EXAMPLE_TOKENS, "repeats the refresh token"
    ),
    "test_refresh_token_is_spent_by_its_use": Difference(_EXAMPLE_TOKENS, _OPENED),
    "test_application_has_to_authenticate[wrong]": Difference(_EXAMPLE_TOKENS, _OPENED),
}
"""By the name of the check."""


def unexpected(report: Path) -> list[str]:
    """Compare the JUnit report of a run on Prism with the list, and return what departs from it."""
    messages = _failures(report)
    wrong = []
    for check, message in messages.items():
        expected = DIFFERENCES.get(check)
        if message and expected is None:
            wrong.append(
                f"{check} fails on Prism and is not in tests/prism_differences.py: {message}"
            )
        elif message and expected is not None and expected.message not in message:
            wrong.append(f"{check} fails on Prism without {expected.message!r}: {message}")
        elif not message and expected is not None:
            wrong.append(f"{check} passes on Prism: remove it from tests/prism_differences.py")
    absent = sorted(DIFFERENCES.keys() - messages.keys())
    return wrong + [f"{check} was not run: correct tests/prism_differences.py" for check in absent]


def summary() -> list[str]:
    """Return a line for each way in which Prism differs."""
    counts = Counter(each.why for each in DIFFERENCES.values())
    return [
        f"Prism differs: {why} ({count} {'check' if count == 1 else 'checks'})"
        for why, count in counts.items()
    ]


def _failures(report: Path) -> dict[str, str]:
    """What each check said, by its name; "" if it passed."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        problem = case.find("failure")
        problem = case.find("error") if problem is None else problem
        found[case.attrib["name"]] = "" if problem is None else problem.text or "failed"
    return found
