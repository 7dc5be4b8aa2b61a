"""An HTTP/2 front for a scripted server: a connection of its own there for each stream here."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h11

from background import closing, in_background


@dataclass
class Front:
    """A running front, with the number of clients' connections: ever, and open now."""

    port: int = 0
    connections: int = 0
    open: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def base_url(self) -> str:
        return f"https://127.0.0.1:{self.port}/api/v4"


@contextmanager
def http2_front(port: int, tls: ssl.SSLContext) -> Iterator[Front]:
    """Yield a front for the HTTP/1.1 server on `port`."""
    tls.set_alpn_protocols(["h2"])
    front = Front()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        front.connections += 1
        front.open += 1
        try:
            await _Connection(port, writer).run(reader)
        finally:
            front.open -= 1
            front.closed.set()

    with in_background(serve, tls=tls) as front.port:
        yield front


class _Connection:
    def __init__(self, port: int, writer: asyncio.StreamWriter) -> None:
        self._port = port
        self._writer = writer
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._streams: dict[int, asyncio.Task[None]] = {}

    async def run(self, reader: asyncio.StreamReader) -> None:
        self._h2.initiate_connection()
        self._flush()
        try:
            while data := await reader.read(65536):
                for event in self._h2.receive_data(data):
                    self._take(event)
                self._flush()
        finally:
            for task in self._streams.values():
                task.cancel()
            await asyncio.gather(*self._streams.values(), return_exceptions=True)

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            stream, headers = event.stream_id, event.headers
            assert stream is not None
            assert headers is not None
            self._streams[stream] = asyncio.create_task(self._pass_on(stream, dict(headers)))
        elif isinstance(event, h2.events.StreamReset) and event.stream_id in self._streams:
            self._streams[event.stream_id].cancel()

    async def _pass_on(self, stream: int, headers: dict[bytes, bytes]) -> None:
        http = h11.Connection(h11.CLIENT)
        request = h11.Request(
            method=headers.pop(b":method"),
            target=headers.pop(b":path"),
            headers=[
                (b"host", headers.pop(b":authority")),
                *((name, value) for name, value in headers.items() if not name.startswith(b":")),
            ],
        )
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            async with closing(writer):
                writer.write(http.send(request) + http.send(h11.EndOfMessage()))
                while self._pass_back(stream, event := http.next_event()):
                    if event is h11.NEED_DATA:
                        http.receive_data(await reader.read(65536))
        except (h11.RemoteProtocolError, ConnectionError):
            self._h2.reset_stream(stream)
            self._flush()

    def _pass_back(self, stream: int, event: object) -> bool:
        if isinstance(event, h11.Response):
            hop = (b"transfer-encoding", b"connection")
            fields = [(name, value) for name, value in event.headers if name not in hop]
            status = (b":status", str(event.status_code).encode())
            self._h2.send_headers(stream, [status, *fields])
        elif isinstance(event, h11.Data):
            self._h2.send_data(stream, bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self._h2.end_stream(stream)
        self._flush()
        return not isinstance(event, h11.EndOfMessage)

    def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())
