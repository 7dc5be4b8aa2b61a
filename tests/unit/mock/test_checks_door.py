from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from enphase_streaming_mock import Mock
from enphase_streaming_mock.checks.backend import Backend, choose
from enphase_streaming_mock.checks.door import Door, Unanswered
from enphase_streaming_mock.contract import load_contract

REAL = {
    "ENPHASE_API_KEY": "planted-key",
    "ENPHASE_ACCESS_TOKEN": "planted-token",
    "ENPHASE_SYSTEM_ID": "5550123",
}
UNANSWERED = "no answer came from https://api.enphaseenergy.com/api/v4: ConnectError: refused"


def door(backend: Backend, answer: Callable[[httpx.Request], httpx.Response]) -> Door:
    return Door(backend, load_contract(), httpx.MockTransport(answer))


def answered(status: int, *body: bytes, **headers: str) -> httpx.Response:
    # A body that is no iterator counts as read already.
    return httpx.Response(status, headers=headers, content=iter(body))


def test_a_call_carries_both_credentials_and_says_who_calls() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url == "https://api.enphaseenergy.com/api/v4/systems/5550123/live_data"
        assert request.headers["key"] == "planted-key"
        assert request.headers["authorization"] == "Bearer planted-token"
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["user-agent"] == "enphase_streaming_mock.checks"
        assert "duration" not in request.headers
        return answered(403)

    assert door(choose(REAL, kind="real"), answer).ask().status == 403


def test_a_header_may_be_replaced_added_and_left_out() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "key" not in request.headers
        assert request.headers["authorization"] == "Bearer other"
        assert request.headers["duration"] == "29"
        return answered(401)

    headers = {"key": None, "authorization": "Bearer other", "duration": "29"}
    assert door(choose({}), answer).ask(headers=headers).status == 401


@pytest.mark.parametrize("calls", [1, 3])
def test_the_real_api_is_asked_no_more_often_than_allowed(calls: int) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answered(503)

    real = door(choose(REAL, kind="real", calls=calls), answer)
    for _ in range(calls):
        real.ask()
    with pytest.raises(Unanswered, match=f"--calls {calls} allows no further call"):
        real.ask()
    with pytest.raises(Unanswered, match="allows no further call"):
        real.open({})
    with pytest.raises(Unanswered, match="allows no further call"):
        real.ask_tokens({}, None)
    assert len(asked) == calls


def test_a_redirect_is_not_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return answered(302, location="http://elsewhere.example")

    assert door(choose(REAL, kind="real"), answer).ask().status == 302


def test_a_call_that_is_not_answered_counts_and_its_failure_shows_no_secret() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    real = door(choose(REAL, kind="real"), answer)
    with pytest.raises(Unanswered, match=UNANSWERED) as failure:
        real.ask()
    assert real.asked == 1
    assert failure.value.__cause__ is failure.value.__context__ is None
    ours = [entry for entry in failure.traceback if Path(entry.path).parent.name == "checks"]
    assert ours
    for entry in ours:
        assert "planted" not in repr(entry.locals)


def test_a_secret_that_is_repeated_is_masked() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return answered(401, f"no {request.headers['key']} here".encode())

    said = door(choose(REAL, kind="real"), answer).ask()
    assert said.body == b"no *** here"
    assert "planted" not in repr(said)


def test_an_answer_is_read_as_far_as_an_error_may_be_long() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return answered(500, *[b"x" * 40_000] * 100)

    assert len(door(choose({}), answer).ask().body) == 80_000


def test_a_stream_is_left_unread() -> None:
    mock = Mock()
    backend = choose({}, base_url=mock.base_url)
    answer = Door(backend, load_contract(), mock.transport()).ask()
    assert (answer.status, answer.kind, answer.body) == (200, "text/event-stream", b"")
    mock.assert_call(closed_by="client")
