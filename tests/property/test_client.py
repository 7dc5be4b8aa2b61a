"""Both clients raise documented exceptions only, for any answer and any failure of a transport."""

from __future__ import annotations

import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callers import Caller, async_caller, sync_caller
from enphase_streaming import (
    APIStatusError,
    ConnectionFailed,
    EnphaseStreamingError,
    EventTooLarge,
    NotAnEventStream,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)

REASONS: dict[type[Exception], str] = {
    StreamDropped: "dropped",
    StreamEndedEarly: "early",
    StreamStalled: "stalled",
    EventTooLarge: "too_large",
    NotAnEventStream: "not_a_stream",
}

pieces = st.sampled_from(
    [
        b'data:{"data":{"pv_power":30},"timestamp_epoch":1679041508556}\n\n',
        b"data:{}\n\n",
        b'data:{"data":{"data":{"pv_power":"12"}}}\r\n\r\n',
        b"data:[1]\n\n",
        b"data:",
        b"\n",
        b"\r",
        b'data:{"error":{"code":473}}\n\n',
        b'data:{"error":{}}\n\n',
        b": hello\n\n",
        b"retry:5\n",
        b'{"error":{"code":429},"period_end":1e99}',
        b"<html>",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\0",
        b'data:{"data":{},"timestamp_utc":"0001-01-01T00:00:00+01:00"}\n\n',
        b"x" * 3000,
        b"",
        gzip.compress(b'data:{"data":{}}\n\n' * 9),
        zlib.compress(b'data:{"error":{"code":473}}\n\n' * 9),
    ]
)
chunks = st.lists(pieces | st.binary(max_size=20), max_size=8)
errors = st.sampled_from(
    [
        httpx.ReadError("r"),
        httpx.ReadTimeout("t"),
        httpx.RemoteProtocolError("p"),
        httpx.PoolTimeout("p"),
        httpx.ConnectError("c"),
        httpx.DecodingError("d"),
        httpx.InvalidURL("u"),
        httpx.StreamClosed(),
        ConnectionResetError(104, "reset"),
        TimeoutError(),
        EOFError(),
        ssl.SSLError(1, "bad record"),
        ssl.SSLCertVerificationError(1, "who?"),
        ValueError("v"),
        RuntimeError("r"),
        KeyError("k"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        AssertionError(),
        MemoryError(),
    ]
)
types = st.sampled_from([b"text/event-stream", b"Text/Event-Stream;charset=x", b"application/json"])
codings = st.sampled_from([b"gzip", b"deflate", b"br", b"identity"])
values = (
    types | codings | st.binary(max_size=20).map(lambda value: value.translate(None, b"\r\n\0"))
)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [
                b"Content-Type",
                b"Content-Encoding",
                b"Content-Length",
                b"Retry-After",
                b"Location",
                b"Set-Cookie",
                b"Transfer-Encoding",
                b"X",
            ]
        ),
        values,
    ),
    max_size=4,
)
statuses = st.sampled_from([200] * 6 + [204, 302, 401, 429, 473, 500, 552, 999]) | st.integers(
    100, 999
)


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, chunks: list[bytes], error: Exception | None) -> None:
        self._chunks = chunks
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._error is not None:
            raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def check(caller: Caller, transport: httpx.MockTransport) -> None:
    options: dict[str, Any] = {
        "base_url": "http://127.0.0.1:9/api/v4",
        "transport": transport,
        "max_event_bytes": 2000,
    }
    outcome = caller(options)
    # Nothing here lasts thirty seconds, so no end is planned.
    error = outcome.error
    assert isinstance(error, EnphaseStreamingError)
    assert outcome.end is not None
    assert outcome.end.reason == REASONS.get(type(error), "error")
    if outcome.end.reason == "error":
        assert isinstance(error, APIStatusError | ConnectionFailed)
    assert outcome.end.readings == len(outcome.readings)


both = pytest.mark.parametrize("caller", [sync_caller, async_caller], ids=["sync", "async"])


@both
@given(statuses, headers, chunks, st.none() | errors)
@settings(max_examples=150)
@example(200, [], [b'data:{"data":{},"timestamp_utc":"0001-01-01T00:00:00+01:00"}\n\n'], None)
@example(429, [(b"Retry-After", b"Mon, 01 Jan 99999999999 00:00:00 GMT")], [], None)
def test_any_answer_raises_a_documented_exception(
    caller: Caller,
    status: int,
    headers: list[tuple[bytes, bytes]],
    chunks: list[bytes],
    error: Exception | None,
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=Body(chunks, error))

    check(caller, httpx.MockTransport(respond))


@both
@given(chunks, st.none() | errors)
@settings(max_examples=150)
def test_any_stream_raises_a_documented_exception(
    caller: Caller, chunks: list[bytes], error: Exception | None
) -> None:
    head = {"Content-Type": "text/event-stream"}

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=head, stream=Body(chunks, error))

    check(caller, httpx.MockTransport(respond))


@both
@given(errors)
@settings(max_examples=30)
def test_any_exception_of_a_transport_is_connection_failed(
    caller: Caller, error: Exception
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        raise error

    check(caller, httpx.MockTransport(respond))
