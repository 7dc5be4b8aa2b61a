"""What both clients send, and what they never do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from typing import Any

import httpx
import pytest

from callers import CREDENTIALS, Caller
from enphase_streaming import (
    AsyncStreamingClient,
    EnphaseStreamingError,
    InvalidArgument,
    StreamingClient,
)
from enphase_streaming.version import __version__
from scripted import STREAM_HEAD, HandClock, Peer, scripted

BASE_URL = "http://127.0.0.1:9/api/v4"  # nothing listens there: a test's transport answers


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """One reading, and a clean close."""

    def __iter__(self) -> Iterator[bytes]:
        yield HandClock().event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield HandClock().event()


class Recorder(httpx.MockTransport):
    """Keeps every request, and answers each with one reading."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Stream())


def sent(caller: Caller, *arguments: Any, **options: Any) -> httpx.Request:
    """Return the one request of one stream."""
    recorder = Recorder()
    caller({"base_url": BASE_URL, "transport": recorder, **options}, *arguments)
    (request,) = recorder.requests
    return request


# The request


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Accept", "text/event-stream, application/json"),
        ("Authorization", "Bearer the-token"),
        ("key", "the-key"),
        ("Accept-Encoding", "identity"),
        ("Cache-Control", "no-cache"),
        ("Connection", "close"),
        ("User-Agent", f"enphase-streaming/{__version__}"),
    ],
)
def test_a_request_carries_each_header_once(caller: Caller, header: str, value: str) -> None:
    headers = sent(caller).headers
    assert headers.get_list(header) == [value]
    assert (header.encode(), value.encode()) in headers.raw, "expected the usual spelling"


def test_a_request_is_a_get_of_the_live_data_of_a_site(caller: Caller) -> None:
    request = sent(caller, 1765, 60)
    assert request.method == "GET"
    assert str(request.url) == BASE_URL + "/systems/1765/live_data"
    assert request.url.query == b""
    assert request.content == b""


def test_the_default_url_is_that_of_enphase(caller: Caller) -> None:
    recorder = Recorder()
    caller({"transport": recorder})
    (request,) = recorder.requests
    assert str(request.url) == "https://api.enphaseenergy.com/api/v4/systems/1765/live_data"


def test_sends_no_duration_if_none_is_given(caller: Caller) -> None:
    assert "duration" not in sent(caller, 1765).headers
    assert "duration" not in sent(caller, 1765, None).headers


class Preset(int, Enum):
    MINUTE = 60


@pytest.mark.parametrize("duration", [60, timedelta(minutes=1), Preset.MINUTE])
def test_sends_a_duration_as_plain_digits(caller: Caller, duration: Any) -> None:
    assert sent(caller, 1765, duration).headers.get_list("duration") == ["60"]


@pytest.mark.parametrize("system_id", [1, 1765, 2**63 - 1])
def test_sends_a_system_id_as_plain_digits(caller: Caller, system_id: int) -> None:
    assert sent(caller, system_id).url.path == f"/api/v4/systems/{system_id}/live_data"


@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_ignores_trailing_slashes_of_the_base_url(caller: Caller, slashes: str) -> None:
    url = sent(caller, base_url=BASE_URL + slashes).url
    assert str(url) == BASE_URL + "/systems/1765/live_data"


def test_each_secret_is_in_its_header_only(caller: Caller) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.end()

    with scripted(script) as server:
        caller({"base_url": server.base_url})
    (peer,) = server.peers
    line, *headers = peer.request.split(b"\r\n")
    assert line == b"GET /api/v4/systems/1765/live_data HTTP/1.1"
    assert [h for h in headers if b"the-key" in h] == [b"key: the-key"]
    assert [h for h in headers if b"the-token" in h] == [b"Authorization: Bearer the-token"]


# One request, one connection


def endings() -> list[Any]:
    """Return answers after which a client could send again."""
    redirect = b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    return [
        pytest.param(STREAM_HEAD + b"0\r\n\r\n", id="an empty stream"),
        pytest.param(STREAM_HEAD + b"5\r\nda", id="a drop"),
        pytest.param(redirect, id="a redirect"),
        pytest.param(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", id="401"),
        pytest.param(b"HTTP/1.1 429 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", id="429"),
        pytest.param(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", id="503"),
        pytest.param(b"HTTP/1.1 408 No\r\nContent-Length: 0\r\n\r\n", id="408"),
        pytest.param(b"", id="no answer"),
    ]


@pytest.mark.parametrize("answer", endings())
def test_one_stream_is_one_request_after_any_answer(caller: Caller, answer: bytes) -> None:
    with scripted(lambda peer: peer.send(answer)) as server:
        outcome = caller({"base_url": server.base_url})
        assert isinstance(outcome.error, EnphaseStreamingError)
    assert len(server.peers) == 1
    assert server.peers[0].request.count(b"GET ") == 1


def keep_alive(peer: Peer) -> None:
    """Answer every request that comes on the connection."""
    while True:
        peer.send(STREAM_HEAD)
        peer.chunk(HandClock().event())
        peer.end()
        peer.request = b""
        try:
            peer.read_request()
        except ConnectionError:
            return


def two_streams(base_url: str, transport: httpx.HTTPTransport | None) -> None:
    with StreamingClient(**CREDENTIALS, base_url=base_url, transport=transport) as client:
        for _ in range(2):
            with suppress(EnphaseStreamingError):
                assert len(list(client.live_data(1765))) == 1


def two_async_streams(base_url: str, transport: httpx.AsyncHTTPTransport | None) -> None:
    async def read() -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=base_url, transport=transport
        ) as client:
            for _ in range(2):
                with suppress(EnphaseStreamingError):
                    assert len([reading async for reading in client.live_data(1765)]) == 1

    asyncio.run(read())


@pytest.mark.parametrize(
    ("read_two", "transport"),
    [
        (two_streams, None),
        (two_streams, httpx.HTTPTransport),
        (two_async_streams, None),
        (two_async_streams, httpx.AsyncHTTPTransport),
    ],
    ids=["sync", "sync, the user's transport", "async", "async, the user's transport"],
)
def test_a_connection_is_not_reused_by_the_next_stream(
    read_two: Callable[[str, Any], None], transport: Callable[[], Any] | None
) -> None:
    with scripted(keep_alive) as server:
        read_two(server.base_url, transport and transport())
    assert len(server.peers) == 2


def test_a_stream_closed_before_it_is_entered_sends_nothing() -> None:
    recorder = Recorder()
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=recorder) as client:
        stream = client.live_data(1765)
        stream.close()
        assert list(stream) == []
    assert recorder.requests == []
    assert stream.end is not None
    assert (stream.end.reason, stream.end.elapsed, stream.end.readings) == ("stopped", 0, 0)


def test_an_async_stream_closed_before_it_is_entered_sends_nothing() -> None:
    recorder = Recorder()

    async def run() -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=BASE_URL, transport=recorder
        ) as client:
            stream = client.live_data(1765)
            await stream.aclose()
            assert [reading async for reading in stream] == []
            assert stream.end is not None
            assert (stream.end.reason, stream.end.elapsed) == ("stopped", 0)

    asyncio.run(run())
    assert recorder.requests == []


def test_making_a_stream_sends_nothing() -> None:
    recorder = Recorder()
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=recorder) as client:
        client.live_data(1765)
    assert recorder.requests == []


def test_repr_shows_the_site_and_the_state() -> None:
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=Recorder()) as client:
        stream = client.live_data(1765)
        assert repr(stream) == "<ReadingStream of Site 1765: not begun>"
        next(stream)
        assert repr(stream) == "<ReadingStream of Site 1765: under way>"
    assert repr(stream).startswith("<ReadingStream of Site 1765: StreamEnd(reason='stopped', ")


def test_a_stream_that_is_over_cannot_be_entered_again() -> None:
    recorder = Recorder()
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=recorder) as client:
        with client.live_data(1765) as stream:
            next(stream)
        with pytest.raises(InvalidArgument, match="This stream is over"), stream:
            pass
    assert len(recorder.requests) == 1


def test_an_async_stream_that_is_over_cannot_be_entered_again() -> None:
    recorder = Recorder()

    async def run() -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=BASE_URL, transport=recorder
        ) as client:
            async with client.live_data(1765) as stream:
                await anext(stream)
            with pytest.raises(InvalidArgument, match="This stream is over"):
                async with stream:
                    pass

    asyncio.run(run())
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("read_two", [two_streams, two_async_streams])
def test_cookies_are_not_kept(
    read_two: Callable[[str, Any], None],
) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        headers = {"Content-Type": "text/event-stream", "Set-Cookie": "site=1; Path=/"}
        return httpx.Response(200, headers=headers, stream=Stream())

    read_two(BASE_URL, httpx.MockTransport(answer))
    assert ["cookie" in request.headers for request in requests] == [False, False]
