"""Small asyncio servers in a thread of their own, beside the code under test."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def in_background(
    serve: Serve, *, path: str | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Serve each connection with `serve`; yield the port, or 0 for a unix socket at `path`."""
    if path is None:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    elif sys.platform == "win32":
        pytest.skip("Windows has no unix sockets")
    else:
        listener, port = socket.socket(socket.AF_UNIX), 0
        listener.bind(path)
        listener.listen()
    over = threading.Event()

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = []
            while True:
                accepted, _ = await asyncio.to_thread(listener.accept)
                if over.is_set():
                    accepted.close()
                    break
                tasks.append(group.create_task(_serve(serve, accepted, tls)))
            await asyncio.sleep(0)  # one that has not begun could not close its socket
            for task in tasks:
                task.cancel()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    try:
        yield port
    finally:
        over.set()
        with socket.socket(listener.family) as last:  # Linux alone lets a shutdown end accept()
            last.connect(listener.getsockname())
        thread.join(10)
        listener.close()
        assert not thread.is_alive(), "the server in the background never ended"


async def _serve(serve: Serve, accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
    """End a connection when its peer is gone, or when the test is over."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    with suppress(OSError, EOFError):
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        async with closing(writer):
            await serve(reader, writer)


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close `writer` at the end, what it holds first."""
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await asyncio.wait_for(writer.wait_closed(), 1)
        await asyncio.sleep(0)


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass bytes to a port and back until either side ends."""
    there, back = await asyncio.open_connection("127.0.0.1", port)
    async with closing(back):
        ways = {asyncio.create_task(_copy(reader, back)), asyncio.create_task(_copy(there, writer))}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
