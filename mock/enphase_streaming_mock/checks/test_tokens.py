"""The token endpoint, as the document and RFC 6749 say.

Every check gets tokens of its own, so the suite can run again on the same server.
"""

from typing import Any

import pytest

from enphase_streaming_mock.account import CLIENT_ID, CLIENT_SECRET, OWNER, PASSWORD
from enphase_streaming_mock.checks.client import Client
from enphase_streaming_mock.checks.conformance import (
    expect_status,
    expect_stream,
    expect_token_error,
    expect_tokens,
    fail_on,
)

APPLICATION = (CLIENT_ID, CLIENT_SECRET)
LOGIN = {"grant_type": "password", "username": OWNER, "password": PASSWORD}


@pytest.fixture
def tokens(client: Client) -> Any:
    """A new pair of tokens."""
    answer = client.ask_tokens(LOGIN, APPLICATION)
    expect_tokens(answer)
    return answer.json


def renewal(tokens: Any) -> dict[str, str]:
    """Return the form that trades a refresh token for the next pair."""
    return {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}


@pytest.mark.parametrize("in_query", [False, True], ids=["form", "query"])
def test_login_returns_a_pair_of_tokens(client: Client, in_query: bool) -> None:
    expect_tokens(client.ask_tokens(LOGIN, APPLICATION, in_query=in_query))


def test_tokens_are_not_cached(client: Client) -> None:
    answer = client.ask_tokens(LOGIN, APPLICATION)
    control = answer.headers.get("cache-control", "")  # RFC 6749, section 5.1
    is_stored = "no-store" not in control
    fail_on([f"Cache-Control is {control!r}, without no-store"] if is_stored else [], answer)


def test_new_access_token_opens_a_stream(client: Client, tokens: Any) -> None:
    expect_stream(client.ask(headers={"authorization": f"Bearer {tokens['access_token']}"}))


def test_renewal_returns_another_refresh_token(client: Client, tokens: Any) -> None:
    answer = client.ask_tokens(renewal(tokens), APPLICATION)
    expect_tokens(answer)
    is_same = answer.json["refresh_token"] == tokens["refresh_token"]
    fail_on(["the answer repeats the refresh token that was spent"] if is_same else [], answer)


def test_refresh_token_is_spent_by_its_use(client: Client, tokens: Any) -> None:
    client.ask_tokens(renewal(tokens), APPLICATION)
    expect_token_error(client.ask_tokens(renewal(tokens), APPLICATION), 400)


@pytest.mark.parametrize("secret", [None, "not-the-secret"], ids=["missing", "wrong"])
def test_application_has_to_authenticate(client: Client, secret: str | None) -> None:
    application = None if secret is None else (CLIENT_ID, secret)
    expect_token_error(client.ask_tokens(LOGIN, application), 401)


@pytest.mark.parametrize(
    "form",
    [{}, {"grant_type": "telepathy"}, {"grant_type": "refresh_token"}],
    ids=["no-grant", "unknown-grant", "no-token"],
)
def test_invalid_grant_is_refused(client: Client, form: dict[str, str]) -> None:
    expect_token_error(client.ask_tokens(form, APPLICATION), 400)


def test_client_credentials_are_no_grant(client: Client) -> None:
    form = {"grant_type": "client_credentials"}
    expect_token_error(client.ask_tokens(form, APPLICATION), 400, 401)


def test_token_endpoint_refuses_get(client: Client) -> None:
    expect_status(client.ask(url=client.token_url), 405)
