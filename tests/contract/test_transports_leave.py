"""Leaving a stream in every phase, on both clients, over every kind of transport."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from callers import CREDENTIALS, async_caller
from enphase_streaming import AsyncStreamingClient, StreamingClient
from enphase_streaming.fleet import fleet_transport
from scripted import PATIENCE, STREAM_HEAD, Peer, scripted
from ways import NO_TLS, WAYS, Way, by_itself, client_tls, direct

EVENT = b'data:{"data":{"pv_power":7}}\n\n'
SYNC = {name: way for name, way in WAYS.items() if not way.is_async}
ASYNC = {name: way for name, way in WAYS.items() if way.is_async}


def via_silent_proxy(server: Any) -> Any:
    return direct_with(server, "http", proxy=server.url.replace("http:", "socks5:"))


def without_handshake(server: Any) -> Any:
    return direct_with(server, "https", verify=client_tls())


def without_settings(server: Any) -> Any:
    return direct_with(server, "http", http1=False, http2=True)


def direct_with(server: Any, scheme: str, **made_with: Any) -> Any:
    from contextlib import nullcontext

    url = server.base_url.replace("http:", f"{scheme}:")
    return nullcontext((url, {"verify": NO_TLS, **made_with}))


def connecting(peer: Peer, reached: threading.Event) -> None:
    peer.sock.recv(1)  # the start of a handshake
    reached.set()
    peer.wait_for_hang_up()


def waiting_for_the_head(peer: Peer, reached: threading.Event) -> None:
    peer.read_request()
    reached.set()
    peer.wait_for_hang_up()


def reading(peer: Peer, reached: threading.Event) -> None:
    peer.read_request()
    peer.send(STREAM_HEAD)
    peer.chunk(b": open\n\n")
    reached.set()
    peer.wait_for_hang_up()


Phase = Callable[[Peer, threading.Event], None]


def phases(caller: Any, transport: Any) -> Iterator[tuple[str, Way, Phase]]:
    for reach in (without_handshake, via_silent_proxy, without_settings):
        if transport is fleet_transport and reach is not without_handshake:
            continue
        yield reach.__name__, Way(caller, transport, reach), connecting


def cases(ways: dict[str, Way]) -> list[Any]:
    found = []
    for name, way in ways.items():
        for phase in (waiting_for_the_head, reading):
            found.append(pytest.param(way, phase, id=f"{name}-{phase.__name__}"))
    for transport in {way.transport for way in ways.values() if way.reach is not by_itself}:
        caller = next(iter(ways.values())).caller
        for name, way, phase in phases(caller, transport):
            found.append(pytest.param(way, phase, id=f"{transport.__name__}-{name}"))
    return found


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    gc.collect()
    before = os.listdir("/proc/self/fd")
    yield
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def shut(stream: Any, client: StreamingClient) -> None:
    stream.close()


def shut_client(stream: Any, client: StreamingClient) -> None:
    client.close()


@pytest.mark.parametrize("leave", [shut, shut_client])
@pytest.mark.parametrize(("way", "phase"), cases(SYNC))
def test_close_from_a_thread_frees_the_caller(way: Way, phase: Phase, leave: Any) -> None:
    reached = threading.Event()

    def script(peer: Peer) -> None:
        phase(peer, reached)

    with way.to(script, read_request=False) as (server, options):
        with StreamingClient(**CREDENTIALS, **options) as client:
            stream = client.live_data(1765)
            readings: list[Any] = []
            thread = threading.Thread(target=lambda: readings.extend(stream))
            thread.start()
            assert reached.wait(PATIENCE)
            leave(stream, client)
            thread.join(5)
            assert not thread.is_alive(), "the caller was not freed"
        assert readings == []
        assert stream.end is not None
        assert stream.end.reason == "stopped"


async def ashut(stream: Any, client: AsyncStreamingClient, task: Any) -> None:
    await stream.aclose()
    assert await task == []


async def ashut_client(stream: Any, client: AsyncStreamingClient, task: Any) -> None:
    await client.aclose()
    assert await task == []


async def cancel(stream: Any, client: AsyncStreamingClient, task: Any) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("leave", [ashut, ashut_client, cancel])
@pytest.mark.parametrize(("way", "phase"), cases(ASYNC))
def test_a_task_is_freed(way: Way, phase: Phase, leave: Any) -> None:
    reached = threading.Event()

    def script(peer: Peer) -> None:
        phase(peer, reached)

    async def main(options: dict[str, Any]) -> None:
        async with AsyncStreamingClient(**CREDENTIALS, **options) as client:
            stream = client.live_data(1765)

            async def read() -> list[Any]:
                return [reading async for reading in stream]

            task = asyncio.create_task(read())
            assert await asyncio.to_thread(reached.wait, PATIENCE)
            async with asyncio.timeout(5):
                await leave(stream, client, task)
            assert stream.end is not None
            assert stream.end.reason == "stopped"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with way.to(script, read_request=False) as (server, options):
        asyncio.run(main(options))
