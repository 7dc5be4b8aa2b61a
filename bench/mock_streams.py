"""How many streams the mock holds on one core, how late they are, and what an event costs it.

`make bench ONLY=mock_streams` prints the table. It takes Linux, and two cores to mean something.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import time

import uvloop

from crowd import Crowd
from enphase_streaming_mock.engine import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from streaming import BARE, MOCK, STANDS, TOGETHER, Served, served
from table import Row, Section

_SPREAD = 10_000
_AT_ONCE = 5_000
_COSTED = 5_000
_SPARE = 100
"""Files that a process has open beside its streams."""
_REPEATS = 3
_REQUEST = (
    f"GET /api/v4/systems/{SYSTEM_ID}/live_data HTTP/1.1\r\nHost: mock\r\nkey: {API_KEY}\r\n"
    f"Authorization: Bearer {ACCESS_TOKEN}\r\nduration: 60\r\n\r\n"
).encode()


async def _lateness(server: Served, streams: int, opening: float, rest: float) -> list[float]:
    """Return how late each event is in eight seconds, in ms, in order."""
    began = time.monotonic()
    crowd = Crowd(server.host, server.port, _REQUEST)
    await crowd.open(streams, opening)
    gc.freeze()  # the clients' own collector is none of the mock's lateness
    await asyncio.sleep(began + opening + rest - time.monotonic())
    return sorted(1000 * late for late in await crowd.note(8.0))


def _p99(late: list[float]) -> float:
    return late[int(len(late) * 0.99)]


def spread(streams: int) -> tuple[float, float, float]:
    """Return the p99 of the lateness (ms), the events a second, and the memory a stream (KiB)."""
    with served(MOCK) as mock:
        before = mock.memory
        late = uvloop.run(_lateness(mock, streams, 10.0, 2.0))
        return _p99(late), len(late) / 8.0, (mock.memory - before) / streams / 1024


def together(streams: int) -> float:
    """Return the p99 of the lateness (ms) of events that are all due at one instant."""
    with served(TOGETHER) as mock:
        return _p99(uvloop.run(_lateness(mock, streams, STANDS - 6.0, 7.5)))


async def _cost(server: Served, streams: int) -> float:
    crowd = Crowd(server.host, server.port, _REQUEST)
    await crowd.open(streams, 4.0)
    before = server.cpu
    events = len(await crowd.note(4.0))
    return (server.cpu - before) / events * 1e6


def cost(command: tuple[str, ...], streams: int) -> float:
    """Return what an event costs a server, in µs of its core."""
    with served(command) as server:
        spent: float = uvloop.run(_cost(server, streams))
        return spent


def section() -> Section:
    """Measure all of it, in about three minutes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for the servers as well
    notes = [
        "Where a goal is missed: a profile of the mock during this measurement shows it within the "
        "socket's `send` for more of its busy time than in all the rest. That part is the "
        "system's, the bare handler pays it as well, and a machine that does other work at the "
        "same time makes it larger."
    ]
    held = min(_SPREAD, most - _SPARE)
    if held < _SPREAD:
        notes.append(f"This machine lets a process open {most:,} files, so {held:,} were measured.")
    late, rate, memory = zip(*(spread(held) for _ in range(_REPEATS)), strict=True)
    at_once, costed = min(_AT_ONCE, held), min(_COSTED, held)
    late_at_once = [together(at_once) for _ in range(_REPEATS)]
    ours, theirs = [], []
    for _ in range(_REPEATS):
        ours.append(cost(MOCK, costed))
        theirs.append(cost(BARE, costed))
    return Section(
        "Streams of the mock",
        "The mock sends an event a second to each stream from one core, to clients on another, "
        "which note how much later than its timestamp each event is. The bare handler of aiohttp "
        "sleeps and writes, and writes the same bytes each time.",
        [
            Row(f"{held:,} streams, spread over the second: p99 of the lateness", "ms", late,
                at_most=10),
            Row(f"{held:,} streams: events a second", "", rate, at_least=0.99 * held),
            Row(f"{at_once:,} streams, due at one instant: p99 of the lateness", "ms",
                late_at_once, at_most=100),
            Row(f"{costed:,} streams: CPU an event", "µs", ours, "a bare aiohttp handler", theirs,
                at_most=0.8),
            Row(f"{held:,} streams: memory a stream", "KiB", memory),
        ],
        notes,
    )  # fmt: skip


if __name__ == "__main__":
    print(section().markdown())
