"""Web pages and the mock: its controls refuse them, and its API lets them in only if told to."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from enphase_streaming_mock import MockServer

PAGE = "https://evil.example"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(speed=1000) as running:
        yield running


@pytest.fixture
def mock(server: MockServer) -> Iterator[MockServer]:
    yield server
    server.reset()


def ask(
    mock: MockServer, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> http.client.HTTPResponse:
    address = urlsplit(mock.base_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(None if body is None else body.encode())
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


FOREIGN = [
    {"Origin": PAGE},
    {"Origin": "null"},
    {"Origin": "http://localhost:3000"},
    {"Host": "evil.example"},
    {"Host": "evil.example:4010"},
    {"Host": "localhost.evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "[::1"},
    {"Origin": "http://[::1"},
    {"Host": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "account"), ("GET", "journal"), ("POST", "reset"), ("PUT", "account")),
        *(("GET", "x"), ("GET", ""), ("GET", "console.js"), ("GET", "events")),
    ],
)
def test_a_foreign_page_cannot_use_the_controls(
    mock: MockServer, method: str, path: str, headers: dict[str, str]
) -> None:
    body = '{"plan": "watt"}' if method == "PUT" else None
    response = ask(mock, method, f"/_mock/{path}", headers, body)
    assert response.status == 403
    assert response.headers["Content-Type"].startswith("application/json")
    assert mock.account.app.plan.name == "Unlimited"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:4010"},
        {"Host": "LOCALHOST"},
        {"Host": "127.0.0.1"},
        {"Host": "127.1.2.3:80"},
        {"Host": "[::1]:4010"},
        {"Host": "localhost:4010", "Origin": "http://localhost:4010"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_programs_on_this_machine_use_the_controls(
    mock: MockServer, headers: dict[str, str]
) -> None:
    assert ask(mock, "GET", "/_mock/account", headers).status == 200


def api_of(mock: MockServer) -> tuple[str, dict[str, str]]:
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    return f"/api/v4/systems/{mock.system_id}/live_data", {**access, "Origin": PAGE}


def cross_origin_headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {
        name: value for name, value in response.headers.items() if name.startswith("Access-Control")
    }


def test_the_api_sends_no_cors_headers_by_default(mock: MockServer) -> None:
    path, headers = api_of(mock)
    assert cross_origin_headers(ask(mock, "GET", path, headers)) == {}
    assert ask(mock, "OPTIONS", path, headers).status == 405


@pytest.fixture(scope="module")
def open_server() -> Iterator[MockServer]:
    with MockServer(speed=1000, cors=True) as running:
        yield running


def test_with_cors_a_page_may_stream(open_server: MockServer) -> None:
    open_server.reset()
    path, headers = api_of(open_server)
    preflight = ask(
        open_server,
        "OPTIONS",
        path,
        {
            "Origin": PAGE,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,duration,key",
        },
    )
    assert preflight.status == 204
    assert cross_origin_headers(preflight) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "authorization,duration,key",
        "Access-Control-Max-Age": "600",
    }
    streamed = ask(open_server, "GET", path, headers)
    assert (streamed.status, streamed.headers["Access-Control-Allow-Origin"]) == (200, "*")
    refused = ask(open_server, "GET", path, {"Origin": PAGE})
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, "*")
    tokens = ask(open_server, "POST", "/oauth/token", {"Origin": PAGE}, "")
    assert (tokens.status, tokens.headers["Access-Control-Allow-Origin"]) == (401, "*")
    open_server.assert_calls(2)  # a preflight is no call


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_cors_never_opens_the_controls(open_server: MockServer, method: str) -> None:
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    response = ask(open_server, method, "/_mock/account", headers)
    assert response.status == 403
    assert cross_origin_headers(response) == {}
    own = ask(open_server, "GET", "/_mock/account", {})
    assert (own.status, cross_origin_headers(own)) == (200, {})


def test_cors_must_be_a_bool() -> None:
    with pytest.raises(ValueError, match="cors must be one of False, True, got 1"):
        MockServer(cors=1)  # type: ignore[arg-type]
