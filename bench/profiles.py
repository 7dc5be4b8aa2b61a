"""Where the CPU time of an event goes: the functions and the packages that take most of it.

`make bench ONLY=profiles` prints the tables.
"""

from __future__ import annotations

import asyncio
import cProfile
import time
from collections import Counter
from pathlib import Path

import uvloop

import driven
from enphase_streaming import AsyncStreamingClient, Budget
from enphase_streaming.fleet import fleet_transport
from enphase_streaming_mock.wire import Wire
from events import reports, written
from following import SECONDS, Seen
from paced import paced

_STREAMS = 300
_HOW = """## Where the time of an event goes

cProfile's shares of the CPU time above the event loop, for the whole core, and for a fleet of 300
streams on uvloop over aiohttp. The time of C code counts for the function that calls it. A
coroutine is entered twice: to wait for bytes, and to go on with them."""
_NAMES = """In the fleet, `data_received`, `read` and `_wait` take bytes from the event loop to
the task that waits, `_until` ends that wait at a deadline or a stop, and `_run` is the iterator. In
the core, `ask` and `take` keep the deadlines, `feed` splits bytes into events, `read` decodes one,
and `note` and `is_new` remember it."""


def show(title: str, profile: cProfile.Profile, events: int) -> None:
    """Print the largest shares of a profile, as Markdown."""
    functions, packages = Counter[str](), Counter[str]()
    for (file, _, name), (_, calls, own, *_) in profile.stats.items():
        package = Path(file).parent.name
        packages[package] += own
        functions[f"{calls / events:.1f} | `{name}` in {package}/{Path(file).name}"] += own
    total = packages.total()
    entered = sum(calls for _, calls, *_ in profile.stats.values()) / events
    shares = ", ".join(f"{name} {own / total:.0%}" for name, own in packages.most_common(4))
    print(f"\n### {title}\n\n{entered:.0f} calls an event. By folder: {shares}.\n")
    print("| share | calls an event | function |\n| --- | --- | --- |")
    for name, own in functions.most_common(10):
        print(f"| {own / total:.1%} | {name} |")


def core() -> None:
    """Profile the whole core, an event a chunk."""
    windows = [written(reports(number), Wire(), number) for number in range(50)]
    profile = cProfile.Profile(time.process_time, builtins=False)
    profile.enable()
    count = len(list(driven.readings(windows)))
    profile.create_stats()
    show("The whole core", profile, count)


async def fleet(base_url: str) -> None:
    """Profile a fleet once all of its streams are open."""
    client = AsyncStreamingClient(
        api_key="key", access_token="token", base_url=base_url, transport=fleet_transport()
    )
    seen = Seen()

    async def follow(site: int) -> None:
        async for reading in client.watch(site, budget=Budget.unlimited()):
            seen.reading(site, reading.epoch or 0)

    profile = cProfile.Profile(time.process_time, builtins=False)
    async with asyncio.TaskGroup() as tasks, client:
        for site in range(1, _STREAMS + 1):
            tasks.create_task(follow(site))
        await seen.at_least(_STREAMS)
        before = len(seen.late)
        profile.enable()
        await asyncio.sleep(SECONDS)
        profile.create_stats()
    show(f"A fleet of {_STREAMS} streams", profile, len(seen.late) - before)


if __name__ == "__main__":
    print(_HOW)
    core()
    with paced(interval=0.2, streams=_STREAMS) as (base_url, _):
        uvloop.run(fleet(base_url))
    print(f"\n{_NAMES}")
