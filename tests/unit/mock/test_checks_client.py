from collections.abc import Callable

import httpx
import pytest

from enphase_streaming_mock import Mock
from enphase_streaming_mock.checks.backend import Backend, choose_backend
from enphase_streaming_mock.checks.client import Client

REAL = {
    "ENPHASE_API_KEY": "planted-key",
    "ENPHASE_ACCESS_TOKEN": "planted-token",
    "ENPHASE_SYSTEM_ID": "5550123",
}
NO_FURTHER_CALL = pytest.raises(pytest.fail.Exception, match="allows no further call")


def client(backend: Backend, answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client(backend, httpx.MockTransport(answer))


def response(status: int, *body: bytes, **headers: str) -> httpx.Response:
    # httpx takes a body that is no iterator as read already.
    return httpx.Response(status, headers=headers, content=iter(body))


def test_request_carries_both_credentials_and_a_user_agent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url == "https://api.enphaseenergy.com/api/v4/systems/5550123/live_data"
        assert request.headers["key"] == "planted-key"
        assert request.headers["authorization"] == "Bearer planted-token"
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["user-agent"] == "enphase_streaming_mock.checks"
        assert "duration" not in request.headers
        return response(403)

    assert client(choose_backend(REAL, kind="real"), answer).ask().status == 403


def test_headers_can_be_replaced_added_and_left_out() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "key" not in request.headers
        assert request.headers["authorization"] == "Bearer other"
        assert request.headers["duration"] == "29"
        return response(401)

    headers = {"key": None, "authorization": "Bearer other", "duration": "29"}
    assert client(choose_backend({}), answer).ask(headers=headers).status == 401


def test_answer_names_its_request_without_credentials() -> None:
    real = client(choose_backend(REAL, kind="real"), lambda _: response(401))
    answer = real.ask(headers={"duration": "29"})
    assert answer.request == "GET /api/v4/systems/5550123/live_data, duration: 29"
    assert "planted" not in repr(answer)


@pytest.mark.parametrize("calls", [1, 3])
def test_real_api_is_asked_no_more_often_than_allowed(calls: int) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return response(503)

    real = client(choose_backend(REAL, kind="real", calls=calls), answer)
    for _ in range(calls):
        real.ask()
    with NO_FURTHER_CALL:
        real.ask()
    with NO_FURTHER_CALL:
        real.open()
    with NO_FURTHER_CALL:
        real.ask_tokens({}, None)
    assert len(requests) == calls


def test_redirect_is_not_followed() -> None:
    real = client(
        choose_backend(REAL, kind="real"),
        lambda _: response(302, location="http://elsewhere.example"),
    )
    assert real.ask().status == 302


def test_request_without_an_answer_counts_and_says_why() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    real = client(choose_backend(REAL, kind="real"), answer)
    assert (real.ask().status, real.sent) == (0, 1)
    mock = client(choose_backend({}), answer)
    assert mock.ask().trouble == "ConnectError: refused"


def test_long_body_is_not_read_to_its_end() -> None:
    mock = client(choose_backend({}), lambda _: response(500, *[b"x" * 40_000] * 100))
    assert len(mock.ask().body) == 80_000


def test_stream_is_left_unread() -> None:
    mock = Mock()
    backend = choose_backend({}, base_url=mock.base_url)
    answer = Client(backend, mock.transport()).ask()
    assert (answer.status, answer.media_type, answer.body) == (200, "text/event-stream", b"")
    mock.assert_call(closed_by="client")


@pytest.mark.parametrize("body", [b"", b"gone", b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_is_none(body: bytes) -> None:
    assert client(choose_backend({}), lambda _: response(500, body)).ask().json is None
