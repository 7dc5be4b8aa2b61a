"""Every fault of the mock, seen from outside with plain sockets: the bytes, and how it ended."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from enphase_streaming_mock import MockServer
from enphase_streaming_mock.faults import KINDS, FaultName

SPEED = 1000
# In seconds: longer than a busy machine may take to the next byte.
SILENT = 1.0
RESET = object()
OPEN = object()


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(speed=SPEED) as running:
        yield running


@pytest.fixture
def mock(server: MockServer) -> Iterator[MockServer]:
    yield server
    server.reset()


def connect(mock: MockServer) -> socket.socket:
    port = int(mock.base_url.removesuffix("/api/v4").rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def ask(mock: MockServer, sock: socket.socket, key: str | None = None, line: str = "") -> None:
    sock.sendall(
        f"GET /api/v4/systems/{mock.system_id}/live_data HTTP/1.1\r\nHost: mock\r\n{line}"
        f"key: {key or mock.api_key}\r\nAuthorization: Bearer {mock.access_token}\r\n\r\n".encode()
    )


def receive(sock: socket.socket, patience: float = 5) -> tuple[bytes, object]:
    """All that comes, and how it ended: b"" for FIN, RESET, or OPEN if it is still going on.

    A connection that is kept after the body's clean end is OPEN as well.
    """
    received = b""
    sock.settimeout(patience)
    while True:
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            return received, RESET
        except TimeoutError:
            return received, OPEN
        if not more:
            return received, b""
        received += more
        if received.endswith(b"\r\n0\r\n\r\n"):
            return received, OPEN


def stream(mock: MockServer, patience: float = 5) -> tuple[bytes, bytes, object]:
    """The head, the raw bytes after it, and how the connection ended."""
    with closing(connect(mock)) as sock:
        ask(mock, sock)
        received, end = receive(sock, patience)
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body, end


def answer(mock: MockServer, key: str | None = None) -> tuple[bytes, bytes]:
    """The head and the body of an answer after which the server closes the connection."""
    with closing(connect(mock)) as sock:
        ask(mock, sock, key, "Connection: close\r\n")
        received, _ = receive(sock)
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


def unchunk(body: bytes) -> tuple[list[bytes], bytes]:
    """The whole chunks of a body, the empty last one included, and what is left after them."""
    chunks: list[bytes] = []
    while True:
        size, line, rest = body.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            return chunks, body
        if not line or rest[length : length + 2] != b"\r\n":
            return chunks, body
        chunks.append(rest[:length])
        body = rest[length + 2 :]
        if not length:
            return chunks, body


def is_event(chunk: bytes) -> bool:
    return chunk.endswith(b"\n\n") and "data" in json.loads(chunk.removeprefix(b"data:"))


def test_a_reset_is_an_rst_without_the_last_chunk(mock: MockServer) -> None:
    mock.fault("reset", after_events=3)
    _, body, end = stream(mock)
    chunks, left = unchunk(body)
    assert (len(chunks), left, end) == (3, b"", RESET)
    assert all(map(is_event, chunks))


def test_a_drop_is_a_fin_without_the_last_chunk(mock: MockServer) -> None:
    mock.fault("drop", after_events=3)
    _, body, end = stream(mock)
    chunks, left = unchunk(body)
    assert (len(chunks), left, end) == (3, b"", b"")


def test_a_drop_at_the_end_lacks_only_the_last_chunk(mock: MockServer) -> None:
    mock.fault("drop", after_events=30)
    _, body, end = stream(mock)
    chunks, left = unchunk(body)
    assert (len(chunks), left, end) == (30, b"", b"")


def test_a_fault_beyond_the_streams_length_does_not_strike(mock: MockServer) -> None:
    mock.fault("drop", after_events=31)
    _, body, end = stream(mock)
    assert (unchunk(body)[0][-1], end) == (b"", OPEN)
    mock.assert_call(events=30, closed_by="server")


def test_a_clean_early_close_has_its_last_chunk_and_keeps_the_connection(mock: MockServer) -> None:
    mock.fault("close", after_events=3)
    with closing(connect(mock)) as sock:
        for count in (3, 30):
            ask(mock, sock)
            received, end = receive(sock)
            *chunks, last = unchunk(received.partition(b"\r\n\r\n")[2])[0]
            assert (len(chunks), last, end) == (count, b"", OPEN)


@pytest.mark.parametrize("cut", [1, 5, 300, 301, 1000])
def test_a_drop_after_bytes_cuts_the_body_exactly(mock: MockServer, cut: int) -> None:
    mock.fault("drop", after_bytes=cut)
    _, body, end = stream(mock)
    chunks, left = unchunk(body)
    assert (len(b"".join(chunks)), left, end) == (cut, b"", b"")


def test_an_incomplete_chunk_announces_more_than_it_holds(mock: MockServer) -> None:
    mock.fault("incomplete-chunk", after_events=2)
    _, body, end = stream(mock)
    chunks, left = unchunk(body)
    size, _, held = left.partition(b"\r\n")
    assert (len(chunks), end) == (2, b"")
    assert 0 < len(held) < int(size, 16)
    assert held.startswith(b"data:{")


def test_a_bad_chunk_size_is_not_a_number(mock: MockServer) -> None:
    mock.fault("bad-chunk-size", after_events=2)
    _, body, end = stream(mock)
    chunks, left = unchunk(body)
    assert (len(chunks), end) == (2, b"")
    assert left.startswith(b"size?\r\ndata:{")


def test_malformed_json_is_one_event_and_the_stream_goes_on(mock: MockServer) -> None:
    mock.fault("malformed-json", after_events=2)
    *chunks, last = unchunk(stream(mock)[1])[0]
    assert (len(chunks), last) == (30, b"")
    with pytest.raises(json.JSONDecodeError):
        json.loads(chunks.pop(2).removeprefix(b"data:"))
    assert all(map(is_event, chunks))


def test_a_truncated_event_lacks_its_blank_line_and_the_stream_ends_cleanly(
    mock: MockServer,
) -> None:
    mock.fault("truncated-event", after_events=2)
    *chunks, cut, last = unchunk(stream(mock)[1])[0]
    assert (len(chunks), last) == (2, b"")
    assert cut.startswith(b"data:{")
    assert not cut.endswith(b"\n")


def test_invalid_utf8_is_one_event_and_the_stream_goes_on(mock: MockServer) -> None:
    mock.fault("invalid-utf8", after_events=2)
    *chunks, last = unchunk(stream(mock)[1])[0]
    assert (len(chunks), last) == (30, b"")
    with pytest.raises(UnicodeDecodeError):
        chunks.pop(2).decode()
    assert all(map(is_event, chunks))


def test_an_oversized_event_has_its_size_to_the_byte(mock: MockServer) -> None:
    mock.fault("oversized-event", after_events=1, size=3_000_000)
    *chunks, last = unchunk(stream(mock)[1])[0]
    events = b"".join(chunks).split(b"\n\n")[:-1]
    assert (len(events), last) == (30, b"")
    assert [len(event) + 2 for event in events if len(event) > 1000] == [3_000_000]
    assert set(json.loads(events[1].removeprefix(b"data:"))["padding"]) == {"x"}


def test_silence_keeps_the_connection_open(mock: MockServer) -> None:
    mock.fault("silence", after_events=2)
    _, body, end = stream(mock, SILENT)
    chunks, left = unchunk(body)
    assert (len(chunks), left, end) == (2, b"", OPEN)
    mock.assert_call(events=2)


def test_silence_may_fall_in_the_middle_of_an_event(mock: MockServer) -> None:
    mock.fault("silence", after_bytes=100)
    _, body, end = stream(mock, SILENT)
    assert (len(b"".join(unchunk(body)[0])), end) == (100, OPEN)


def test_comments_come_alone_until_the_streams_end(mock: MockServer) -> None:
    mock.fault("comments", after_events=2, seconds=4)
    *chunks, last = unchunk(stream(mock)[1])[0]
    assert (chunks[2:], last) == ([b":keep-alive\n\n"] * 7, b"")
    mock.assert_call(events=2)


def test_an_overrun_stream_goes_on_beyond_its_duration(mock: MockServer) -> None:
    mock.fault("overrun", seconds=10)
    *chunks, last = unchunk(stream(mock)[1])[0]
    assert (len(chunks), last) == (40, b"")
    with closing(connect(mock)) as sock:
        mock.fault("overrun")
        ask(mock, sock)
        received = b""
        while received.count(b"data:{") < 100:
            received += sock.recv(65536)


def test_an_error_comes_as_an_event_of_the_stream(mock: MockServer) -> None:
    mock.fault("error-event", after_events=2, code=473)
    *chunks, event, last = unchunk(stream(mock)[1])[0]
    assert (len(chunks), last) == (2, b"")
    assert json.loads(event.removeprefix(b"data:"))["error"]["code"] == 473


def test_token_expiry_ends_the_stream_and_opens_no_other(mock: MockServer) -> None:
    mock.fault("token-expiry", after_events=2)
    *_, event, last = unchunk(stream(mock)[1])[0]
    assert last == b""
    assert b"Access token has expired" in event
    head, body = answer(mock)
    assert head.startswith(b"HTTP/1.1 401 ")
    assert json.loads(body)["error"]["message"] == "Access token has expired"


CODES = sorted(MockServer().engine.contract.refusals)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("form", ["json", "event-stream", "framed"])
def test_each_documented_code_comes_in_each_form(mock: MockServer, code: int, form: Any) -> None:
    mock.fault("error", code=code, form=form)
    head, body = answer(mock)
    assert head.startswith(f"HTTP/1.1 {code} ".encode())
    kind = b"application/json" if form == "json" else b"text/event-stream"
    assert b"\r\nContent-Type: " + kind + b"\r\n" in head
    assert body.endswith(b"\n\n") == (form == "framed")
    assert json.loads(body.removeprefix(b"data:"))["error"]["code"] == code


@pytest.mark.parametrize(
    ("shape", "status", "holds"),
    [
        ("unauthorized", 401, b'"code": 401}'),
        ("unauthorized-text-code", 401, b'"code": "401"}'),
        ("client-mismatch", 401, b"API Key -Client mismatch"),
        ("forbidden", 403, b'"message": "Forbidden"'),
        ("method-not-allowed", 405, b'{"reason": "405", "message": ["Method not allowed"]}'),
        ("not-implemented", 501, b'"reason": "501"'),
        ("unavailable", 500, b'{"errorCode": 7, "errorMessages": ["Data is temporarily'),
        ("too-many-minute", 429, b'"period": "minute", "period_start": '),
        ("too-many-month", 429, b'"period": "month", "period_start": '),
        ("too-many", 429, b'Usage limit exceeded for plan Kilowatt", "code": 429}'),
        ("page", 502, b"<!DOCTYPE html>"),
    ],
)
def test_the_gateway_answers_in_its_own_shapes(
    mock: MockServer, shape: Any, status: int, holds: bytes
) -> None:
    mock.fault("gateway", shape=shape)
    head, body = answer(mock)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert holds in body


@pytest.mark.parametrize(("name", "kind"), [("json", b"application/json"), ("html", b"text/html")])
@pytest.mark.parametrize("code", [200, 503])
def test_json_or_html_replaces_a_stream(
    mock: MockServer, name: FaultName, kind: bytes, code: int
) -> None:
    mock.fault(name, code=code)
    head, body = answer(mock)
    assert head.startswith(f"HTTP/1.1 {code} ".encode())
    assert b"\r\nContent-Type: " + kind in head
    assert body


def test_an_endless_error_body_does_not_end(mock: MockServer) -> None:
    mock.fault("endless-error", code=503)
    with closing(connect(mock)) as sock:
        ask(mock, sock)
        received = b""
        while len(received) < 200_000:
            received += sock.recv(65536)
    assert received.startswith(b"HTTP/1.1 503 ")


def test_a_slow_head_comes_after_its_delay(mock: MockServer) -> None:
    mock.fault("slow-head", seconds=200)
    with closing(connect(mock)) as sock:
        before = time.monotonic()
        ask(mock, sock)
        sock.recv(1)
        assert 0.2 <= time.monotonic() - before < 1


def test_a_client_that_leaves_before_a_slow_head_is_noticed(mock: MockServer) -> None:
    mock.fault("slow-head", seconds=86_400)
    with closing(connect(mock)) as sock:
        ask(mock, sock)
        assert receive(sock, 0.05) == (b"", OPEN)
    deadline = time.monotonic() + 5
    while [call.closed_by for call in mock.requests] != ["client"] and time.monotonic() < deadline:
        time.sleep(0.005)
    assert [call.closed_by for call in mock.requests] == ["client"]


@pytest.mark.parametrize(("how", "ending"), [("close", b""), ("reset", RESET)])
def test_a_connection_may_end_before_a_head(mock: MockServer, how: Any, ending: object) -> None:
    mock.fault("hang-up", how=how)
    with closing(connect(mock)) as sock:
        ask(mock, sock)
        assert receive(sock) == (b"", ending)
    assert mock.requests[-1].status == 0


def test_a_fault_strikes_once_several_times_or_always(mock: MockServer) -> None:
    def struck() -> bool:
        return answer(mock)[0].startswith(b"HTTP/1.1 551 ")

    mock.fault("error")
    assert [struck(), struck()] == [True, False]
    mock.fault("error", requests=2)
    assert [struck() for _ in range(3)] == [True, True, False]
    mock.fault("error", always=True)
    assert [struck() for _ in range(4)] == [True] * 4
    mock.clear_faults()
    assert not struck()


def test_faults_strike_in_the_order_they_were_set(mock: MockServer) -> None:
    mock.fault("close", after_events=1)
    mock.fault("error", code=473)
    assert len(unchunk(stream(mock)[1])[0]) == 2
    assert answer(mock)[0].startswith(b"HTTP/1.1 473 ")


def test_a_fault_of_the_stream_waits_for_one_that_opens(mock: MockServer) -> None:
    mock.fault("drop", after_events=1)
    assert answer(mock, key="wrong")[0].startswith(b"HTTP/1.1 401 ")
    _, body, end = stream(mock)
    assert (len(unchunk(body)[0]), end) == (1, b"")


def test_every_fault_is_tested_in_this_file() -> None:
    with open(__file__, encoding="utf-8") as source:
        text = source.read()
    assert [name for name in KINDS if f'"{name}"' not in text] == []
