"""Tokens are traded as the document and RFC 6749 say; every grant is got anew, so runs repeat."""

from typing import Any

import pytest

from enphase_streaming_mock.account import CLIENT_ID, CLIENT_SECRET, OWNER, PASSWORD
from enphase_streaming_mock.checks.door import EVENT_STREAM, JSON, Door
from enphase_streaming_mock.checks.envelope import token_faults
from enphase_streaming_mock.checks.plainly import none_of

CLIENT = (CLIENT_ID, CLIENT_SECRET)
LOGIN = {"grant_type": "password", "username": OWNER, "password": PASSWORD}


@pytest.fixture
def pair(door: Door) -> Any:
    """A new pair of tokens."""
    found = door.ask_tokens(LOGIN, CLIENT).json
    none_of(door.contract.faults("TokenResponse", found))
    return found


def renewal(pair: Any) -> dict[str, str]:
    """What asks for the next pair."""
    return {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}


def test_a_login_gets_a_pair_of_tokens(door: Door) -> None:
    answer = door.ask_tokens(LOGIN, CLIENT)
    assert (answer.status, answer.kind) == (200, JSON)
    none_of(door.contract.faults("TokenResponse", answer.json))


def test_the_query_string_carries_a_grant_as_well(door: Door) -> None:
    answer = door.ask_tokens(LOGIN, CLIENT, in_query=True)
    assert answer.status == 200
    none_of(door.contract.faults("TokenResponse", answer.json))


def test_tokens_are_kept_in_no_cache(door: Door) -> None:
    answer = door.ask_tokens(LOGIN, CLIENT)
    assert "no-store" in answer.headers.get("cache-control", "")  # RFC 6749, section 5.1


def test_a_new_access_token_opens_a_stream(door: Door, pair: Any) -> None:
    answer = door.ask(headers={"authorization": f"Bearer {pair['access_token']}"})
    assert (answer.status, answer.kind) == (200, EVENT_STREAM)


def test_a_renewal_brings_another_pair(door: Door, pair: Any) -> None:
    answer = door.ask_tokens(renewal(pair), CLIENT)
    assert answer.status == 200
    none_of(door.contract.faults("TokenResponse", answer.json))
    assert answer.json["refresh_token"] != pair["refresh_token"]


def test_a_refresh_token_is_spent_by_its_use(door: Door, pair: Any) -> None:
    door.ask_tokens(renewal(pair), CLIENT)
    none_of(token_faults(door.ask_tokens(renewal(pair), CLIENT), door.contract, 400))


@pytest.mark.parametrize("client", [None, (CLIENT_ID, "not-the-secret")], ids=["none", "wrong"])
def test_an_application_has_to_prove_itself(door: Door, client: tuple[str, str] | None) -> None:
    none_of(token_faults(door.ask_tokens(LOGIN, client), door.contract, 401))


@pytest.mark.parametrize(
    "form",
    [{}, {"grant_type": "telepathy"}, {"grant_type": "refresh_token"}],
    ids=["no-grant", "unknown-grant", "no-token"],
)
def test_a_grant_that_is_none_is_refused(door: Door, form: dict[str, str]) -> None:
    none_of(token_faults(door.ask_tokens(form, CLIENT), door.contract, 400))


def test_an_application_alone_gets_no_tokens(door: Door) -> None:
    form = {"grant_type": "client_credentials"}
    none_of(token_faults(door.ask_tokens(form, CLIENT), door.contract, 400, 401))
