"""A server on a loopback socket that runs the script of a test, byte by byte."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
PATIENCE = 10.0
"""Seconds after which a test that hangs fails."""


class HandClock:
    """A clock that only a test moves: monotonic seconds, and the moment that belongs to them."""

    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_790_000_000 + self.time, UTC)

    def event(self, **fields: object) -> bytes:
        """Return a framed event of the present moment."""
        reading = {
            "data": {"pv_power": 30, **fields},
            "timestamp_epoch": int(self.now().timestamp() * 1000),
            "type": "response",
        }
        return b"data:" + json.dumps(reading).encode() + b"\n\n"


@dataclass
class Peer:
    """The server's end of one connection."""

    sock: socket.socket
    request: bytes = b""

    def read_request(self) -> None:
        while b"\r\n\r\n" not in self.request:
            received = self.sock.recv(65536)
            if not received:
                raise ConnectionError("the client sent no whole request")
            self.request += received

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.send(b"0\r\n\r\n")

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_for_hang_up(self) -> None:
        """Return once the client has closed the connection, by a reset or not."""
        with suppress(ConnectionError):
            while self.sock.recv(65536):
                pass


@dataclass
class Scripted:
    """A running server, its connections, and what failed in its scripts."""

    url: str
    peers: list[Peer] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return self.url + "/api/v4"


@contextmanager
def scripted(
    script: Callable[[Peer], None], *, tls: ssl.SSLContext | None = None, read_request: bool = True
) -> Iterator[Scripted]:
    """Run `script` for each connection. A script that raises, or never ends, fails the test."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    server = Scripted(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")

    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        peer = Peer(connection)
        try:
            connection.settimeout(PATIENCE)
            if tls:
                peer.sock = tls.wrap_socket(connection, server_side=True)
            server.peers.append(peer)
            if read_request:
                peer.read_request()
            script(peer)
        except Exception as error:  # noqa: BLE001 - shown by the test that owns the server
            server.failures.append(error)
        finally:
            peer.sock.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if over.is_set():
                connection.close()
                return
            thread = threading.Thread(target=serve, args=(connection,), daemon=True)
            server.threads = [each for each in server.threads if each.is_alive()] + [thread]
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        over.set()
        with suppress(OSError):  # Linux alone lets a shutdown end accept()
            socket.create_connection(listener.getsockname(), 1).close()
        listener.close()
        accepting.join(PATIENCE)
        for thread in server.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the server's script never ended"
    if server.failures:
        raise server.failures[0]


# The phases of a stream in which its caller may leave: each sets `reached` when it has come.


def waiting_for_the_head(peer: Peer, reached: threading.Event) -> None:
    peer.read_request()
    reached.set()
    peer.wait_for_hang_up()


def reading(peer: Peer, reached: threading.Event) -> None:
    peer.read_request()
    peer.send(STREAM_HEAD)
    peer.chunk(b": open\n\n")
    reached.set()
    peer.wait_for_hang_up()
