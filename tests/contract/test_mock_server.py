"""The mock seen from outside, with plain sockets."""

import gc
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from enphase_streaming import Plan, StreamingClient
from enphase_streaming_mock import MockServer, RecordedRequest
from enphase_streaming_mock.faults import FaultName

START = datetime(2026, 6, 21, 12, tzinfo=UTC)


@contextmanager
def connection(mock: MockServer) -> Iterator[socket.socket]:
    port = int(mock.base_url.removesuffix("/api/v4").rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as sock:
        yield sock


def request(
    mock: MockServer, *lines: str, path: str | None = None, key: str | None = None
) -> bytes:
    head = (
        f"GET {path or f'/api/v4/systems/{mock.system_id}/live_data'} HTTP/1.1",
        "Host: mock",
        f"key: {mock.api_key if key is None else key}",
        f"Authorization: Bearer {mock.access_token}",
        *lines,
    )
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        more = sock.recv(4096)
        assert more, received
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def read_chunks(sock: socket.socket, received: bytes) -> list[bytes]:
    """Every chunk up to the empty one that ends the body; nothing may follow it."""
    while not received.endswith(b"\r\n0\r\n\r\n"):
        more = sock.recv(65536)
        assert more, "the connection ended before the body did"
        received += more
    chunks = []
    while received:
        size, _, rest = received.partition(b"\r\n")
        chunk, ending, received = (
            rest[: int(size, 16)],
            rest[int(size, 16) :][:2],
            rest[int(size, 16) + 2 :],
        )
        assert ending == b"\r\n"
        chunks.append(chunk)
    return chunks


def within_a_second(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 1
    while not what() and time.monotonic() < deadline:
        time.sleep(0.005)
    return what()


def only_request(mock: MockServer) -> RecordedRequest:
    (entry,) = mock.requests
    return entry


def test_a_window_is_one_chunk_an_event_and_ends_with_the_empty_chunk() -> None:
    with MockServer(speed=200, start=START) as mock, connection(mock) as sock:
        sock.sendall(request(mock))
        head, rest = read_head(sock)
        *events, end = read_chunks(sock, rest)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: text/event-stream\r\n" in head
    assert b"\r\nTransfer-Encoding: chunked\r\n" in head
    assert (len(events), end) == (30, b"")
    for event in events:
        assert event.startswith(b'data:{"data":{"system_id":1765,')
        assert event.endswith(b',"type":"response"}\n\n')
        assert mock.engine.contract.event_faults(json.loads(event[5:])) == []


def test_events_and_end_keep_to_the_clock() -> None:
    with MockServer(speed=100) as mock, connection(mock) as sock:
        before = mock.monotonic()
        sock.sendall(request(mock))
        _, rest = read_head(sock)
        rest = rest or sock.recv(65536)
        assert rest.count(b"data:") <= 15
        assert mock.monotonic() - before < 15
        while not rest.endswith(b"\r\n0\r\n\r\n"):
            assert only_request(mock).events_sent <= mock.monotonic() - before + 1
            rest += sock.recv(65536)
        assert mock.monotonic() - before >= 30
        assert only_request(mock).closed_by == "server"
        assert only_request(mock).events_sent == 30


def test_the_connection_is_kept_for_the_next_request() -> None:
    with MockServer(speed=1000) as mock, connection(mock) as sock:
        for _ in range(2):
            sock.sendall(request(mock))
            _, rest = read_head(sock)
            assert len(read_chunks(sock, rest)) == 31
        sock.sendall(request(mock, key="wrong"))
        assert read_head(sock)[0].startswith(b"HTTP/1.1 401 ")
    assert [entry.status for entry in mock.requests] == [200, 200, 401]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("duration: 1", 461), ("duration: 99999", 462), ("duration: 1e2", 463), ("duration:", 463),
        ("duration: 30\r\nduration: 30", 463), (f"duration: {'9' * 5000}", 462),
        ("Prefer: code=551", 551), ("Accept: text/event-stream\r\nPrefer: code=472", 472),
    ],
)  # fmt: skip
def test_a_refusal_is_a_json_answer_with_its_status(line: str, status: int) -> None:
    with MockServer() as mock, connection(mock) as sock:
        sock.sendall(request(mock, line, "Connection: close"))
        head, body = read_head(sock)
        while more := sock.recv(4096):
            body += more
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert json.loads(body)["error"]["code"] == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\nHost: mock\r\n\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\nHost: mock\r\n\r\n", 404),
        (b"POST /api/v4/systems/1765/live_data HTTP/1.1\r\nHost: mock\r\n\r\n", 405),
        (b"GET /api/v4/systems/1765/live_data HTTP/1.0\r\n\r\n", 401),
        (b"GET / HTTP/1.1\r\nHost: mock\r\nx: " + b"x" * 70_000 + b"\r\n\r\n", 400),
        (b"\x00\xff garbage\r\n\r\n", 400),
    ],
)
def test_other_requests_are_refused(sent: bytes, status: int) -> None:
    with MockServer() as mock, connection(mock) as sock:
        sock.sendall(sent)
        assert sock.recv(65536).split(b" ")[1] == str(status).encode()


def until_closed(sock: socket.socket) -> bytes:
    received = b""
    while more := sock.recv(65536):
        received += more
    return received


@pytest.mark.parametrize("line", [(), ("Connection: keep-alive",)])
def test_http_1_0_gets_a_stream_that_ends_with_the_connection(line: tuple[str, ...]) -> None:
    with MockServer(speed=1000) as mock, connection(mock) as sock:
        sock.sendall(request(mock, *line).replace(b"HTTP/1.1", b"HTTP/1.0"))
        head, _, body = until_closed(sock).partition(b"\r\n\r\n")
        mock.assert_call(events=30, closed_by="server")
    assert head.startswith(b"HTTP/1.0 200 ")
    assert b"Transfer-Encoding" not in head
    events = body.split(b"\n\n")
    assert (len(events), events[-1]) == (31, b"")
    assert all(json.loads(event.removeprefix(b"data:"))["data"] for event in events[:-1])


@pytest.mark.parametrize("fault", ["drop", "incomplete-chunk", "bad-chunk-size", "close"])
def test_http_1_0_has_no_chunks_to_break(fault: FaultName) -> None:
    with MockServer(speed=1000) as mock, connection(mock) as sock:
        mock.fault(fault, after_events=2)
        sock.sendall(request(mock).replace(b"HTTP/1.1", b"HTTP/1.0"))
        _, _, body = until_closed(sock).partition(b"\r\n\r\n")
    assert (body.count(b"data:{"), body[-2:]) == (2, b"\n\n")


def test_http_1_0_gets_refusals_tokens_and_the_controls() -> None:
    with MockServer(speed=1000) as mock:
        for path, status in (("/oauth/token", 405), ("/_mock/journal", 200), ("/nowhere", 404)):
            with connection(mock) as sock:
                sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                assert until_closed(sock).split(b" ")[1] == str(status).encode()


@pytest.mark.parametrize(
    ("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("", "127.0.0.1")]
)
def test_a_server_on_every_interface_names_an_address_that_works(host: str, reached: str) -> None:
    with MockServer(speed=1000, host=host) as mock:
        assert mock.base_url.startswith(f"http://{reached}:")
        with StreamingClient(**mock.client_options) as client:
            assert client.snapshot(mock.system_id).consumption_power


def test_a_server_on_another_address_has_the_client_accept_plain_http() -> None:
    options = MockServer(host="192.0.2.7", port=4010).client_options
    assert options["base_url"] == "http://192.0.2.7:4010/api/v4"
    assert options["insecure_http"]
    StreamingClient(**options).close()
    assert "insecure_http" not in MockServer(port=4010).client_options


def test_a_key_with_bytes_beyond_ascii_is_a_wrong_key() -> None:
    with MockServer() as mock, connection(mock) as sock:
        sock.sendall(request(mock, key="k\xffy"))
        assert read_head(sock)[0].startswith(b"HTTP/1.1 401 ")


def test_a_client_that_leaves_is_noticed_between_two_events() -> None:
    with MockServer(speed=0.001) as mock:
        with connection(mock) as sock:
            sock.sendall(request(mock))
            read_head(sock)
        assert within_a_second(lambda: only_request(mock).closed_by == "client")
        assert only_request(mock).events_sent == 1
        assert only_request(mock).ended is not None


def test_a_client_that_resets_is_noticed_as_well() -> None:
    with MockServer() as mock:
        with connection(mock) as sock:
            sock.sendall(request(mock))
            read_head(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert within_a_second(lambda: only_request(mock).closed_by == "client")


def test_stopping_breaks_off_an_open_stream_without_a_clean_end() -> None:
    with ExitStack() as still_open:
        with MockServer() as mock:
            sock = still_open.enter_context(connection(mock))
            sock.sendall(request(mock))
            _, received = read_head(sock)
        while more := sock.recv(65536):
            received += more
    assert not received.endswith(b"0\r\n\r\n")
    assert only_request(mock).closed_by == "server"


def test_a_server_that_is_started_again_tells_who_left() -> None:
    server = MockServer()
    for _ in range(2):
        with server as mock:
            with connection(mock) as sock:
                sock.sendall(request(mock))
                read_head(sock)
            assert within_a_second(lambda: mock.calls[-1].closed_by is not None)
            assert (mock.calls[-1].closed_by, mock.calls[-1].broken) == ("client", False)


def test_stopping_is_fast_and_leaves_no_thread() -> None:
    with ExitStack() as still_open:
        with MockServer() as mock:
            for _ in range(5):
                sock = still_open.enter_context(connection(mock))
                sock.sendall(request(mock))
                read_head(sock)
            still_open.enter_context(connection(mock)).sendall(b"GET /half")
            before = time.monotonic()
        assert time.monotonic() - before < 0.5
        assert "enphase-mock" not in {thread.name for thread in threading.enumerate()}


def test_a_connection_that_arrives_while_it_stops_is_closed() -> None:
    for _ in range(10):
        with ExitStack() as still_open:
            with MockServer() as mock:
                for _ in range(2):
                    sock = still_open.enter_context(connection(mock))
            assert sock.recv(1) == b""
    gc.collect()  # an asyncio transport that was left open warns when it goes, and warnings fail


def test_a_taken_port_leaves_nothing_running() -> None:
    with MockServer() as mock:
        port = int(mock.base_url.removesuffix("/api/v4").rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"), MockServer(port=port):
            pytest.fail("the port was to be had twice")
        assert [thread.name for thread in threading.enumerate()].count("enphase-mock") == 1


def test_a_server_may_be_started_again() -> None:
    mock = MockServer()
    for _ in range(2):
        with mock, connection(mock) as sock:
            sock.sendall(request(mock, "duration: 1"))
            assert read_head(sock)[0].startswith(b"HTTP/1.1 461 ")


def test_a_server_that_was_not_started_has_no_address() -> None:
    mock = MockServer()
    for ask in (lambda: mock.base_url, lambda: mock.token_url, lambda: mock.client_options):
        with pytest.raises(RuntimeError, match=r"not started: .* `with MockServer\(\) as mock:`"):
            ask()
    assert MockServer(port=4010).base_url == "http://127.0.0.1:4010/api/v4"


def test_the_addresses_follow_the_document() -> None:
    with MockServer() as mock:
        origin = mock.base_url.removesuffix("/api/v4")
        assert origin.startswith("http://127.0.0.1:")
        assert mock.token_url == f"{origin}/oauth/token"


def test_five_hundred_concurrent_streams_each_get_a_whole_window() -> None:
    with MockServer(speed=20) as mock, ExitStack() as stack:
        socks = [stack.enter_context(connection(mock)) for _ in range(500)]
        for sock in socks:
            sock.sendall(request(mock))
        for sock in socks:
            assert len(read_chunks(sock, read_head(sock)[1])) == 31
        assert {entry.closed_by for entry in mock.requests} == {"server"}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"scenario": "nope"}, "scenario must be one of 'sunny-day', "),
        ({"speed": 0}, "speed must be a number from 0.001 to 1,000, got 0"),
        ({"seed": "x"}, "seed must be an int, got 'x'"),
        ({"wire": "outer"}, "wire must be one of 'plain', "),
        ({"port": -1}, "port must be .* from 0 to 65,535.*got -1"),
        ({"port": "80"}, "port must be an int.*got '80'"),
        ({"plan": Plan.KILOWATT}, "plan must be one of 'unlimited', .*got <Plan.KILOWATT"),
    ],
)
def test_a_bad_option_of_the_server_is_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MockServer(**option)
