"""Streams of the mock on one core: how many, how late, and the CPU time of an event.

`make bench ONLY=mock_streams` prints the table. It needs Linux and two cores. The clients run on
uvloop, and read nothing of an event but the time at which it was due.
"""

from __future__ import annotations

import asyncio
import gc
import re
import resource
import time
from array import array
from typing import cast

import uvloop

from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from streaming import BARE, MOCK, STANDS, TOGETHER, Served, served
from table import Row, Section

_STREAMS = 2_000
_SPARE = 100
"""Open files of a process besides its streams."""
_REPEATS = 2
_DUE = re.compile(rb'"timestamp_epoch":(\d+)')
_REQUEST = (
    f"GET /api/v4/systems/{SYSTEM_ID}/live_data HTTP/1.1\r\nHost: mock\r\nkey: {API_KEY}\r\n"
    f"Authorization: Bearer {ACCESS_TOKEN}\r\nduration: 60\r\n\r\n"
).encode()


class Crowd:
    """Clients that open streams and read them."""

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self.host, self.port, self.request = host, port, request
        self.late = array("d")
        self.noting = False
        self.answered = asyncio.Semaphore(0)
        self.lost = 0
        self._transports: list[asyncio.BaseTransport] = []

    async def open(self, streams: int, seconds: float) -> None:
        """Open streams, spread evenly over `seconds`, and return when all have an answer."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(streams):
            await asyncio.sleep(began + number * seconds / streams - loop.time())
            transport, _ = await loop.create_connection(lambda: _Client(self), self.host, self.port)
            self._transports.append(transport)
        for _ in range(streams):
            await self.answered.acquire()

    async def note(self, seconds: float) -> array[float]:
        """Return how late each event of the next `seconds` is, in seconds."""
        self.late = array("d")
        self.noting = True
        await asyncio.sleep(seconds)
        self.noting = False
        if self.lost:
            raise RuntimeError(f"{self.lost} streams ended early")
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
        # uvloop's transport does not inherit from asyncio's.
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


async def _lateness(server: Served, streams: int, opening: float, rest: float) -> list[float]:
    """Return how late each event of eight seconds is, in ms, sorted."""
    began = time.monotonic()
    crowd = Crowd(server.host, server.port, _REQUEST)
    await crowd.open(streams, opening)
    gc.freeze()  # garbage collection of the clients is not lateness of the mock
    await asyncio.sleep(began + opening + rest - time.monotonic())
    return sorted(1000 * late for late in await crowd.note(8.0))


def _p99(late: list[float]) -> float:
    return late[int(len(late) * 0.99)]


def spread(streams: int) -> tuple[float, float, float]:
    """Return the p99 of the lateness (ms), events per second, and memory per stream (KiB)."""
    with served(MOCK) as mock:
        before = mock.memory
        late = uvloop.run(_lateness(mock, streams, 10.0, 2.0))
        return _p99(late), len(late) / 8.0, (mock.memory - before) / streams / 1024


def together(streams: int) -> float:
    """Return the p99 of the lateness (ms) of events that are all due at the same time."""
    with served(TOGETHER) as mock:
        return _p99(uvloop.run(_lateness(mock, streams, STANDS - 6.0, 7.5)))


async def _cost(server: Served, streams: int) -> float:
    crowd = Crowd(server.host, server.port, _REQUEST)
    await crowd.open(streams, 4.0)
    before = server.cpu
    events = len(await crowd.note(4.0))
    return (server.cpu - before) / events * 1e6


def cost(command: tuple[str, ...], streams: int) -> float:
    """Return the CPU time of a server per event, in µs."""
    with served(command) as server:
        spent: float = uvloop.run(_cost(server, streams))
        return spent


def section() -> Section:
    """Measure streams, lateness and cost, in under two minutes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for the servers as well
    notes = []
    held = min(_STREAMS, most - _SPARE)
    if held < _STREAMS:
        notes.append(
            f"The limit of open files is {most:,} here, so {held:,} streams were measured."
        )
    late, rate, memory = zip(*(spread(held) for _ in range(_REPEATS)), strict=True)
    ours, theirs = [], []
    for _ in range(_REPEATS):
        ours.append(cost(MOCK, held))
        theirs.append(cost(BARE, held))
    notes += [
        "The mock makes what the bare handler only sends: for each stream the reading of its "
        "second, two timestamps and the JSON. Streams could share an event only if their seconds "
        "began together.",
        "Events that are due at one instant leave one after another. The bare handler alone would "
        f"need {held * min(theirs) / 1000:.0f} ms for {held:,}.",
    ]
    return Section(
        "Streams of the mock",
        "The mock on one core sends an event a second to each stream; clients on another core note "
        "how much later than its timestamp each event is. The bare aiohttp handler sleeps until an "
        "event is due, and writes the same bytes each time.",
        [
            Row(f"{held:,} streams, spread over the second: p99 of the lateness", "ms", late,
                at_most=10),
            Row(f"{held:,} streams: events a second", "", rate, at_least=0.99 * held),
            Row(f"{held:,} streams, due at one instant: p99 of the lateness", "ms",
                [together(held)]),
            Row(f"{held:,} streams: CPU an event", "µs", ours, "a bare aiohttp handler", theirs,
                at_most=1.2),
            Row(f"{held:,} streams: memory a stream", "KiB", memory),
        ],
        notes,
    )  # fmt: skip


if __name__ == "__main__":
    print(section().markdown())
