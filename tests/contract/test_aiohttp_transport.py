"""What is different over the fleet transport, which sends through aiohttp.

test_stream_ends.py shows that all else is as over httpx's own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import httpx
import httpx_aiohttp
import pytest
import respx

from callers import CREDENTIALS, Caller
from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    ConnectionFailed,
    InvalidArgument,
    StreamDropped,
)
from enphase_streaming.fleet import fleet_transport
from scripted import PATIENCE, STREAM_HEAD, HandClock, Peer, scripted
from transports import aiohttp_caller

EVENT = b'data:{"data":{"pv_power":7}}\n\n'
NOWHERE = "http://127.0.0.1:9/api/v4"


@pytest.fixture
def caller() -> Caller:
    return aiohttp_caller


def refuse(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 468 No\r\nContent-Length: 0\r\n\r\n")


# One request for each call


def close(peer: Peer) -> None:
    pass


def send_half_a_head(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Ty")


@pytest.mark.parametrize("fault", [close, Peer.reset, send_half_a_head])
def test_a_server_that_closes_before_its_head_sees_each_call_once(
    caller: Caller, clock: HandClock, fault: Callable[[Peer], None]
) -> None:
    def time_passes(seconds: float, why: Exception | None) -> None:
        clock.time += 300

    budget = Budget(calls=5)
    with scripted(fault) as server:
        outcome = caller(
            {"base_url": server.base_url, "monotonic": clock.monotonic, "now": clock.now},
            method="watch",
            budget=budget,
            on_wait=time_passes,
        )
    assert isinstance(outcome.error, ConnectionFailed)
    assert len(server.peers) == budget.spent == 5


def test_a_transport_of_httpx_aiohttp_itself_is_refused() -> None:
    with pytest.raises(InvalidArgument) as raised:
        AsyncStreamingClient(**CREDENTIALS, transport=httpx_aiohttp.AiohttpTransport())
    assert str(raised.value) == (
        "transport must send each request once, and aiohttp sends some again, which no budget "
        "counts: use enphase_streaming.fleet.fleet_transport()."
    )


def test_a_body_is_sent_as_over_any_transport() -> None:
    def script(peer: Peer) -> None:
        body = peer.request.partition(b"\r\n\r\n")[2]
        while body != b"a=1":
            received = peer.sock.recv(100)
            assert received
            body += received
        refuse(peer)

    async def post(url: str) -> int:
        async with httpx.AsyncClient(transport=fleet_transport()) as client:
            return (await client.post(url, data={"a": "1"})).status_code

    with scripted(script) as server:
        assert asyncio.run(post(server.base_url)) == 468


# Other differences


def test_proxies_of_the_environment_are_not_used(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with scripted(refuse) as server:
        assert "468" in str(caller({"base_url": server.base_url}).error)


def test_an_unusable_certificate_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    with pytest.raises(InvalidArgument, match=r"^SSL_CERT_FILE must lead to certificates"):
        fleet_transport()


@respx.mock
def test_respx_does_not_replace_it(caller: Caller) -> None:
    route = respx.get(url__regex=".*").respond(468)
    with scripted(refuse) as server:
        assert "468" in str(caller({"base_url": server.base_url}).error)
        assert len(server.peers) == 1
    assert not route.called


def test_a_refused_connection_is_an_exception_of_httpx(caller: Caller) -> None:
    outcome = caller({"base_url": NOWHERE})
    assert isinstance(outcome.error, ConnectionFailed)
    assert isinstance(outcome.error.__cause__, httpx.ConnectError)
    assert isinstance(outcome.error.__cause__.__cause__, aiohttp.ClientConnectorError)


def test_a_malformed_answer_fails_with_an_exception_of_httpx(caller: Caller) -> None:
    with scripted(lambda peer: peer.send(b"garbage\r\n\r\n")) as server:
        outcome = caller({"base_url": server.base_url})
    assert isinstance(outcome.error, ConnectionFailed)
    assert isinstance(outcome.error.__cause__, httpx.RemoteProtocolError)


def test_a_malformed_chunk_drops_the_stream(caller: Caller) -> None:
    has_one = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(EVENT)
        assert has_one.wait(PATIENCE)
        peer.send(b"zz\r\n\r\n")
        peer.wait_for_hang_up()

    with scripted(script) as server:
        outcome = caller({"base_url": server.base_url}, on_reading=lambda reading: has_one.set())
    assert isinstance(outcome.error, StreamDropped)
    assert (outcome.reason, len(outcome.readings)) == ("dropped", 1)


# Many streams at once


@asynccontextmanager
async def endless() -> AsyncIterator[str]:
    """Yield the base URL of a server that sends one reading on each stream, and stays."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM_HEAD + b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v4"


def test_the_number_of_streams_is_not_limited() -> None:
    async def run() -> None:
        async with (
            endless() as base_url,
            AsyncStreamingClient(
                **CREDENTIALS, base_url=base_url, transport=fleet_transport()
            ) as client,
            AsyncExitStack() as stack,
        ):
            for site in range(1, 151):  # aiohttp's own limit is a hundred
                stream = await stack.enter_async_context(client.live_data(site))
                assert (await anext(stream)).pv_power == 7

    asyncio.run(run())
