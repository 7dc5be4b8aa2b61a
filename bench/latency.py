"""Time from the server's write of an event to the caller, for one stream.

`make bench ONLY=latency` prints the table.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from itertools import islice
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
import httpx_sse

import stock
from driven import readings
from enphase_streaming import AsyncStreamingClient, StreamingClient
from enphase_streaming_mock.wire import Wire
from events import reports, written
from paced import moment, paced
from table import Row, Section

_INTERVAL = 0.01
_EVENTS = 100
_WARM = 20
_REPEATS = 3
_CREDENTIALS: dict[str, Any] = {"api_key": "key", "access_token": "token"}
_PATH = "/systems/1765/live_data"
_PEER = "httpx-sse, json, stock models"


def bare(base_url: str) -> Iterator[int]:
    """Read a socket, and find the timestamp in the bytes."""
    url = urlsplit(base_url)
    with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
        connection.sendall(f"GET {url.path}{_PATH} HTTP/1.1\r\nHost: mock\r\n\r\n".encode())
        while received := connection.recv(65_536):
            if (at := received.find(b'epoch":') + 7) >= 7:
                yield int(received[at : received.index(b",", at)])


def httpx_alone(base_url: str) -> Iterator[int]:
    """Receive the bytes with httpx, and find the timestamp in them."""
    with (
        httpx.Client(timeout=None) as client,
        client.stream("GET", base_url + _PATH) as response,
    ):
        for chunk in response.iter_raw():
            at = chunk.index(b'epoch":') + 7
            yield int(chunk[at : chunk.index(b",", at)])


async def httpx_alone_awaited(base_url: str) -> AsyncGenerator[int, None]:
    """Receive the bytes with httpx in asyncio."""
    async with (
        httpx.AsyncClient(timeout=None) as client,
        client.stream("GET", base_url + _PATH) as response,
    ):
        async for chunk in response.aiter_raw():
            at = chunk.index(b'epoch":') + 7
            yield int(chunk[at : chunk.index(b",", at)])


def ours(base_url: str) -> Iterator[int | None]:
    """Read with `StreamingClient`."""
    with (
        StreamingClient(**_CREDENTIALS, base_url=base_url) as client,
        client.live_data(1765) as readings,
    ):
        for reading in readings:
            yield reading.epoch


async def ours_awaited(base_url: str) -> AsyncGenerator[int | None, None]:
    """Read with `AsyncStreamingClient`."""
    async with (
        AsyncStreamingClient(**_CREDENTIALS, base_url=base_url) as client,
        client.live_data(1765) as readings,
    ):
        async for reading in readings:
            yield reading.epoch


def theirs(base_url: str) -> Iterator[int]:
    """Read with httpx-sse, json and the stock models."""
    from_dict = stock.module("models").StreamSystemLiveDataResponse.from_dict
    with (
        httpx.Client() as client,
        httpx_sse.connect_sse(client, "GET", base_url + _PATH) as source,
    ):
        for event in source.iter_sse():
            yield from_dict(json.loads(event.data)).timestamp_epoch


async def theirs_awaited(base_url: str) -> AsyncGenerator[int, None]:
    """Read with httpx-sse, json and the stock models in asyncio."""
    from_dict = stock.module("models").StreamSystemLiveDataResponse.from_dict
    async with (
        httpx.AsyncClient() as client,
        httpx_sse.aconnect_sse(client, "GET", base_url + _PATH) as source,
    ):
        async for event in source.aiter_sse():
            yield from_dict(json.loads(event.data)).timestamp_epoch


def rested(pause: float) -> float:
    """Return the median time of the core for an event every `pause` seconds, in ms."""
    given = 0.0

    def chunks() -> Iterator[bytes]:
        nonlocal given
        for event in written(reports(), Wire())[:_EVENTS]:
            time.sleep(pause)
            given = time.perf_counter()
            yield event

    return median((time.perf_counter() - given) * 1000 for _ in readings([chunks()]))


def late(sent: int | None) -> float:
    """Return how many ms ago an event was sent."""
    assert sent is not None
    return (moment() - sent) / 1000


async def awaited(events: AsyncGenerator[int | None, None]) -> list[float]:
    """Return how late each event is."""
    found: list[float] = []
    async with aclosing(events):
        async for sent in events:
            found.append(late(sent))
            if len(found) == _WARM + _EVENTS:
                return found
    raise AssertionError("The server ended the stream.")


def measure(base_url: str) -> dict[str, list[float]]:
    """Return how late each event is with each reader, sorted, without the first ones."""
    readers = {"bare": bare, "ours": ours, "theirs": theirs, "alone": httpx_alone}
    found = {
        name: [late(sent) for sent in islice(read(base_url), _WARM + _EVENTS)]
        for name, read in readers.items()
    }
    found["ours, asyncio"] = asyncio.run(awaited(ours_awaited(base_url)))
    found["theirs, asyncio"] = asyncio.run(awaited(theirs_awaited(base_url)))
    found["alone, asyncio"] = asyncio.run(awaited(httpx_alone_awaited(base_url)))
    return {name: sorted(times[_WARM:]) for name, times in found.items()}


def section() -> Section:
    """Measure all readers in turn."""
    with stock.generated() as folder, paced(interval=_INTERVAL) as (base_url, _):
        stock.module("models", folder)
        found = [measure(base_url) for _ in range(_REPEATS)]
    middle = {name: [median(run[name]) for run in found] for name in found[0]}
    worst = {name: [run[name][int(_EVENTS * 0.99)] for run in found] for name in found[0]}
    rows = [
        Row("the core alone, an event after the other", "ms", [rested(0) for _ in found]),
        Row("the core alone, as paced", "ms", [rested(_INTERVAL) for _ in found]),
    ]
    for name, kind in (("", "sync"), (", asyncio", "asyncio")):
        mine, other = f"ours{name}", f"theirs{name}"
        alone = f"alone{name}"
        later = {
            each: [of - bare for of, bare in zip(middle[each], middle["bare"], strict=True)]
            for each in (mine, alone)
        }
        rows += [
            Row(f"median, {kind}: later than a bare socket", "ms", later[mine]),
            Row(f"median, {kind}, httpx alone: later than it", "ms", later[alone]),
            Row(f"median, {kind}", "ms", middle[mine], _PEER, middle[other]),
            Row(f"p99, {kind}", "ms", worst[mine], _PEER, worst[other]),
        ]
    return Section(
        "One stream",
        f"From the server's write of an event to the caller's reading; {_EVENTS} events, one "
        f"every {_INTERVAL * 1000:g} ms, from another process on another core.",
        rows,
        [
            "“httpx alone” reads the bytes and decodes nothing, without a time-out, as ours does. "
            "“The core alone” is the part of ours, from bytes in memory: it takes several times "
            "as long after a pause, when the caches of the processor are cold."
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
