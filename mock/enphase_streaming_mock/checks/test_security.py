"""Both credentials are needed on every call, and each has to be the right one."""

import pytest

from enphase_streaming_mock.checks.door import Door, Headers
from enphase_streaming_mock.checks.envelope import Departures, stream_faults
from enphase_streaming_mock.checks.plainly import none_of
from enphase_streaming_mock.contract import load_contract

KEY = load_contract().key_name
TOKEN = "authorization"


@pytest.mark.costs_a_call
@pytest.mark.parametrize(
    ("left_out", "names"),
    [
        ([KEY], ["apiKeyMissing"]),
        ([TOKEN], ["accessTokenInvalid"]),
        # Which of the two is missed first is not documented.
        ([KEY, TOKEN], ["apiKeyMissing", "accessTokenInvalid"]),
    ],
    ids=["key", "token", "both"],
)
def test_a_call_without_a_credential_is_refused(
    door: Door, departures: Departures, left_out: list[str], names: list[str]
) -> None:
    none_of(departures(door.ask(headers=dict.fromkeys(left_out)), *names))


@pytest.mark.costs_a_call
@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({KEY: "not-a-key"}, "apiKeyInvalid"),
        ({TOKEN: "Bearer not-a-token"}, "accessTokenInvalid"),
        ({TOKEN: "Basic bm90OmEtdG9rZW4="}, "accessTokenInvalid"),
    ],
    ids=["key", "token", "scheme"],
)
def test_a_call_with_a_wrong_credential_is_refused(
    door: Door, departures: Departures, wrong: Headers, name: str
) -> None:
    none_of(departures(door.ask(headers=wrong), name))


def test_the_scheme_of_a_token_may_be_written_in_any_case(door: Door) -> None:
    token = f"bEARER {door.backend.access_token}"  # RFC 9110, section 11.1
    none_of(stream_faults(door.ask(headers={TOKEN: token})))
