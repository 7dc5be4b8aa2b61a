"""Small asyncio servers in a thread of their own, beside the code under test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def in_background(serve: Serve, *, path: str | None = None) -> Iterator[int]:
    """Serve each connection with `serve`; yield the port, or 0 for a unix socket at `path`."""
    ready = threading.Event()
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = []

    async def run() -> None:
        if path is None:
            server = await asyncio.start_server(_quiet(serve), "127.0.0.1", 0)
        else:
            server = await asyncio.start_unix_server(_quiet(serve), path)
        port = 0 if path is not None else server.sockets[0].getsockname()[1]
        done = asyncio.Event()
        started.append((asyncio.get_running_loop(), done, port))
        ready.set()
        await done.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    [(loop, done, port)] = started
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        assert not thread.is_alive(), "the server in the background never ended"


def _quiet(serve: Serve) -> Serve:
    """End a connection when its peer is gone, or when the test is over."""

    async def serving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            async with closing(writer):
                await serve(reader, writer)

    return serving


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close `writer` at the end, what it holds first."""
    try:
        yield
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
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
