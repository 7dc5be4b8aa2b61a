"""HTTP/2, whose streams share a connection: no stream assumes that it is its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from callers import CREDENTIALS
from enphase_streaming import AsyncStreamingClient, StreamingClient, StreamStalled
from http2 import Front, http2_front
from scripted import PATIENCE, STREAM_HEAD, HandClock, Peer, scripted
from ways import client_tls, port_of, server_tls

EVENT = b'data:{"data":{"pv_power":7}}\n\n'
TALKS, IS_SILENT, GIVES_NO_HEAD = 1, 2, 3
"""What a site does."""


@contextmanager
def sites() -> Iterator[tuple[Front, dict[int, threading.Event]]]:
    """Yield a front for three sites, and when each was asked."""
    asked = {site: threading.Event() for site in (TALKS, IS_SILENT, GIVES_NO_HEAD)}

    def script(peer: Peer) -> None:
        site = int(peer.request.split(b"/")[4])
        asked[site].set()
        if site == GIVES_NO_HEAD:
            return peer.wait_for_hang_up()
        peer.send(STREAM_HEAD)
        peer.chunk(EVENT)
        if site == IS_SILENT:
            return peer.wait_for_hang_up()
        peer.sock.settimeout(0.02)
        with suppress(ConnectionError):
            while True:
                peer.chunk(EVENT)
                with suppress(TimeoutError):
                    if not peer.sock.recv(65536):
                        return None

    with scripted(script) as server, http2_front(port_of(server), server_tls()) as front:
        yield front, asked


def options(front: Front, kind: Any, **more: Any) -> dict[str, Any]:
    transport = kind(verify=client_tls(), http2=True)
    return {**CREDENTIALS, "base_url": front.base_url, "transport": transport, **more}


def test_closing_a_stream_leaves_those_beside_it() -> None:
    with sites() as (front, _):
        with (
            StreamingClient(**options(front, httpx.HTTPTransport)) as client,
            client.live_data(IS_SILENT) as silent,
            client.live_data(TALKS) as talks,
        ):
            assert next(silent).pv_power == next(talks).pv_power == 7
            silent.close()
            assert next(talks).pv_power == 7
        assert front.connections == 1


def test_closing_an_async_stream_leaves_those_beside_it() -> None:
    async def main(front: Front) -> None:
        async with (
            AsyncStreamingClient(**options(front, httpx.AsyncHTTPTransport)) as client,
            client.live_data(IS_SILENT) as silent,
            client.live_data(TALKS) as talks,
        ):
            assert (await anext(silent)).pv_power == (await anext(talks)).pv_power == 7
            await silent.aclose()
            assert (await anext(talks)).pv_power == 7

    with sites() as (front, _):
        asyncio.run(main(front))
        assert front.connections == 1


@contextmanager
def passing(clock: HandClock) -> Iterator[dict[str, Any]]:
    """Let a clock run faster than the real one; yield it as a client's options."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.02):
            clock.time += 4

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield {"monotonic": clock.monotonic, "now": clock.now, "first_reading_timeout": 1000}
    finally:
        done.set()
        thread.join()


def test_a_silent_stream_is_noticed_beside_one_that_talks(clock: HandClock) -> None:
    with (
        sites() as (front, _),
        passing(clock) as clocks,
        StreamingClient(**options(front, httpx.HTTPTransport, **clocks)) as client,
        client.live_data(TALKS, duration=300) as talks,
        client.live_data(IS_SILENT, duration=300) as silent,
    ):
        assert next(talks).pv_power == next(silent).pv_power == 7
        with pytest.raises(StreamStalled):
            next(silent)


def test_a_silent_async_stream_is_noticed_beside_one_that_talks(clock: HandClock) -> None:
    async def main(front: Front, clocks: dict[str, Any]) -> None:
        async with (
            AsyncStreamingClient(**options(front, httpx.AsyncHTTPTransport, **clocks)) as client,
            client.live_data(TALKS, duration=300) as talks,
            client.live_data(IS_SILENT, duration=300) as silent,
        ):
            assert (await anext(talks)).pv_power == (await anext(silent)).pv_power == 7
            with pytest.raises(StreamStalled):
                await anext(silent)
            assert (await anext(talks)).pv_power == 7

    with sites() as (front, _), passing(clock) as clocks:
        asyncio.run(main(front, clocks))


def test_closing_the_client_ends_every_thread_and_the_connection() -> None:
    with sites() as (front, asked):
        client = StreamingClient(**options(front, httpx.HTTPTransport))
        silent = [client.live_data(IS_SILENT) for _ in range(2)]
        for stream in silent:
            next(stream)
        without_a_head = client.live_data(GIVES_NO_HEAD)
        caller = threading.Thread(target=list, args=(without_a_head,))
        caller.start()
        assert asked[GIVES_NO_HEAD].wait(PATIENCE)
        for stream in (silent[0], without_a_head):  # their threads go on reading for the other
            stream.close()
        caller.join()
        readers = [each for each in threading.enumerate() if each.name == "enphase-streaming"]
        assert readers
        client.close()
        for reader in readers:
            reader.join(PATIENCE)
            assert not reader.is_alive()
        assert front.closed.wait(PATIENCE)
        assert (front.connections, front.open) == (1, 0)


def test_closing_the_async_client_ends_the_connection() -> None:
    async def main(front: Front) -> None:
        async with AsyncStreamingClient(**options(front, httpx.AsyncHTTPTransport)) as client:
            await anext(first := client.live_data(IS_SILENT))
            await anext(second := client.live_data(IS_SILENT))
            await first.aclose()
        assert second.end is not None
        assert second.end.reason == "stopped"

    with sites() as (front, _):
        asyncio.run(main(front))
        assert front.closed.wait(PATIENCE)
        assert (front.connections, front.open) == (1, 0)
