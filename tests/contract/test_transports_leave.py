"""Leaving a stream, in every phase and at every step, on both clients, over every transport."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext, suppress
from itertools import count
from typing import Any

import httpx
import pytest

from callers import CREDENTIALS, async_caller, sync_caller
from enphase_streaming import (
    AsyncReadingStream,
    AsyncStreamingClient,
    StreamEndedEarly,
    StreamingClient,
)
from enphase_streaming.fleet import fleet_transport
from scripted import PATIENCE, STREAM_HEAD, Peer, Scripted, reading, waiting_for_the_head
from ways import NO_TLS, WAYS, Opened, Way, client_tls, over_http2

if sys.platform == "win32":
    pytest.skip("Windows lists no descriptors", allow_module_level=True)

EVENT = b'data:{"data":{"pv_power":7}}\n\n'
Phase = Callable[[Peer, threading.Event], None]


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_descriptor_left() -> Iterator[None]:
    before = len(os.listdir("/dev/fd"))
    yield
    for thread in threading.enumerate():
        if thread.name == "enphase-streaming":
            thread.join(PATIENCE)
    gc.collect()
    assert len(os.listdir("/dev/fd")) <= before


# In every phase


def connecting(peer: Peer, reached: threading.Event) -> None:
    """Answer no handshake."""
    peer.sock.recv(1)
    reached.set()
    peer.wait_for_hang_up()


def without_tls(server: Scripted) -> Opened:
    base_url = server.base_url.replace("http:", "https:")
    return nullcontext((base_url, {"verify": client_tls()}))


def without_socks(server: Scripted) -> Opened:
    proxy = server.url.replace("http:", "socks5:")
    return nullcontext((server.base_url, {"verify": NO_TLS, "proxy": proxy}))


def without_connect(server: Scripted) -> Opened:
    base_url = server.base_url.replace("http:", "https:")
    return nullcontext((base_url, {"verify": NO_TLS, "proxy": server.url}))


def without_settings(server: Scripted) -> Opened:
    return nullcontext((server.base_url, {"verify": NO_TLS, "http1": False, "http2": True}))


HANDSHAKES = [without_tls, without_socks, without_connect, without_settings]


def cases(*, is_async: bool) -> list[Any]:
    found = [
        pytest.param(way, phase, id=f"{name}-{phase.__name__}")
        for name, way in WAYS.items()
        if way.is_async is is_async
        for phase in (waiting_for_the_head, reading)
    ]
    caller = async_caller if is_async else sync_caller
    transport = httpx.AsyncHTTPTransport if is_async else httpx.HTTPTransport
    ways = [Way(caller, transport, reach) for reach in HANDSHAKES]
    if is_async:
        ways.append(Way(caller, fleet_transport, without_tls))
    for way in ways:
        name = f"{way.transport.__name__} {way.reach.__name__}"
        found.append(pytest.param(way, connecting, id=name))
    return found


@pytest.mark.parametrize("close_client", [False, True], ids=["stream", "client"])
@pytest.mark.parametrize(("way", "phase"), cases(is_async=False))
def test_closing_frees_the_caller(way: Way, phase: Phase, close_client: bool) -> None:
    reached = threading.Event()
    with way.to(lambda peer: phase(peer, reached), read_request=False) as (_, options):
        with StreamingClient(**CREDENTIALS, **options) as client:
            stream = client.live_data(1765)
            readings: list[Any] = []
            caller = threading.Thread(target=lambda: readings.extend(stream))
            caller.start()
            assert reached.wait(PATIENCE)
            (client if close_client else stream).close()
            caller.join(PATIENCE)
            assert not caller.is_alive(), "the caller was not freed"
        assert readings == []
        assert stream.end is not None
        assert stream.end.reason == "stopped"


Leave = Callable[[AsyncReadingStream, AsyncStreamingClient, "asyncio.Task[Any]"], Awaitable[None]]


async def close(
    stream: AsyncReadingStream, client: AsyncStreamingClient, task: asyncio.Task[Any]
) -> None:
    await stream.aclose()
    assert await task == []


async def close_client(
    stream: AsyncReadingStream, client: AsyncStreamingClient, task: asyncio.Task[Any]
) -> None:
    await client.aclose()
    assert await task == []


async def cancel(
    stream: AsyncReadingStream, client: AsyncStreamingClient, task: asyncio.Task[Any]
) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("leave", [close, close_client, cancel])
@pytest.mark.parametrize(("way", "phase"), cases(is_async=True))
def test_leaving_frees_the_task(way: Way, phase: Phase, leave: Leave) -> None:
    reached = threading.Event()

    async def main(options: dict[str, Any]) -> None:
        async with AsyncStreamingClient(**CREDENTIALS, **options) as client:
            stream = client.live_data(1765)

            async def read() -> list[Any]:
                return [reading async for reading in stream]

            task = asyncio.create_task(read())
            assert await asyncio.to_thread(reached.wait, PATIENCE)
            async with asyncio.timeout(PATIENCE):
                await leave(stream, client, task)
            assert stream.end is not None
            assert stream.end.reason == "stopped"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with way.to(lambda peer: phase(peer, reached), read_request=False) as (_, options):
        asyncio.run(main(options))


# At every step


def two_readings(peer: Peer) -> None:
    with suppress(ConnectionError):  # whenever the client leaves
        peer.read_request()
        peer.send(STREAM_HEAD)
        peer.chunk(EVENT)
        peer.chunk(EVENT)
        peer.end()
        peer.wait_for_hang_up()


class Stepping(httpx.BaseTransport):
    """A transport that calls `act` at one of httpcore's trace events, in the reader's thread."""

    def __init__(self, transport: httpx.BaseTransport, step: int, act: Callable[[], None]) -> None:
        self._transport, self._step, self._act = transport, step, act
        self.events: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        inner = request.extensions["trace"]

        def trace(event: str, info: dict[str, Any]) -> None:
            self.events.append(event)
            if len(self.events) == self._step:
                self._act()
            inner(event, info)

        request.extensions = {**request.extensions, "trace": trace}
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()


def close_at(way: Way, step: int, asked: list[bytes]) -> list[str]:
    """Close a stream at a step; return the steps that there were."""

    def script(peer: Peer) -> None:
        two_readings(peer)
        asked.append(peer.request)

    # A handshake that the client leaves fails the server.
    with suppress(OSError), way.to(script, read_request=False) as (_, options):
        transport = Stepping(options["transport"], step, lambda: stream.close())
        with StreamingClient(**CREDENTIALS, **options | {"transport": transport}) as client:
            stream = client.live_data(1765)
            with suppress(StreamEndedEarly):
                list(stream)
    return transport.events


@pytest.mark.parametrize("name", ["sync", "sync TLS", "sync unix", "sync HTTP2", "sync SOCKS"])
def test_closing_at_any_step_leaves_nothing_and_sends_no_late_request(name: str) -> None:
    events: list[str] = []
    for step in count(1):
        asked: list[bytes] = []
        events = close_at(WAYS[name], step, asked)
        left_at = " ".join(events[:step])
        if "send_request_headers.complete" not in left_at:
            assert not any(b"\r\n\r\n" in request for request in asked), left_at
        if len(events) < step:
            break
    assert "receive_response_body.complete" in " ".join(events)


# aiohttp may leave the socket of a TLS handshake that is cancelled to the garbage collector.
CANCELLED = sorted(
    {name for name, way in WAYS.items() if way.caller is async_caller} - {"fleet TLS"}
)


class Counting(selectors.DefaultSelector):
    """Calls `act` when the event loop turns for the `step`-th time."""

    def __init__(self) -> None:
        super().__init__()
        self.step = 0
        self.act: Callable[[], object] = bool

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.step -= 1
        if self.step == 0:
            self.act()
        return super().select(timeout)


async def leave_at(
    selector: Counting, step: int, options: dict[str, Any], *, again: bool
) -> tuple[bool, bool]:
    """Cancel the reading task at a step; return whether it was cancelled, and whether in time."""
    async with AsyncStreamingClient(**CREDENTIALS, **options) as client:
        stream = client.live_data(1765)

        async def read() -> None:
            async with stream:
                async for _ in stream:
                    pass

        task = asyncio.create_task(read())

        def cancel() -> None:
            task.cancel()
            if again:
                asyncio.get_running_loop().call_soon(task.cancel)

        selector.step, selector.act = step, cancel
        await asyncio.wait({task})
        in_time, selector.step = selector.step <= 0, 0
        if not task.cancelled():
            assert isinstance(task.exception(), StreamEndedEarly)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return task.cancelled(), in_time


@pytest.mark.parametrize("again", [False, True], ids=["once", "again"])
@pytest.mark.parametrize("name", CANCELLED)
def test_cancelling_at_any_step_leaves_nothing(name: str, again: bool) -> None:
    way, step, in_time, cancelled = WAYS[name], 0, True, 0
    with suppress(OSError), way.to(two_readings, read_request=False) as (server, _):
        while in_time:
            # httpcore takes a hundred turns to count the streams that HTTP/2 allows.
            step += 9 if way.reach is over_http2 else 1
            selector = Counting()
            with (
                way.reach(server) as (base_url, made_with),
                asyncio.Runner(
                    loop_factory=lambda: asyncio.SelectorEventLoop(selector)  # noqa: B023 - used at once
                ) as runner,
            ):
                options = {"base_url": base_url, "transport": way.transport(**made_with)}
                was_cancelled, in_time = runner.run(leave_at(selector, step, options, again=again))
                cancelled += was_cancelled
        assert cancelled > 5
