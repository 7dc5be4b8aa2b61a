"""Transports as a user may write them: they know nothing of httpcore, nor of this client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import h11
import httpx


class BlockingTransport(httpx.BaseTransport):
    """Blocks in `recv` until the server sends or closes; only closing the client ends that."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sock = socket.create_connection((request.url.host, request.url.port or 80))
        self.sockets.append(sock)
        http = h11.Connection(h11.CLIENT)
        try:
            sock.sendall(as_bytes(http, request))
            while (event := http.next_event()) is h11.NEED_DATA:
                http.receive_data(sock.recv(65536))
        except BaseException:
            sock.close()
            raise
        return answer(event, _Blocking(sock, http))

    def close(self) -> None:
        for sock in self.sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Blocking(httpx.SyncByteStream):
    def __init__(self, sock: socket.socket, http: h11.Connection) -> None:
        self._sock, self._http = sock, http

    def __iter__(self) -> Iterator[bytes]:
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                self._http.receive_data(self._sock.recv(65536))

    def close(self) -> None:
        self._sock.close()


class AwaitingTransport(httpx.AsyncBaseTransport):
    """The same on the streams of asyncio."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reader, writer = await asyncio.open_connection(request.url.host, request.url.port)
        http = h11.Connection(h11.CLIENT)
        try:
            writer.write(as_bytes(http, request))
            while (event := http.next_event()) is h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
        except BaseException:
            writer.close()
            raise
        return answer(event, _Awaiting(reader, writer, http))


class _Awaiting(httpx.AsyncByteStream):
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, http: h11.Connection
    ) -> None:
        self._reader, self._writer, self._http = reader, writer, http

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                self._http.receive_data(await self._reader.read(65536))

    async def aclose(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


def as_bytes(http: h11.Connection, request: httpx.Request) -> bytes:
    head = http.send(
        h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
    )
    end = http.send(h11.EndOfMessage())
    return (head or b"") + (end or b"")


def answer(event: object, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    assert isinstance(event, h11.Response)
    return httpx.Response(event.status_code, headers=event.headers.raw_items(), stream=stream)
