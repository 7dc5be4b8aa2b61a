"""Where CPU time and memory go: what follows the table of a section.

`make bench ONLY=decode` prints a section with its profiles, `python bench/profiles.py NAME` one
profile.
"""

from __future__ import annotations

import asyncio
import cProfile
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import defaultdict
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import ExitStack, asynccontextmanager
from itertools import chain
from statistics import median

import httpx
import uvloop

import driven
import threads
from enphase_streaming import AsyncStreamingClient, Budget
from enphase_streaming.fleet import fleet_transport
from enphase_streaming_mock import Mock, ScaledClock
from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from enphase_streaming_mock.listener import Listener
from enphase_streaming_mock.wire import Wire
from events import reports, written
from following import SECONDS, Seen
from paced import paced
from profile_tables import largest, show, show_calls, show_memory

_WINDOWS = 20
_STREAMS = 300
_WARM = 20
"""Streams that open before memory is counted; also how many open at the same time."""
_IMPORTS = 5


def _calls_of(title: str, what: str, work: Callable[[], Iterator[object]], *, c: bool) -> None:
    """Profile what yields an item for each event, with rows for functions in C if asked."""
    profile = cProfile.Profile(time.process_time, builtins=c)
    profile.enable()
    events = len(list(work()))
    profile.create_stats()
    show_calls(title, what, profile, events)


def _windows(**changed: str) -> list[list[bytes]]:
    """Return the chunks of windows, an event each, with some values changed."""
    return [
        written([each | changed for each in reports(number)], Wire(), number)
        for number in range(_WINDOWS)
    ]


def decode() -> None:
    """Profile decoding, plain and an event a chunk."""
    from decode import ours  # which loads every peer

    chunks = list(chain.from_iterable(_windows()))
    _calls_of("Decoding", "decoding, an event a chunk", lambda: ours(chunks), c=True)


def drift() -> None:
    """Profile decoding events in which one number is a string."""
    from decode import ours

    chunks = list(chain.from_iterable(_windows(pv_power="4210")))
    what = "decoding events in which one number is a string"
    _calls_of("A stream that drifts", what, lambda: ours(chunks), c=True)


def core() -> None:
    """Profile the whole core, an event a chunk."""
    windows = _windows()
    what = "the whole core, an event a chunk"
    _calls_of("The whole core", what, lambda: driven.readings(windows), c=False)


# A fleet


@asynccontextmanager
async def _fleet(
    base_url: str, transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[tuple[Seen, Callable[[int], Awaitable[None]]]]:
    """Yield what a fleet has seen, and a function that opens streams up to a number of them."""
    seen, budget = Seen(), Budget.unlimited()
    client = AsyncStreamingClient(
        api_key="key", access_token="token", base_url=base_url, transport=transport
    )

    async def follow(site: int) -> None:
        async for reading in client.watch(site, budget=budget):
            seen.reading(site, reading.epoch or 0)

    async def open_to(streams: int) -> None:
        for site in range(len(seen.open) + 1, streams + 1):
            tasks.create_task(follow(site))
            await seen.at_least(site - _WARM)
        await seen.at_least(streams)

    async with asyncio.TaskGroup() as tasks, client:
        yield seen, open_to


async def _fleet_calls(
    title: str, through: str, transport: httpx.AsyncBaseTransport | None
) -> None:
    profile = cProfile.Profile(time.process_time, builtins=False)
    with paced(interval=0.2, streams=_STREAMS) as (base_url, _):
        async with _fleet(base_url, transport) as (seen, open_to):
            await open_to(_STREAMS)
            before = len(seen.late)
            profile.enable()
            await asyncio.sleep(SECONDS)
            profile.create_stats()
            events = len(seen.late) - before
    what = f"{_STREAMS} streams on uvloop over {through}, above the event loop"
    show_calls(title, what, profile, events)


async def fleet() -> None:
    """Profile a fleet over the fleet transport once all of its streams are open."""
    await _fleet_calls(f"A fleet of {_STREAMS} streams", "aiohttp", fleet_transport())


async def fleet_over_httpx() -> None:
    """Profile the same over httpx."""
    await _fleet_calls(f"A fleet of {_STREAMS} streams over httpx", "httpx", None)


# Memory


async def _fleet_memory(title: str, what: str, tls: bool) -> None:
    with paced(interval=1.0, streams=_STREAMS, tls=tls) as (base_url, authority):
        context = httpx.create_ssl_context(verify=authority or True)
        async with _fleet(base_url, fleet_transport(verify=context)) as (_, open_to):
            await open_to(_WARM)
            tracemalloc.start()
            await open_to(_WARM + _STREAMS)
            await asyncio.sleep(1)
            show_memory(title, what, _STREAMS)
            tracemalloc.stop()


async def fleet_memory() -> None:
    """Print where the memory of a stream of the fleet is allocated."""
    await _fleet_memory("Memory of a stream", "a stream on uvloop over aiohttp", tls=False)


async def fleet_memory_tls() -> None:
    """Print the same over TLS."""
    await _fleet_memory("Memory of a stream over TLS", "a stream over TLS", tls=True)


def thread_memory() -> None:
    """Print where the memory of a stream of the sync client is allocated."""
    with paced(interval=1.0, streams=threads.STREAMS) as (base_url, _):
        follow = threads.ours(base_url)
        opened = threading.Semaphore(0)

        def read(site: int) -> None:
            for _ in follow(site):
                opened.release()

        def open_streams(sites: Iterable[int]) -> None:
            for site in sites:
                threading.Thread(target=read, args=(site,), daemon=True).start()
                opened.acquire()

        open_streams([threads.STREAMS + 1])
        tracemalloc.start()
        open_streams(range(1, threads.STREAMS + 1))
        time.sleep(1)
        show_memory("Memory of a stream in threads", "a stream", threads.STREAMS)


# Imports


def imports() -> None:
    """Print which packages the time of an import goes to."""
    modules = ("enphase_streaming.client", "httpx")
    runs = [tuple(map(_import_times, modules)) for _ in range(_IMPORTS)]
    ours, theirs = (
        {name: median(each[name] for each in side) for name in side[0]}
        for side in zip(*runs, strict=True)
    )
    show(
        "Import of a client",
        "Milliseconds of the modules of each package in `python -X importtime -c 'import "
        f"enphase_streaming.client'`, {sum(ours.values()):.0f} in all, and in the same for httpx, "
        f"{sum(theirs.values()):.0f} in all.",
        ("ms", "ms for `import httpx`", "package"),
        [(f"{ours[name]:.1f}", f"{theirs.get(name, 0):.1f}", name) for name in largest(ours)],
    )


def _import_times(module: str) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = defaultdict[str, float](float)
    # What comes before is the start of Python itself.
    for line in run.stderr.rpartition("| site\n")[2].splitlines():
        own, _, name = line.removeprefix("import time:").split("|")
        package = name.strip().partition(".")[0]
        found["Python" if package in sys.stdlib_module_names else package] += int(own) / 1000
    return found


# The mock


def mock() -> None:
    """Profile the mock on asyncio's loop, with clients that do not read what it sends."""
    asyncio.run(_mock())


async def _mock() -> None:
    request = (
        f"GET /api/v4/systems/{SYSTEM_ID}/live_data HTTP/1.1\r\nHost: mock\r\nkey: {API_KEY}\r\n"
        f"Authorization: Bearer {ACCESS_TOKEN}\r\nduration: 300\r\n\r\n"
    ).encode()
    mock = Mock(clock=ScaledClock(5.0))
    listener = Listener(mock, "127.0.0.1", 0, cors=False)
    await listener.start()
    profile = cProfile.Profile(time.process_time, builtins=False)

    def sent() -> int:
        return sum(each.events_sent for each in mock.requests)

    with ExitStack() as stack:
        for _ in range(_STREAMS):
            client = stack.enter_context(socket.create_connection((listener.host, listener.port)))
            client.sendall(request)
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        before = sent()
        profile.enable()
        await asyncio.sleep(SECONDS)
        profile.create_stats()
        events = sent() - before
    await listener.stop()
    what = f"{_STREAMS} streams of the mock, above the event loop"
    show_calls("A stream of the mock", what, profile, events)


PROFILES = (
    *(decode, drift, core, fleet, fleet_over_httpx, fleet_memory, fleet_memory_tls),
    *(thread_memory, imports, mock),
)

if __name__ == "__main__":
    profile = {each.__name__: each for each in PROFILES}[sys.argv[1]]
    waiting = profile()
    if waiting is not None:
        uvloop.run(waiting)
    sys.stdout.flush()
    os._exit(0)  # closing the streams of threads is not measured
