"""A SOCKS5 proxy that leads every connection to one port of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from background import in_background, relay


@contextmanager
def socks_proxy(port: int) -> Iterator[str]:
    """Yield the URL of a proxy whose every connection ends at `port`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")  # no authentication
        await reader.readexactly(3)
        kind = (await reader.readexactly(1))[0]
        length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        await reader.readexactly(length + 2)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await relay(reader, writer, port)

    with in_background(serve) as proxy:
        yield f"socks5://127.0.0.1:{proxy}"
