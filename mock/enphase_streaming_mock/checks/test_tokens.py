"""Tokens are traded as the document and RFC 6749 say; every grant is got anew, so runs repeat."""

from typing import Any

import pytest

from enphase_streaming_mock.account import CLIENT_ID, CLIENT_SECRET, OWNER, PASSWORD
from enphase_streaming_mock.checks.door import Door
from enphase_streaming_mock.checks.envelope import pair_faults, stream_faults, token_faults
from enphase_streaming_mock.checks.plainly import none_of

CLIENT = (CLIENT_ID, CLIENT_SECRET)
LOGIN = {"grant_type": "password", "username": OWNER, "password": PASSWORD}


@pytest.fixture
def pair(door: Door) -> Any:
    """A new pair of tokens."""
    answer = door.ask_tokens(LOGIN, CLIENT)
    none_of(pair_faults(answer, door.contract))
    return answer.json


def renewal(pair: Any) -> dict[str, str]:
    """What asks for the next pair."""
    return {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}


def test_a_login_gets_a_pair_of_tokens(door: Door) -> None:
    none_of(pair_faults(door.ask_tokens(LOGIN, CLIENT), door.contract))


def test_the_query_string_carries_a_grant_as_well(door: Door) -> None:
    none_of(pair_faults(door.ask_tokens(LOGIN, CLIENT, in_query=True), door.contract))


def test_tokens_are_kept_in_no_cache(door: Door) -> None:
    answer = door.ask_tokens(LOGIN, CLIENT)
    control = answer.headers.get("cache-control", "")  # RFC 6749, section 5.1
    none_of([] if "no-store" in control else [f"the header Cache-Control is {control!r}"])


def test_a_new_access_token_opens_a_stream(door: Door, pair: Any) -> None:
    authorization = f"Bearer {pair['access_token']}"
    none_of(stream_faults(door.ask(headers={"authorization": authorization})))


def test_a_renewal_brings_another_pair(door: Door, pair: Any) -> None:
    answer = door.ask_tokens(renewal(pair), CLIENT)
    none_of(pair_faults(answer, door.contract))
    spent = answer.json["refresh_token"] == pair["refresh_token"]
    none_of(["the refresh token is the one that was spent"] if spent else [])


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
