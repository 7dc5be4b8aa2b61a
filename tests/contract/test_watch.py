"""`watch` over real sockets, on both clients."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

import httpx
import pytest

from callers import CREDENTIALS, Caller, async_caller, sync_caller
from enphase_streaming import (
    AsyncReadingStream,
    AsyncStreamingClient,
    AuthenticationError,
    Budget,
    BudgetExhausted,
    ConnectionFailed,
    LoginRequired,
    MalformedEvent,
    Plan,
    Reading,
    StaticAuth,
    StreamDropped,
    StreamingClient,
)
from enphase_streaming.core.arguments import DEFAULT_DURATION
from scripted import PATIENCE, STREAM_HEAD, HandClock, Peer, scripted
from spending import spend
from transports import aiohttp_caller

SITE = 1765


def options(clock: HandClock, base_url: str, **more: Any) -> dict[str, Any]:
    # A script moves the clock while its bytes are under way: no timeout may pass meanwhile.
    patient = {"first_reading_timeout": 400, "stall_timeout": 400}
    return {"base_url": base_url, "monotonic": clock.monotonic, "now": clock.now, **patient, **more}


def answer(peer: Peer, status_code: int, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status_code} x\r\nContent-Type: application/json\r\n"
    peer.send(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)


def window(peer: Peer, clock: HandClock, *powers: int, seconds: int = 30) -> None:
    """One whole window."""
    peer.send(STREAM_HEAD)
    for power in powers:
        peer.chunk(clock.event(pv_power=power))
        clock.time += seconds / len(powers)
    peer.end()


TRACED = 192
"""The window from which memory is traced, since tracing takes longer than the windows."""


class Day:
    """Sends twelve readings a window, each once the last was taken, and the last one twice."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.windows = 0
        self.taken = threading.Semaphore(0)
        self.powers = iter(range(288 * 12))
        self.next_power = 0
        self.open = 0
        self.memory: list[int] = []
        self._last = b": the first window\n\n"

    def script(self, peer: Peer) -> None:
        self.windows += 1
        self.open += 1
        assert self.open == 1, "two windows at once"
        peer.send(STREAM_HEAD)
        peer.chunk(self._last)
        for power in range(12):
            self._last = self.clock.event(pv_power=(self.windows - 1) * 12 + power)
            peer.chunk(self._last)
            assert self.taken.acquire(timeout=PATIENCE)
            self.clock.time += 25
        self.open -= 1
        peer.end()

    def on_reading(self, reading: Reading) -> None:
        assert reading.pv_power == self.next_power
        self.next_power += 1
        if self.next_power == TRACED * 12:
            tracemalloc.start()
        elif self.next_power > TRACED * 12 and self.next_power % (24 * 12) == 0:
            gc.collect()
            self.memory.append(tracemalloc.get_traced_memory()[0])
        self.taken.release()


def test_a_day_of_one_site(caller: Caller, clock: HandClock) -> None:
    day, budget = Day(clock), Budget(calls=288)
    began = clock.time
    try:
        with scripted(day.script) as server:
            outcome = caller(
                options(clock, server.base_url),
                on_reading=day.on_reading,
                method="watch",
                keep=False,
                budget=budget,
                duration=300,
            )
    finally:
        tracemalloc.stop()
    assert (outcome.error, outcome.reason) == (None, "budget")
    assert clock.time - began == 24 * 3600
    assert (day.windows, budget.spent, budget.left) == (288, 288, 0)
    assert outcome.end is not None
    assert (outcome.end.readings, outcome.end.elapsed) == (288 * 12, 24 * 3600)
    kept = [(after - before) / 24 for before, after in pairwise(day.memory)]
    # The median: a table of the interpreter may grow once meanwhile.
    assert median(kept) < 1_000, f"bytes kept of each window: {kept}"


OVER_AIOHTTP_TOO = pytest.mark.parametrize(
    "caller",
    [sync_caller, async_caller, aiohttp_caller],
    ids=["sync", "async", "aiohttp"],
    indirect=True,
)


@OVER_AIOHTTP_TOO
def test_every_window_asks_for_the_duration_that_was_given(
    caller: Caller, clock: HandClock
) -> None:
    with scripted(lambda peer: window(peer, clock, 1, seconds=60)) as server:
        outcome = caller(
            options(clock, server.base_url),
            method="watch",
            budget=Budget(calls=2),
            duration=60,
        )
    assert outcome.reason == "budget"
    assert [b"duration: 60\r\n" in peer.request.lower() for peer in server.peers] == [True, True]


# Leaving the loop


@pytest.fixture
def endless(clock: HandClock) -> Iterator[tuple[str, threading.Event]]:
    """Serve one reading and stay; yield the URL, and an event that the client hung up."""
    gone = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        peer.wait_for_hang_up()
        gone.set()

    with scripted(script) as server:
        yield server.base_url, gone
        assert len(server.peers) == 1


def client_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("enphase")]


def test_leaving_the_loop_closes_the_socket(endless: tuple[str, threading.Event]) -> None:
    base_url, gone = endless
    with StreamingClient(**CREDENTIALS, base_url=base_url) as client:
        with client.watch(SITE, budget=Budget(calls=9)) as readings:
            for _ in readings:
                break
        assert gone.wait(5)
        assert readings.end is not None
        assert (readings.end.reason, readings.end.readings) == ("stopped", 1)
    for thread in client_threads():
        thread.join(5)
    assert client_threads() == []


def test_an_abandoned_watch_closes_the_socket(
    endless: tuple[str, threading.Event],
) -> None:
    base_url, gone = endless
    with StreamingClient(**CREDENTIALS, base_url=base_url) as client:
        for _ in client.watch(SITE, budget=Budget(calls=9)):
            break
        gc.collect()
        assert gone.wait(5)


class Locked(httpx.HTTPTransport, httpx.SyncByteStream):
    """Has a lock that no thread may take twice, as the pool of httpcore has."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.closed = threading.Event()
        self.body: httpx.SyncByteStream

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        self.body = response.stream
        return httpx.Response(200, headers=response.headers, stream=self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def close(self) -> None:
        assert self.lock.acquire(timeout=1)
        self.body.close()
        self.lock.release()
        self.closed.set()


def test_a_stream_collected_inside_its_transport_waits_for_no_lock(
    endless: tuple[str, threading.Event],
) -> None:
    base_url, gone = endless
    transport = Locked()
    client = StreamingClient(**CREDENTIALS, base_url=base_url, transport=transport)
    stream = client.live_data(SITE)
    next(stream)
    with transport.lock:
        del stream
        gc.collect()
    assert transport.closed.wait(5)
    assert gone.wait(5)
    client.close()


def test_an_async_stream_that_outlives_its_loop_warns_that_it_was_not_closed() -> None:
    class Body(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield HandClock().event()
            await asyncio.sleep(PATIENCE)

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Body())

    async def run() -> AsyncReadingStream:
        client = AsyncStreamingClient(**CREDENTIALS, transport=Transport())
        stream = client.live_data(SITE)
        await anext(stream)
        return stream

    held = [asyncio.run(run())]
    with pytest.warns(ResourceWarning, match="was not closed"):
        held.clear()
    gc.collect()


def test_leaving_the_async_loop_closes_the_socket(endless: tuple[str, threading.Event]) -> None:
    base_url, gone = endless

    async def run() -> None:
        async with AsyncStreamingClient(**CREDENTIALS, base_url=base_url) as client:
            async with client.watch(SITE, budget=Budget(calls=9)) as readings:
                async for _ in readings:
                    break
            assert await asyncio.to_thread(gone.wait, 5)
            assert readings.end is not None
            assert (readings.end.reason, readings.end.readings) == ("stopped", 1)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            del readings
            gc.collect()

    asyncio.run(run())
    assert client_threads() == []


def test_a_watch_that_was_never_begun_sends_nothing() -> None:
    async def run() -> None:
        async with AsyncStreamingClient(**CREDENTIALS) as client:
            async with client.watch(SITE, budget=Budget(calls=9)) as readings:
                pass
            assert readings.end is not None
            assert readings.end.reason == "stopped"
            client.watch(SITE, budget=Budget(calls=9))
            gc.collect()

    asyncio.run(run())
    budget = Budget(calls=9)
    with StreamingClient(**CREDENTIALS) as client, client.watch(SITE, budget=budget) as readings:
        pass
    gc.collect()
    assert readings.end is not None
    assert (readings.end.reason, budget.spent) == ("stopped", 0)


@pytest.mark.parametrize("caller", [sync_caller, async_caller])
def test_a_clock_that_fails_during_a_pause_ends_the_watch(caller: Caller) -> None:
    fails = threading.Event()

    def monotonic() -> float:
        if fails.is_set():
            fails.clear()
            raise ZeroDivisionError
        return 0.0

    budget = Budget(calls=3)
    transport = httpx.MockTransport(lambda request: httpx.Response(473))
    outcome = caller(
        {"transport": transport, "monotonic": monotonic},
        method="watch",
        budget=budget,
        on_wait=lambda seconds, why: fails.set(),
    )
    assert isinstance(outcome.error, ZeroDivisionError)
    assert budget.spent == 1


# Closing it while it waits. The clock stands still, so that only closing ends a wait.


def signalling(began: threading.Event) -> Callable[[float, Exception | None], None]:
    """Return an `on_wait` that sets `began`."""
    return lambda seconds, why: began.set()


def for_a_retry(peer: Peer, clock: HandClock) -> None:
    peer.send(STREAM_HEAD)
    peer.chunk(b"retry:90000\n\n")  # and no end: the connection closes amid the body


def for_a_429(peer: Peer, clock: HandClock) -> None:
    end = int(clock.now().timestamp()) + 60
    answer(peer, 429, {"code": 429, "period": "minute", "period_end": end})


def for_a_gateway(peer: Peer, clock: HandClock) -> None:
    answer(peer, 473, {"error": {"code": 473}})


WAITS = [for_a_retry, for_a_429, for_a_gateway]
Why = Callable[[Peer, HandClock], None]


@pytest.mark.parametrize("why", WAITS)
def test_close_ends_a_wait_at_once(why: Why, clock: HandClock) -> None:
    budget, readings, waits = Budget(calls=9), list[Reading](), threading.Event()
    with (
        scripted(lambda peer: why(peer, clock)) as server,
        StreamingClient(**CREDENTIALS, **options(clock, server.base_url)) as client,
    ):
        watch = client.watch(SITE, budget=budget, on_wait=signalling(waits))
        thread = threading.Thread(target=lambda: readings.extend(watch))
        thread.start()
        assert waits.wait(5)
        watch.close()
        thread.join(5)
        assert not thread.is_alive(), "close() did not end the wait"
    assert watch.end is not None
    assert (watch.end.reason, budget.spent, readings) == ("stopped", 1, [])


async def ended_by(
    how: str, watch: Any, client: AsyncStreamingClient, waits: threading.Event
) -> None:
    """Read `watch` in a task, end it while it waits, and check that the task is over."""

    async def read() -> None:
        async for _ in watch:
            pass

    task = asyncio.create_task(read())
    assert await asyncio.to_thread(waits.wait, 5)
    if how == "cancel":
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
    else:
        await (watch if how == "watch" else client).aclose()
        await asyncio.wait_for(task, 5)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert watch.end.reason == "stopped"


@pytest.mark.parametrize("why", WAITS)
@pytest.mark.parametrize("how", ["watch", "client", "cancel"])
def test_aclose_and_cancellation_end_a_wait_at_once(how: str, why: Why, clock: HandClock) -> None:
    budget, waits = Budget(calls=9), threading.Event()

    async def run(base_url: str) -> None:
        async with AsyncStreamingClient(**CREDENTIALS, **options(clock, base_url)) as client:
            watch = client.watch(SITE, budget=budget, on_wait=signalling(waits))
            await ended_by(how, watch, client, waits)

    with scripted(lambda peer: why(peer, clock)) as server:
        asyncio.run(run(server.base_url))
    assert budget.spent == 1


def used_up_for_a_minute(clock: HandClock) -> Budget:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(50):
        spend(budget, clock.monotonic())
    return budget


def test_close_ends_the_wait_for_a_slot_and_frees_it(clock: HandClock) -> None:
    budget, waits = used_up_for_a_minute(clock), threading.Event()
    with StreamingClient(**CREDENTIALS, **options(clock, "http://127.0.0.1:9")) as client:
        watch = client.watch(SITE, budget=budget, on_wait=signalling(waits))
        thread = threading.Thread(target=lambda: list(watch))
        thread.start()
        assert waits.wait(5)
        watch.close()
        thread.join(5)
        assert not thread.is_alive(), "close() did not end the wait"
    assert watch.end is not None
    assert (watch.end.reason, watch.end.elapsed, budget.spent) == ("stopped", 0, 50)
    assert spend(budget, clock.time + 60) == clock.time + 60


@pytest.mark.parametrize("how", ["watch", "client", "cancel"])
def test_aclose_and_cancellation_end_the_wait_for_a_slot(how: str, clock: HandClock) -> None:
    budget, waits = used_up_for_a_minute(clock), threading.Event()

    async def run() -> None:
        quiet = options(clock, "http://127.0.0.1:9")
        async with AsyncStreamingClient(**CREDENTIALS, **quiet) as client:
            watch = client.watch(SITE, budget=budget, on_wait=signalling(waits))
            await ended_by(how, watch, client, waits)

    asyncio.run(run())
    assert budget.spent == 50
    assert spend(budget, clock.time + 60) == clock.time + 60


# Tokens


class FakeAuth:
    """Has an old token, and gets each of `new`, or raises it."""

    can_refresh = True

    def __init__(self, *new: str | Exception) -> None:
        self.token = "token-0"
        self.stale: list[str | None] = []
        self._new = list(new)

    def current(self, now: datetime) -> str | None:
        return self.token

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        self.stale.append(stale)
        new = self._new.pop(0)
        if isinstance(new, Exception):
            raise new
        self.token = new
        return new

    def secrets(self) -> tuple[str, ...]:
        return (self.token,)


def gatekeeper(clock: HandClock, good: str) -> Callable[[Peer], None]:
    """Return a script that streams for the good token, and refuses others."""

    def script(peer: Peer) -> None:
        if f"Bearer {good}\r\n".encode() in peer.request:
            with suppress(ConnectionError):  # a snapshot does not wait for the end
                duration = re.search(rb"\r\nduration: (\d+)", peer.request)
                window(peer, clock, 7, seconds=int(duration[1]) if duration else DEFAULT_DURATION)
        else:
            error = {"code": 401, "status": "UNAUTHORIZED", "message": "Access token has expired"}
            answer(peer, 401, {"error": error})

    return script


def ask(
    caller: Caller, method: str, about: dict[str, Any], budget: Budget
) -> tuple[list[int | None], Exception | None]:
    """Return the powers that `method` reads with the client of `caller`, and its exception."""
    if method != "snapshot":
        outcome = caller(about, method=method, budget=budget)
        return [reading.pv_power for reading in outcome.readings], outcome.error

    async def snapshot() -> Reading:
        async with AsyncStreamingClient(**CREDENTIALS | about) as client:
            return await client.snapshot(SITE, budget=budget)

    try:
        if caller is sync_caller:
            with StreamingClient(**CREDENTIALS | about) as client:
                return [client.snapshot(SITE, budget=budget).pv_power], None
        return [asyncio.run(snapshot()).pv_power], None
    except Exception as error:  # noqa: BLE001 - what the tests are about
        return [], error


METHODS = pytest.mark.parametrize("method", ["live_data", "snapshot", "watch"])


@METHODS
def test_an_expired_token_costs_one_refresh_and_one_more_call(
    method: str, caller: Caller, clock: HandClock
) -> None:
    auth, budget = FakeAuth("token-1"), Budget(calls=2)
    with scripted(gatekeeper(clock, "token-1")) as server:
        about = options(clock, server.base_url, auth=auth, access_token=None)
        powers, error = ask(caller, method, about, budget)
    assert (powers, error) == ([7], None)
    assert (auth.stale, budget.spent, len(server.peers)) == (["token-0"], 2, 2)


@METHODS
def test_a_refused_fresh_token_stops_with_a_hint(
    method: str, caller: Caller, clock: HandClock
) -> None:
    auth, budget = FakeAuth("token-1", "token-2"), Budget(calls=9)
    with scripted(gatekeeper(clock, "token-2")) as server:
        about = options(clock, server.base_url, auth=auth, access_token=None)
        powers, error = ask(caller, method, about, budget)
    assert isinstance(error, AuthenticationError)
    assert "Access token has expired" in str(error)
    assert "plan" in str(error)
    assert (powers, auth.stale, budget.spent) == ([], ["token-0"], 2)


@METHODS
def test_a_token_that_cannot_be_refreshed_is_used_once(
    method: str, caller: Caller, clock: HandClock
) -> None:
    budget = Budget(calls=9)
    with scripted(gatekeeper(clock, "token-1")) as server:
        powers, error = ask(caller, method, options(clock, server.base_url), budget)
    assert isinstance(error, AuthenticationError)
    assert (powers, budget.spent, len(server.peers)) == ([], 1, 1)


@METHODS
def test_a_refresh_that_needs_a_login_raises_login_required(
    method: str, caller: Caller, clock: HandClock
) -> None:
    auth, budget = FakeAuth(LoginRequired("log in again")), Budget(calls=9)
    with scripted(gatekeeper(clock, "token-1")) as server:
        about = options(clock, server.base_url, auth=auth, access_token=None)
        powers, error = ask(caller, method, about, budget)
    assert isinstance(error, LoginRequired)
    assert (powers, budget.spent, len(server.peers)) == ([], 1, 1)


@METHODS
def test_a_refreshed_token_needs_another_call_of_the_budget(
    method: str, caller: Caller, clock: HandClock
) -> None:
    auth, budget = FakeAuth("token-1"), Budget(calls=1)
    with scripted(gatekeeper(clock, "token-1")) as server:
        about = options(clock, server.base_url, auth=auth, access_token=None)
        powers, error = ask(caller, method, about, budget)
    assert isinstance(error, BudgetExhausted)
    assert isinstance(error.__cause__, AuthenticationError)
    assert (powers, len(server.peers)) == ([], 1)


# Recovering


class SlowToClose(httpx.BaseTransport, httpx.SyncByteStream):
    """A transport whose responses take a while to close; the first holds a 401."""

    def __init__(self) -> None:
        self.open = 0
        self.most_open = 0
        self._events = iter(
            [b'data:{"error":{"code":401}}\n\n', b'data:{"data":{"pv_power":7}}\n\n']
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self)

    def __iter__(self) -> Iterator[bytes]:
        yield next(self._events)
        yield b":"

    def close(self) -> None:
        time.sleep(0.2)
        self.open -= 1


class AnyToken(StaticAuth):
    can_refresh = True

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        return "another-token"


def test_a_response_is_closed_before_the_next_request() -> None:
    transport = SlowToClose()
    with (
        StreamingClient(api_key="key", auth=AnyToken("token"), transport=transport) as client,
        client.live_data(SITE) as readings,
    ):
        assert next(readings).pv_power == 7
    assert transport.most_open == 1


def test_recovers_once_the_server_listens(caller: Caller, clock: HandClock) -> None:
    gaps: list[tuple[datetime, datetime, Exception]] = []
    served = threading.Event()
    with socket.socket() as listener:
        # Bound and not listening, so that the port is taken and refuses.
        listener.bind(("127.0.0.1", 0))

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                peer = Peer(connection)
                peer.read_request()
                window(peer, clock, 1, 2)
                served.set()

        thread = threading.Thread(target=serve)
        began = clock.now()

        def time_passes(seconds: float, why: Exception | None) -> None:
            clock.time += 300
            if clock.time > 1500:
                listener.listen()
                thread.start()

        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v4"
        outcome = caller(
            options(clock, url),
            method="watch",
            budget=Budget(calls=3),
            duration=30,
            on_gap=lambda *gap: gaps.append(gap),
            on_wait=time_passes,
        )
        thread.join(5)
    assert served.is_set()
    assert (outcome.error, outcome.reason) == (None, "budget")
    assert [reading.pv_power for reading in outcome.readings] == [1, 2]
    [(since, until, why)] = gaps
    assert (since, until) == (began, outcome.readings[0].arrived)
    assert isinstance(why, ConnectionFailed)


@OVER_AIOHTTP_TOO
def test_readings_go_on_after_a_drop(caller: Caller, clock: HandClock) -> None:
    gaps: list[Exception] = []
    has_one = threading.Event()

    def script(peer: Peer) -> None:
        if len(server.peers) > 1:
            window(peer, clock, 2, 3)
            return
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event(pv_power=1))
        assert has_one.wait(PATIENCE)
        peer.reset()

    def time_passes(seconds: float, why: Exception | None) -> None:
        clock.time += 300

    with scripted(script) as server:
        outcome = caller(
            options(clock, server.base_url),
            method="watch",
            on_reading=lambda reading: has_one.set(),
            budget=Budget(calls=2),
            duration=30,
            on_gap=lambda since, until, why: gaps.append(why),
            on_wait=time_passes,
        )
    assert [reading.pv_power for reading in outcome.readings] == [1, 2, 3]
    assert [type(why) for why in gaps] == [StreamDropped]
    assert outcome.reason == "budget"


@pytest.mark.parametrize("method", ["live_data", "watch"])
def test_an_exception_of_on_malformed_leaves_unchanged(
    caller: Caller, clock: HandClock, method: str
) -> None:
    def on_malformed(malformed: MalformedEvent) -> None:
        raise mine

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(b"data: {\n\n")
        peer.wait_for_hang_up()

    mine, budget = ConnectionFailed("of another client's"), Budget(calls=3)
    with scripted(script) as server:
        outcome = caller(
            options(clock, server.base_url),
            method=method,
            budget=budget,
            on_malformed=on_malformed,
        )
    assert outcome.error is mine
    assert (budget.spent, outcome.reason) == (1, "error")


def test_a_drop_of_the_last_window_raises_budget_exhausted(
    caller: Caller, clock: HandClock
) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.reset()

    def time_passes(seconds: float, why: Exception | None) -> None:
        clock.time += 300

    with scripted(script) as server:
        outcome = caller(
            options(clock, server.base_url),
            method="watch",
            budget=Budget(calls=2),
            on_wait=time_passes,
        )
    assert isinstance(outcome.error, BudgetExhausted)
    assert isinstance(outcome.error.__cause__, ConnectionFailed | StreamDropped)
    assert (outcome.reason, len(server.peers)) == ("budget", 2)
