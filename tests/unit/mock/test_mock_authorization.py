"""The owner's consent: which requests are redirected, and with what."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from enphase_streaming_mock import Mock, Reply, Request

URI = "https://app.example/in"


@pytest.fixture
def mock() -> Mock:
    return Mock()


def visit(mock: Mock, method: str = "GET", **changes: str | None) -> Reply:
    given = {
        "response_type": "code",
        "client_id": mock.client_id,
        "redirect_uri": URI,
        "state": "a b&c",
        **changes,
    }
    query = tuple((name, value) for name, value in given.items() if value is not None)
    path = mock.engine.contract.authorize_path
    return mock.engine.answer(Request(method, path, query=query), mock.now())


def redirected(reply: Reply) -> dict[str, str]:
    location = dict(reply.headers)["Location"]
    assert (reply.status, location.partition("?")[0]) == (302, URI)
    return dict(parse_qsl(urlsplit(location).query))


def test_the_owner_agrees_and_the_code_buys_tokens(mock: Mock) -> None:
    found = redirected(visit(mock))
    assert found["state"] == "a b&c"
    form = f"grant_type=authorization_code&code={found['code']}&redirect_uri={URI}".encode()
    headers = (
        ("Authorization", "Basic bW9jay1jbGllbnQtaWQ6bW9jay1jbGllbnQtc2VjcmV0"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    reply = mock.engine.answer(Request("POST", "/oauth/token", headers, body=form), mock.now())
    assert reply.status == 200


def test_a_redirect_keeps_the_query_and_needs_no_state(mock: Mock) -> None:
    reply = visit(mock, redirect_uri=f"{URI}?a=b", state=None)
    assert dict(reply.headers)["Location"].startswith(f"{URI}?a=b&code=")


def test_another_response_type_is_reported_to_the_application(mock: Mock) -> None:
    assert redirected(visit(mock, response_type="token"))["error"] == "unsupported_response_type"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_id": "x"}, "client_id must be"),
        ({"client_id": None}, "client_id must be"),
        *(
            ({"redirect_uri": uri}, "redirect_uri must be an absolute address")
            for uri in (None, "", "/in", "app.example", "javascript:alert(1)", "http://[::1")
        ),
        ({"redirect_uri": "https://app.example/\r\nX: y"}, "redirect_uri must be"),
    ],
)
def test_a_bad_request_is_not_redirected(mock: Mock, changes: dict[str, Any], said: str) -> None:
    reply = visit(mock, **changes)
    assert reply.status == 400
    assert said in json.loads(reply.body)["message"][0]


def test_only_get_is_allowed(mock: Mock) -> None:
    reply = visit(mock, "POST")
    assert (reply.status, ("Allow", "GET") in reply.headers) == (405, True)


def test_no_code_is_in_the_journal(mock: Mock) -> None:
    code = redirected(visit(mock))["code"]
    visit(mock, code=code)
    assert code not in repr(mock.requests)
