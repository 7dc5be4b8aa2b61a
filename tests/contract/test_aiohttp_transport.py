"""What is different over httpx-aiohttp's transport, and only that: the guide names each of these.

All else is as over any transport: test_stream_ends.py shows that.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import httpx
import httpx_aiohttp
import pytest
import respx

from callers import CREDENTIALS, Caller
from enphase_streaming import (
    AsyncStreamingClient,
    ConnectionFailed,
    StreamStalled,
)
from scripted import PATIENCE, STREAM_HEAD, HandClock, Peer, scripted
from transports import aiohttp_caller

EVENT = b'data:{"data":{"pv_power":7}}\n\n'
NOWHERE = "http://127.0.0.1:9/api/v4"


@pytest.fixture
def caller() -> Caller:
    return aiohttp_caller


def refuse(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 468 No\r\nContent-Length: 0\r\n\r\n")


def test_proxies_of_the_environment_are_not_used(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with scripted(refuse) as server:
        assert "468" in str(caller({"base_url": server.base_url}).error)


@respx.mock
def test_respx_does_not_stand_in_for_it(caller: Caller) -> None:
    route = respx.get(url__regex=".*").respond(468)
    with scripted(refuse) as server:
        assert "468" in str(caller({"base_url": server.base_url}).error)
        assert len(server.peers) == 1
    assert not route.called


def test_a_refused_connection_looks_like_a_time_out(caller: Caller) -> None:
    outcome = caller({"base_url": NOWHERE})
    assert isinstance(outcome.error, ConnectionFailed)
    assert isinstance(outcome.error.__cause__, httpx.ConnectTimeout)
    assert isinstance(outcome.error.__cause__.__cause__, aiohttp.ClientConnectorError)


def test_an_error_of_aiohttp_itself_is_only_ever_a_cause(caller: Caller) -> None:
    with scripted(lambda peer: peer.send(b"garbage\r\n\r\n")) as server:
        outcome = caller({"base_url": server.base_url})
    assert isinstance(outcome.error, ConnectionFailed)
    assert isinstance(outcome.error.__cause__, aiohttp.ClientResponseError)


def test_a_malformed_chunk_is_only_noticed_by_the_watchdog(
    caller: Caller, clock: HandClock
) -> None:
    has_one = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(EVENT)
        assert has_one.wait(PATIENCE)
        peer.send(b"zz\r\n\r\n")
        peer.wait_for_hang_up()  # aiohttp does so at once, and goes on waiting
        clock.time += 21

    with scripted(script) as server:
        options = {"base_url": server.base_url, "monotonic": clock.monotonic, "now": clock.now}
        outcome = caller(options, on_reading=lambda reading: has_one.set())
    assert isinstance(outcome.error, StreamStalled)
    assert (outcome.reason, len(outcome.readings)) == ("stalled", 1)


# How many streams at once


@asynccontextmanager
async def endless() -> AsyncIterator[str]:
    """The base URL of a server that sends everyone one reading, and stays."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM_HEAD + b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v4"


async def hundred_and_one(transport: httpx.AsyncBaseTransport, clock: HandClock) -> None:
    """Open a hundred streams, and one more while they are open."""
    async with (
        endless() as base_url,
        AsyncStreamingClient(
            **CREDENTIALS,
            base_url=base_url,
            transport=transport,
            monotonic=clock.monotonic,
            now=clock.now,
        ) as client,
        AsyncExitStack() as stack,
    ):
        for site in range(1, 101):
            stream = await stack.enter_async_context(client.live_data(site))
            assert (await anext(stream)).pv_power == 7
        last = asyncio.create_task(client.snapshot(101))
        await asyncio.wait({last}, timeout=0.1)
        clock.time += 21
        assert (await last).pv_power == 7


def test_no_limit_means_a_hundred_connections(clock: HandClock) -> None:
    transport = httpx_aiohttp.AiohttpTransport(limits=httpx.Limits(max_connections=None))
    with pytest.raises(ConnectionFailed):
        asyncio.run(hundred_and_one(transport, clock))


def test_a_number_means_that_many(clock: HandClock) -> None:
    transport = httpx_aiohttp.AiohttpTransport(limits=httpx.Limits(max_connections=101))
    asyncio.run(hundred_and_one(transport, clock))
