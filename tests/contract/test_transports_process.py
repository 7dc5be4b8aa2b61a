"""The process around a stream: its signals, forks, threads, garbage, environment, event loops."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import httpx
import pytest
import trio

from callers import CREDENTIALS, Caller
from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    ConnectionFailed,
    InvalidArgument,
    StreamingClient,
)
from scripted import PATIENCE, STREAM_HEAD, Peer, scripted
from ways import NO_TLS, WAYS, Way

if sys.platform == "win32":
    pytest.skip("Windows has neither these signals nor forks", allow_module_level=True)

EVENT = b'data:{"data":{"pv_power":7}}\n\n'


def one_reading(peer: Peer) -> None:
    peer.send(STREAM_HEAD)
    peer.chunk(EVENT)
    peer.wait_for_hang_up()


# Signals


class Alarm(Exception):
    """Raised by a signal's handler."""


@pytest.fixture(params=[Alarm, ValueError, KeyboardInterrupt])
def raised(request: pytest.FixtureRequest) -> Iterator[type[BaseException]]:
    """What SIGUSR1 raises, in the main thread."""

    def handle(number: int, frame: object) -> None:
        raise request.param

    before = signal.signal(signal.SIGUSR1, handle)
    yield request.param
    signal.signal(signal.SIGUSR1, before)


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def interrupt_while_opening(peer: Peer) -> None:
    interrupt()
    peer.wait_for_hang_up()


def interrupt_while_receiving(peer: Peer) -> None:
    peer.send(STREAM_HEAD)
    peer.chunk(b": open\n\n")
    interrupt()
    peer.wait_for_hang_up()


@pytest.mark.parametrize("script", [interrupt_while_opening, interrupt_while_receiving])
@pytest.mark.parametrize("way", ["sync", "sync TLS", "sync own"])
def test_an_exception_of_a_signal_handler_leaves_unchanged(
    way: str, script: Callable[[Peer], None], raised: type[BaseException]
) -> None:
    with (
        WAYS[way].to(script) as (_, options),
        StreamingClient(**CREDENTIALS, **options) as client,
    ):
        stream = client.live_data(1765)
        with pytest.raises(raised) as caught:
            next(stream)
        assert type(caught.value) is raised
        assert stream.end is not None
        assert stream.end.reason == "stopped"


@pytest.mark.parametrize("script", [interrupt_while_opening, interrupt_while_receiving])
def test_an_interrupted_event_loop_stops_the_stream(script: Callable[[Peer], None]) -> None:
    streams: list[Any] = []

    async def main(options: dict[str, Any]) -> None:
        async with AsyncStreamingClient(**CREDENTIALS, **options) as client:
            streams.append(client.live_data(1765))
            # What asyncio.run() does for SIGINT.
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, task.cancel)
            await anext(streams[0])

    with WAYS["async"].to(script) as (_, options), pytest.raises(asyncio.CancelledError):
        asyncio.run(main(options))
    assert streams[0].end.reason == "stopped"


# Forks


@pytest.mark.parametrize("way", ["sync", "sync TLS", "sync HTTP2", "sync unix"])
def test_a_child_that_ends_leaves_the_stream_of_its_parent(way: str) -> None:
    forked = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(EVENT)
        assert forked.wait(PATIENCE)
        peer.chunk(EVENT)
        peer.wait_for_hang_up()

    with (
        WAYS[way].to(script) as (_, options),
        StreamingClient(**CREDENTIALS, **options) as client,
        client.live_data(1765) as stream,
    ):
        assert next(stream).pv_power == 7
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
            child = os.fork()
        if not child:
            with suppress(BaseException):
                stream.close()
                client.close()
                del stream, client
                gc.collect()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        forked.set()
        assert next(stream).pv_power == 7


# Threads that cannot start, and requests that cannot be made


class Forgetful:
    """An `auth` that has no token until it renews."""

    can_refresh = True

    def __init__(self, renew: Callable[[], str]) -> None:
        self._renew = renew

    def current(self, now: datetime) -> str | None:
        return None

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        return self._renew()

    def secrets(self) -> tuple[str, ...]:
        return ()


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    start_it = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith(("enphase", "asyncio_")):
            raise RuntimeError("can't start new thread")
        start_it(thread)  # the one in which asyncio.run() ends its pool

    monkeypatch.setattr(threading.Thread, "start", start)


@pytest.fixture(params=["sync", "async", "fleet"])
def any_way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.mark.usefixtures("no_threads")
def test_without_a_thread_to_send_or_to_resolve_a_name_nothing_is_spent(any_way: Way) -> None:
    budget = Budget(calls=5)
    transport = any_way.transport(verify=NO_TLS)
    options = {"base_url": "http://localhost:9/api/v4", "transport": transport}
    outcome = any_way.caller(options, budget=budget)
    assert isinstance(outcome.error, ConnectionFailed)
    assert isinstance(outcome.error.__cause__, RuntimeError)
    assert budget.spent == 0


@pytest.mark.usefixtures("no_threads")
def test_without_a_thread_to_renew_the_token_nothing_is_spent(caller: Caller) -> None:
    budget = Budget(calls=5)
    options = {"access_token": None, "auth": Forgetful(str)}
    outcome = caller(options, budget=budget)
    assert isinstance(outcome.error, ConnectionFailed)
    assert isinstance(outcome.error.__cause__, RuntimeError)
    assert budget.spent == 0


def test_a_request_that_cannot_be_made_is_not_spent(caller: Caller) -> None:
    budget = Budget(calls=5)
    options = {"access_token": None, "auth": Forgetful(lambda: "two\nlines")}
    outcome = caller(options, budget=budget)
    assert isinstance(outcome.error, InvalidArgument)
    assert budget.spent == 0


class Exit(BaseException):
    """As pytest.fail() and sys.exit() raise: no Exception."""


def leave() -> str:
    raise Exit


def test_what_is_no_exception_leaves_the_transport_unchanged(caller: Caller) -> None:
    with pytest.raises(Exit):
        caller(
            {"transport": httpx.MockTransport(lambda request: httpx.Response(200, text=leave()))}
        )


def test_what_is_no_exception_leaves_a_renewal_unchanged() -> None:
    client = StreamingClient(api_key="the-key", auth=Forgetful(leave))
    with client, pytest.raises(Exit):
        client.snapshot(1765)


# Garbage


def test_breaking_out_of_many_loops_keeps_no_descriptor() -> None:
    async def main(base_url: str) -> None:
        transport = httpx.AsyncHTTPTransport(verify=NO_TLS)
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=base_url, transport=transport
        ) as client:
            before = len(os.listdir("/dev/fd"))
            for site in range(1, 101):
                async for reading in client.live_data(site):
                    assert reading.pv_power == 7
                    break
                await asyncio.sleep(0)
            for _ in range(10):
                await asyncio.sleep(0)
            for thread in server.threads:
                await asyncio.to_thread(thread.join, PATIENCE)
            # The thread that waited is one more, and so are its event loop's.
            assert len(os.listdir("/dev/fd")) - before < 10

    with scripted(one_reading) as server, pytest.warns(ResourceWarning, match="was not closed"):
        asyncio.run(main(server.base_url))


def test_a_stream_may_be_dropped_in_the_thread_of_another_event_loop() -> None:
    async def drop(streams: list[Any]) -> None:
        streams.clear()
        gc.collect()

    async def main(options: dict[str, Any]) -> None:
        async with AsyncStreamingClient(**CREDENTIALS, **options) as client:
            streams = [client.live_data(1765)]
            await anext(streams[0])
            with pytest.warns(ResourceWarning, match="was not closed"):
                await asyncio.to_thread(asyncio.run, drop(streams))
            for thread in server.threads:
                await asyncio.to_thread(thread.join, PATIENCE)
                assert not thread.is_alive()

    with WAYS["async TLS"].to(one_reading) as (server, options):
        asyncio.run(main(options))


# Event loops and cancellations


def test_trio_is_refused_with_a_way_out() -> None:
    async def main() -> None:
        async with AsyncStreamingClient(**CREDENTIALS) as client:
            await client.snapshot(1765)

    with pytest.raises(InvalidArgument, match="needs asyncio"):
        trio.run(main)


def test_a_task_that_was_cancelled_before_is_still_told_of_a_time_out() -> None:
    def script(peer: Peer) -> None:
        peer.wait_for_hang_up()

    told: list[Exception] = []

    async def main(options: dict[str, Any]) -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, **options, first_reading_timeout=0.05
        ) as client:

            async def read() -> None:
                try:
                    await asyncio.sleep(60)
                finally:
                    try:
                        await client.snapshot(1765)
                    except ConnectionFailed as error:
                        told.append(error)

            task = asyncio.create_task(read())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with WAYS["async"].to(script) as (_, options):
        asyncio.run(main(options))
    assert len(told) == 1


@pytest.mark.parametrize("after", [0.04, 0.1, 0.14, 0.15, 0.16])
def test_a_time_out_of_asyncio_beside_our_own(after: float) -> None:
    """Whichever comes first counts, and neither leaves a cancellation behind."""

    async def main(options: dict[str, Any]) -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, **options, first_reading_timeout=0.1
        ) as client:
            with pytest.raises((ConnectionFailed, TimeoutError)):
                async with asyncio.timeout(after):
                    await client.snapshot(1765)
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            await asyncio.sleep(0)

    with WAYS["async"].to(lambda peer: peer.wait_for_hang_up()) as (_, options):
        asyncio.run(main(options))


# The environment's proxies

PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.9.1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_of_the_environment_never_sees_a_loopback_request(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, scheme: str, host: str
) -> None:
    with scripted(lambda peer: None) as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
        outcome = caller({"base_url": f"{scheme}://{host}:9/api/v4"})
        assert isinstance(outcome.error, ConnectionFailed)
    assert proxy.peers == []
