"""Very many clients in one process, each of which costs next to nothing.

They run on uvloop, which the server that they read from does not, and look for no more in an event
than the moment at which it was due.
"""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from typing import cast

_DUE = re.compile(rb'"timestamp_epoch":(\d+)')


class Crowd:
    """Opens streams and reads them all."""

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self.host, self.port, self.request = host, port, request
        self.late = array("d")
        self.noting = False
        self.answered = asyncio.Semaphore(0)
        self.lost = 0
        self._transports: list[asyncio.BaseTransport] = []

    async def open(self, streams: int, seconds: float) -> None:
        """Open that many streams, spread evenly over so many seconds; return once all are there."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(streams):
            await asyncio.sleep(began + number * seconds / streams - loop.time())
            transport, _ = await loop.create_connection(lambda: _Client(self), self.host, self.port)
            self._transports.append(transport)
        for _ in range(streams):
            await self.answered.acquire()

    async def note(self, seconds: float) -> array[float]:
        """Return how late, in seconds, each event was that came in so many seconds from now."""
        self.late = array("d")
        self.noting = True
        await asyncio.sleep(seconds)
        self.noting = False
        if self.lost:
            raise RuntimeError(f"{self.lost} streams ended before their time")
        return self.late

    def leave(self) -> None:
        """Close every connection."""
        for transport in self._transports:
            transport.close()


class _Client(asyncio.Protocol):
    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but their base class.
        cast(asyncio.WriteTransport, transport).write(self.crowd.request)

    def data_received(self, data: bytes) -> None:
        if self.crowd.noting:
            now = time.time()
            self.crowd.late.extend(now - int(due) / 1000 for due in _DUE.findall(data))
        elif not self.answered:
            self.answered = True
            self.crowd.answered.release()

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.lost += 1
