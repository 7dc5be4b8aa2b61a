"""One process of the fleet, on uvloop: follow every site in one way, and print what that uses.

Usage: following.py SIDE STREAMS BASE_URL.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import ssl
import sys
import time
from array import array
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import httpx_sse
import uvloop

import stock
from enphase_streaming import AsyncStreamingClient, Budget
from enphase_streaming.fleet import fleet_transport
from paced import moment

POOL = 100
"""The streams of one httpx client: its default limit of connections."""
SECONDS = 2.0
"""Seconds of one measurement."""
TIMES = 3
_OPENING = 20
"""Streams that open at the same time: few enough to meet no time-out."""
_SETTLE = 1.0


class Used(NamedTuple):
    """What one process used: µs per event, share of a core, p99 lateness in ms, KiB per stream."""

    cpu: float
    core: float
    late: float
    memory: float


class Seen:
    """How late each reading was, in ms, and which streams are open."""

    def __init__(self) -> None:
        self.late = array("d")
        self.open: set[int] = set()
        self._one_more = asyncio.Event()

    async def at_least(self, streams: int) -> None:
        """Wait until that many streams have had a reading."""
        while len(self.open) < streams:
            self._one_more.clear()
            await self._one_more.wait()

    def reading(self, site: int, sent: int) -> None:
        """Note a reading that was sent at that moment."""
        self.late.append((moment() - sent) / 1000)
        if site not in self.open:
            self.open.add(site)
            self._one_more.set()


Follow = Callable[[int, Seen], Coroutine[Any, Any, None]]


def _headers() -> dict[str, str]:
    return {"Authorization": "Bearer token", "key": "key", "duration": "300"}


def theirs(streams: int, base_url: str, context: ssl.SSLContext) -> Follow:
    """Follow sites with httpx and its defaults, httpx-sse, json and the stock models."""
    clients = [httpx.AsyncClient(verify=context) for _ in range(streams // POOL)]
    from_dict = stock.module("models").StreamSystemLiveDataResponse.from_dict

    async def follow(site: int, seen: Seen) -> None:
        client = clients[site % len(clients)]
        url = f"{base_url}/systems/{site}/live_data"
        async with httpx_sse.aconnect_sse(client, "GET", url, headers=_headers()) as source:
            async for event in source.aiter_sse():
                seen.reading(site, from_dict(json.loads(event.data)).timestamp_epoch)

    return follow


def bare(streams: int, base_url: str, context: ssl.SSLContext) -> Follow:
    """Receive the bytes with httpx, without a time-out, and find the timestamp in them."""
    clients = [httpx.AsyncClient(verify=context, timeout=None) for _ in range(streams // POOL)]

    async def follow(site: int, seen: Seen) -> None:
        client = clients[site % len(clients)]
        url = f"{base_url}/systems/{site}/live_data"
        async with client.stream("GET", url, headers=_headers()) as response:
            async for chunk in response.aiter_raw():
                seen.reading(site, _sent(chunk))

    return follow


def bare_aiohttp(streams: int, base_url: str, context: ssl.SSLContext) -> Follow:
    """Receive the bytes with aiohttp, without a time-out, and find the timestamp in them."""
    connector = aiohttp.TCPConnector(limit=streams, ssl=context)
    session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout())

    async def follow(site: int, seen: Seen) -> None:
        url = f"{base_url}/systems/{site}/live_data"
        async with session.get(url, headers=_headers()) as response:
            async for chunk in response.content.iter_any():
                seen.reading(site, _sent(chunk))

    return follow


def _sent(chunk: bytes) -> int:
    at = chunk.index(b'epoch":') + 7
    return int(chunk[at : chunk.index(b",", at)])


def ours(streams: int, base_url: str, context: ssl.SSLContext) -> Follow:
    """Follow sites with the default transport. `measure` sets the context of the machine."""
    return _ours(base_url, None)


def on_aiohttp(streams: int, base_url: str, context: ssl.SSLContext) -> Follow:
    """Follow sites as docs/fleet.md describes, over the fleet transport."""
    return _ours(base_url, fleet_transport(verify=context))


def _ours(base_url: str, transport: httpx.AsyncBaseTransport | None) -> Follow:
    enphase = AsyncStreamingClient(
        api_key="key", access_token="token", base_url=base_url, transport=transport
    )
    budget = Budget.unlimited()

    async def follow(site: int, seen: Seen) -> None:
        async with enphase.watch(site, budget=budget) as readings:
            async for reading in readings:
                assert reading.epoch is not None
                seen.reading(site, reading.epoch)

    return follow


SIDES = {
    "theirs": theirs,
    "bare": bare,
    "bare_aiohttp": bare_aiohttp,
    "ours": ours,
    "on_aiohttp": on_aiohttp,
}


async def use(side: str, streams: int, base_url: str) -> None:
    """Follow every site, print what each measurement used, and exit."""
    follow = SIDES[side](streams, base_url, httpx.create_ssl_context())
    seen = Seen()
    before = resident()
    async with asyncio.TaskGroup() as tasks:
        for site in range(1, streams + 1):
            tasks.create_task(follow(site, seen))
            await seen.at_least(site - _OPENING)
        await seen.at_least(streams)
        await asyncio.sleep(_SETTLE)
        counts = [await _count(seen) for _ in range(TIMES)]
        memory = (resident() - before) / streams
        print(json.dumps([Used(*count, memory) for count in counts]), flush=True)
        os._exit(0)  # closing the streams is not measured


async def _count(seen: Seen) -> tuple[float, float, float]:
    began, cpu, events = time.perf_counter(), time.process_time(), len(seen.late)
    await asyncio.sleep(SECONDS)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    late = sorted(seen.late[events:])
    return cpu / len(late) * 1e6, cpu / took, late[-len(late) // 100]


def resident() -> float:
    """Return the resident memory of this process, in KiB."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        # The peak; macOS counts bytes.
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 1024 if sys.platform == "darwin" else most
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


if __name__ == "__main__":
    side, streams, base_url = sys.argv[1:]
    uvloop.run(use(side, int(streams), base_url))
