"""The cost of one event, in counts that are equal on every machine.

Each bound is what the code needs today. Raise one only for a gain that its commit names, and lower
it when the code needs less. Where a count grew, `sys.setprofile` or `python -X importtime` shows
what is new; what it costs, `make bench ONLY=decode` (or `fleet`, `start`, `threads`).
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import FrameType

import httpx

import enphase_streaming
from callers import CREDENTIALS
from enphase_streaming import AsyncStreamingClient, Budget, Reading, StreamingClient
from enphase_streaming.core.reading import EventReader
from enphase_streaming.core.sse import SSEDecoder
from simulated import START, Act, World

LIBRARY = str(Path(enphase_streaming.__file__).parent)

CALLS_TO_DECODE = 2
CALLS_TO_DECODE_DRIFT = 7
"""For one drifted field: the JSON, `_fit` for what drifted before, and the conversion."""
CALLS_TO_DECODE_UNDOCUMENTED = 5
"""For one field more than documented: the JSON, and `_fit` to drop it."""
CALLS_OF_THE_CORE = 12
"""Of `next_reading_async` two: once to wait for bytes, once to resume with them; of `ready` two."""
CALLS_OF_THE_CLIENT = CALLS_OF_THE_CORE - 1 + 5
"""The core does not suspend here; the iterator, the connection and the clock are added."""
CALLS_OF_THE_ASYNCIO_CLIENT = CALLS_OF_THE_CORE + 7
"""Two coroutines, of the iterator and of the connection, entered twice each; and the clock."""
BLOCKS_OF_A_READING = 14
"""Memory blocks: the reading, its text, four texts of its fields, six numbers, a list, its item."""
TRACKED_OF_A_READING = 1
"""Objects that the garbage collector visits: the list."""


PACKAGE = {"enphase_streaming", "enphase_streaming.errors", "enphase_streaming.version"}
"""All that `import enphase_streaming` loads of the project."""
ON_USE = (
    *("enphase_streaming.aconnection", "enphase_streaming.auth.oauth", "enphase_streaming.cli"),
    *("enphase_streaming.fleet", "enphase_streaming.ledger", "enphase_streaming.recording"),
    *("asyncio", "typer", "rich", "aiohttp", "sqlite3"),
)
"""Not needed by a client until it uses asyncio, renews a token, records or counts in a file."""


def event(number: int) -> bytes:
    epoch = int(START.timestamp() * 1000) + number * 1000
    return (
        b'data:{"data":{"system_id":1765,"envoy_serial_number":["121900000001"],"pv_power":%d,'
        b'"consumption_power":312,"battery_power":-3840,"battery_soc":55,"battery_mode":'
        b'"Self-consumption","grid_power":-1090,"grid_status":"On Grid","generator_power":0},'
        b'"timestamp_epoch":%d,"timestamp_utc":"2026-06-21 12:00:00.000","type":"response"}\n\n'
    ) % (5000 + number, epoch)


def drifted(number: int) -> bytes:
    return event(number).replace(b'"battery_soc":55', b'"battery_soc":"55"')


def undocumented(number: int) -> bytes:
    return event(number).replace(b'"battery_soc":55', b'"battery_soc":55,"battery_soh":99')


def decode(count: int, event: Callable[[int], bytes] = event) -> Iterator[Reading]:
    """Decode events one by one, as a window does."""
    decoder, reader = SSEDecoder(), EventReader()
    for number in range(count):
        for each in decoder.feed(event(number)):
            reading = reader.read(each.data, START)
            assert isinstance(reading, Reading)
            yield reading


def watch(count: int) -> World:
    """Watch `count` events in the core, without I/O."""
    world = World(Budget(calls=1), duration=300)
    world.play(Act(chunks=[(1.0, event(number)) for number in range(count)], rest=300 - count))
    assert len(world.readings) == count
    return world


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body of many chunks, each one event."""

    def __iter__(self) -> Iterator[bytes]:
        return map(event, range(10_000))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            await asyncio.sleep(0)
            yield chunk


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Stream())


def read(count: int) -> None:
    """Read events through the sync client, without sockets."""
    with (
        StreamingClient(**CREDENTIALS, transport=httpx.MockTransport(answer)) as client,
        client.live_data(1765) as readings,
    ):
        assert len(list(islice(readings, count))) == count


def read_in_asyncio(count: int) -> None:
    """Read events through the asyncio client, without sockets."""

    async def run() -> None:
        async with (
            AsyncStreamingClient(**CREDENTIALS, transport=httpx.MockTransport(answer)) as client,
            client.live_data(1765) as readings,
        ):
            for _ in range(count):
                await anext(readings)

    asyncio.run(run())


def calls(work: Callable[[], object]) -> int:
    """Return how often functions, coroutines and generators of the library are entered."""
    count = 0

    def entered(frame: FrameType, kind: str, _: object) -> None:
        nonlocal count
        count += kind == "call" and frame.f_code.co_filename.startswith(LIBRARY)

    before = sys.getprofile()
    gc.disable()  # the collector calls a function of Hypothesis
    sys.setprofile(entered)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def calls_an_event(work: Callable[[int], object]) -> float:
    work(1)  # leave out what is done once
    return (calls(lambda: work(200)) - calls(lambda: work(100))) / 100


def test_calls_to_decode_an_event() -> None:
    assert calls_an_event(lambda count: list(decode(count))) <= CALLS_TO_DECODE


def test_calls_to_decode_an_event_that_drifts() -> None:
    assert all(reading.drift for reading in decode(3, drifted))
    assert calls_an_event(lambda count: list(decode(count, drifted))) <= CALLS_TO_DECODE_DRIFT


def test_calls_to_decode_an_event_with_an_undocumented_field() -> None:
    assert [len(reading.drift) for reading in decode(3, undocumented)] == [1, 0, 0]
    found = calls_an_event(lambda count: list(decode(count, undocumented)))
    assert found <= CALLS_TO_DECODE_UNDOCUMENTED


def test_calls_of_the_core_for_an_event() -> None:
    assert calls_an_event(watch) <= CALLS_OF_THE_CORE


def test_calls_of_the_client_for_an_event() -> None:
    assert calls_an_event(read) <= CALLS_OF_THE_CLIENT


def test_calls_of_the_asyncio_client_for_an_event() -> None:
    assert calls_an_event(read_in_asyncio) <= CALLS_OF_THE_ASYNCIO_CLIENT


def test_one_more_thread_for_a_stream_of_the_sync_client() -> None:
    before = threading.active_count()
    with StreamingClient(**CREDENTIALS, transport=httpx.MockTransport(answer)) as client:
        streams = [client.live_data(1765) for _ in range(3)]
        assert threading.active_count() == before
        with ExitStack() as stack:
            for stream in streams:
                next(stack.enter_context(stream))
            assert threading.active_count() == before + len(streams)


def loaded(module: str) -> set[str]:
    """Return the names of the modules that a new process has once it imported `module`."""
    run = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


def test_modules_of_the_package() -> None:
    found = loaded("enphase_streaming")
    assert {name for name in found if name.startswith("enphase")} == PACKAGE
    assert not found & {"asyncio", "httpx", "msgspec", "typer"}


def test_modules_of_a_client() -> None:
    found = loaded("enphase_streaming.client")
    assert "enphase_streaming.stream" in found
    # httpx loads its command, with rich, where that is installed.
    assert sorted((found - loaded("httpx")).intersection(ON_USE)) == []


def test_memory_of_a_reading() -> None:
    list(decode(1))
    gc.collect()
    blocks, tracked = sys.getallocatedblocks(), len(gc.get_objects())
    readings = list(decode(1000))
    gc.collect()
    assert not gc.is_tracked(readings[0])
    # Beside the readings: their list, and what the test run itself allocates.
    assert sys.getallocatedblocks() - blocks < 1000 * BLOCKS_OF_A_READING + 100
    assert len(gc.get_objects()) - tracked < 1000 * TRACKED_OF_A_READING + 100


def test_a_dropped_reading_leaves_no_memory() -> None:
    readings = decode(3000)
    sizes = []
    for number, _ in enumerate(readings):
        if number % 1000 == 500:
            gc.collect()
            sizes.append(sys.getallocatedblocks())
    assert sizes[-1] - sizes[0] < 100
