"""How streams end over real sockets: on both clients, and over the fleet transport."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
import trustme

from callers import CREDENTIALS, Caller, async_caller, sync_caller
from enphase_streaming import (
    AsyncStreamingClient,
    ConnectionFailed,
    EventTooLarge,
    GatewayNotReportingError,
    MalformedEvent,
    NotAnEventStream,
    Reading,
    StreamDropped,
    StreamEndedEarly,
    StreamingClient,
    StreamStalled,
)
from scripted import STREAM_HEAD, HandClock, Peer, reading, scripted, waiting_for_the_head
from transports import Make, aiohttp_caller, on_aiohttp, on_httpx
from ways import run_on_uvloop

CALLERS = {"sync": sync_caller, "async": async_caller, "aiohttp": aiohttp_caller}

NO_TIMEOUTS = {"first_reading_timeout": 1000, "stall_timeout": 1000}
TIMEOUTS = {"first_reading_timeout": 20, "stall_timeout": 20}


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest) -> Caller:
    return CALLERS[request.param]


def options(clock: HandClock, base_url: str, **more: Any) -> dict[str, Any]:
    """Return the options of a client whose timeouts never pass, unless `more` sets them.

    Most scripts move the clock without waiting for the client to read, so on a busy machine a
    timeout could pass before their bytes are read.
    """
    clocks = {"monotonic": clock.monotonic, "now": clock.now}
    return {"base_url": base_url, **clocks, **NO_TIMEOUTS, **more}


def seconds_of_events(peer: Peer, clock: HandClock, seconds: int) -> None:
    for _ in range(seconds):
        peer.chunk(clock.event())
        clock.time += 1


def pass_time_until_hang_up(peer: Peer, clock: HandClock, send: bytes = b"") -> None:
    """Move the clock fifty times as fast as the real one, until the client hangs up."""
    peer.sock.settimeout(0.02)
    for _ in range(500):
        clock.time += 1
        try:
            if send:
                peer.chunk(send)
            if not peer.sock.recv(65536):
                return
        except TimeoutError:
            continue
        except ConnectionError:
            return
    raise AssertionError("the client never hung up")


def test_closing_at_the_duration_is_planned(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        seconds_of_events(peer, clock, 30)
        peer.end()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert (outcome.error, outcome.reason) == (None, "planned")
    assert len(outcome.readings) == 30


def test_closing_before_the_duration_is_early(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        seconds_of_events(peer, clock, 10)
        peer.end()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert isinstance(outcome.error, StreamEndedEarly)
    assert outcome.error.missing == 20
    assert outcome.reason == "early"
    assert len(outcome.readings) == 10


def test_closing_without_a_reading_is_a_stall(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        clock.time += 30
        peer.end()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert isinstance(outcome.error, StreamStalled)
    assert (outcome.reason, outcome.readings) == ("stalled", [])


def reset(peer: Peer, clock: HandClock) -> None:
    peer.reset()


def incomplete_chunk(peer: Peer, clock: HandClock) -> None:
    peer.send(b"400\r\n" + clock.event())


def half_an_event_and_a_reset(peer: Peer, clock: HandClock) -> None:
    peer.chunk(clock.event()[:-1])
    time.sleep(0.05)  # so that the bytes arrive before the reset destroys them
    peer.reset()


@pytest.mark.parametrize("fault", [reset, incomplete_chunk, half_an_event_and_a_reset])
def test_a_broken_connection_is_a_drop_with_its_cause(
    caller: Caller, clock: HandClock, fault: Callable[[Peer, HandClock], None]
) -> None:
    third = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        seconds_of_events(peer, clock, 3)
        assert third.wait(10)
        fault(peer, clock)

    seen: list[Reading] = []

    def on_reading(reading: Reading) -> None:
        seen.append(reading)
        if len(seen) == 3:
            third.set()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url), on_reading=on_reading)
    assert isinstance(outcome.error, StreamDropped)
    assert outcome.error.__cause__ is not None
    assert outcome.reason == "dropped"
    complete = 4 if fault is incomplete_chunk else 3
    assert len(outcome.readings) in (3, complete)


# test_aiohttp_transport.py shows what aiohttp makes of it.
@pytest.mark.parametrize("caller", ["sync", "async"], indirect=True)
def test_a_malformed_chunk_is_a_drop_with_its_cause(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        peer.send(b"zz\r\n\r\n")
        peer.wait_for_hang_up()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert isinstance(outcome.error, StreamDropped)
    assert outcome.error.__cause__ is not None
    assert (outcome.reason, len(outcome.readings)) == ("dropped", 1)


def test_half_an_event_is_never_delivered(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        seconds_of_events(peer, clock, 30)
        peer.chunk(clock.event()[:-1])
        peer.end()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert (outcome.reason, len(outcome.readings)) == ("planned", 30)


@pytest.mark.parametrize("meanwhile", [b"", b": still here\n\n"], ids=["silence", "comments only"])
def test_no_first_reading_is_a_stall(caller: Caller, clock: HandClock, meanwhile: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        pass_time_until_hang_up(peer, clock, meanwhile)

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url, **TIMEOUTS), duration=300)
    assert isinstance(outcome.error, StreamStalled)
    assert outcome.end is not None
    assert outcome.end.reason == "stalled"
    assert outcome.end.elapsed >= 20


@pytest.mark.parametrize("meanwhile", [b"", b": still here\n\n"], ids=["silence", "comments only"])
def test_no_further_reading_is_a_stall(caller: Caller, clock: HandClock, meanwhile: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        pass_time_until_hang_up(peer, clock, meanwhile)

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url, **TIMEOUTS), duration=300)
    assert isinstance(outcome.error, StreamStalled)
    assert (outcome.reason, len(outcome.readings)) == ("stalled", 1)


def test_hangs_up_past_the_duration(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.sock.settimeout(0.02)
        for _ in range(500):
            try:
                peer.chunk(clock.event())
                clock.time += 1
                if not peer.sock.recv(65536):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        raise AssertionError("the client never hung up")

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert (outcome.error, outcome.reason) == (None, "planned")
    assert outcome.end is not None
    assert outcome.end.elapsed >= 35
    assert len(outcome.readings) >= 35


def test_an_event_over_the_limit_ends_the_stream(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event() + b"data:" + b"x" * 5000)
        peer.wait_for_hang_up()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url, max_event_bytes=4000))
    assert isinstance(outcome.error, EventTooLarge)
    assert (outcome.reason, len(outcome.readings)) == ("too_large", 1)


def test_invalid_utf_8_is_replaced(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event(battery_mode="@").replace(b"@", b"\xff"))
        clock.time += 30
        peer.chunk(clock.event())
        peer.end()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert outcome.reason == "planned"
    assert [reading.battery_mode for reading in outcome.readings] == ["�", None]


def test_an_error_envelope_inside_the_stream_raises_its_exception(
    caller: Caller, clock: HandClock
) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        envelope = (
            b'data:{"error":{"code":473,"status":"IQ_GATEWAY_NOT_REPORTING","details":[{}],'
            b'"message":"IQ gateway is not reporting"},"type":"site_connectivity_error"}\n\n'
        )
        peer.chunk(clock.event() + envelope + clock.event())
        peer.wait_for_hang_up()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert isinstance(outcome.error, GatewayNotReportingError)
    assert outcome.error.status_code == 473
    assert outcome.error.type == "site_connectivity_error"
    assert (outcome.reason, len(outcome.readings)) == ("error", 1)


def test_a_200_that_is_no_event_stream_shows_its_start(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        body = b'{"hello": "world"}'
        peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url))
    assert isinstance(outcome.error, NotAnEventStream)
    assert outcome.error.body == '{"hello": "world"}'
    assert outcome.reason == "not_a_stream"


def malformed_script(clock: HandClock) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event() + b"data:[1]\n\n" + b"data:{\n\n")
        clock.time += 30
        peer.chunk(clock.event())
        peer.end()

    return script


def test_malformed_events_are_skipped_and_counted(caller: Caller, clock: HandClock) -> None:
    with scripted(malformed_script(clock)) as server:
        outcome = caller(options(clock, server.base_url))
    assert outcome.end is not None
    assert (outcome.reason, outcome.end.malformed, len(outcome.readings)) == ("planned", 2, 2)


def test_on_malformed_is_called_with_malformed_events(caller: Caller, clock: HandClock) -> None:
    given: list[MalformedEvent] = []
    with scripted(malformed_script(clock)) as server:
        outcome = caller(options(clock, server.base_url), on_malformed=given.append)
    assert [error.data for error in given] == ["[1]", "{"]
    assert outcome.reason == "planned"


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
def test_a_callback_cannot_end_the_loop_of_its_caller(
    caller: Caller, clock: HandClock, kind: type[Exception]
) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event() + b"data:[1]\n\n" + clock.event())
        peer.wait_for_hang_up()

    def fail(malformed: MalformedEvent) -> None:
        raise kind

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url), on_malformed=fail)
    assert isinstance(outcome.error, RuntimeError)
    assert isinstance(outcome.error.__cause__, kind)
    assert (outcome.reason, len(outcome.readings)) == ("error", 1)


def test_a_malformed_event_can_end_the_stream(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event() + b"data:[1]\n\n" + clock.event())
        peer.wait_for_hang_up()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url), on_malformed="raise")
    assert isinstance(outcome.error, MalformedEvent)
    assert (outcome.reason, len(outcome.readings)) == ("error", 1)


def test_a_refused_connection_is_connection_failed(caller: Caller, clock: HandClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = caller(options(clock, f"http://127.0.0.1:{port}/api/v4"))
    assert isinstance(outcome.error, ConnectionFailed)
    assert outcome.error.__cause__ is not None
    assert outcome.reason == "error"


def test_a_connection_closed_without_a_head_is_connection_failed(
    caller: Caller, clock: HandClock
) -> None:
    with scripted(lambda peer: None) as server:
        outcome = caller(options(clock, server.base_url))
    assert isinstance(outcome.error, ConnectionFailed)


def test_a_head_that_never_comes_is_connection_failed(caller: Caller, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        pass_time_until_hang_up(peer, clock)

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url, **TIMEOUTS))
    assert isinstance(outcome.error, ConnectionFailed)
    assert isinstance(outcome.error.__cause__, TimeoutError)
    assert outcome.end is not None
    assert outcome.end.elapsed >= 20


class SlowCaller:
    """Takes a minute for each reading, the first until the stream has ended."""

    def __init__(self, clock: HandClock, seconds: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._has_one = threading.Event()
        self._ended = threading.Event()

    def script(self, peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(self._clock.event())
        assert self._has_one.wait(10)
        self._clock.time += 1
        seconds_of_events(peer, self._clock, self._seconds - 1)
        peer.end()
        self._ended.set()

    def on_reading(self, reading: Reading) -> None:
        self._has_one.set()
        assert self._ended.wait(10)
        self._clock.time += 60


def test_a_slow_caller_gets_every_reading(caller: Caller, clock: HandClock) -> None:
    slow = SlowCaller(clock, 30)
    with scripted(slow.script) as server:
        outcome = caller(options(clock, server.base_url), on_reading=slow.on_reading)
    assert (outcome.error, outcome.reason) == (None, "planned")
    assert len(outcome.readings) == 30


def test_a_slow_caller_is_told_of_an_early_end(caller: Caller, clock: HandClock) -> None:
    slow = SlowCaller(clock, 10)
    with scripted(slow.script) as server:
        outcome = caller(options(clock, server.base_url), on_reading=slow.on_reading)
    assert isinstance(outcome.error, StreamEndedEarly)
    assert outcome.error.missing == 20
    assert len(outcome.readings) == 10


def test_readings_that_arrived_during_sleep_are_delivered(caller: Caller, clock: HandClock) -> None:
    has_one = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        assert has_one.wait(10)
        backlog = []
        for _ in range(29):
            clock.time += 1
            backlog.append(clock.event())
        clock.time += 500
        for event in backlog:
            peer.chunk(event)
        peer.end()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url), on_reading=lambda reading: has_one.set())
    assert outcome.reason == "planned"
    assert len(outcome.readings) == 30


def connecting(peer: Peer, reached: threading.Event) -> None:
    """Accept the connection, and answer no TLS handshake."""
    reached.set()
    peer.wait_for_hang_up()


Phase = Callable[[Peer, threading.Event], None]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_server(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def tls_client(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


PHASES = [
    (connecting, "https"),
    (waiting_for_the_head, "http"),
    (waiting_for_the_head, "tls"),
    (reading, "http"),
    (reading, "tls"),
]


@pytest.mark.parametrize(("phase", "over"), PHASES)
def test_close_from_another_thread_frees_the_caller(
    phase: Phase, over: str, authority: trustme.CA
) -> None:
    reached = threading.Event()

    def script(peer: Peer) -> None:
        phase(peer, reached)

    tls = tls_server(authority) if over == "tls" else None
    transport = httpx.HTTPTransport(verify=tls_client(authority))
    with scripted(script, tls=tls, read_request=False) as server:
        url = server.base_url.replace("http:", "https:") if over == "https" else server.base_url
        with StreamingClient(**CREDENTIALS, base_url=url, transport=transport) as client:
            stream = client.live_data(1765)
            left = threading.Event()
            readings: list[Reading] = []

            def read() -> None:
                readings.extend(stream)
                left.set()

            thread = threading.Thread(target=read)
            thread.start()
            assert reached.wait(10)
            time.sleep(0.05)
            stream.close()
            assert left.wait(5), "close() did not free the caller"
            thread.join()
    assert readings == []
    assert stream.end is not None
    assert stream.end.reason == "stopped"


@pytest.mark.parametrize(("phase", "over"), PHASES)
@pytest.mark.parametrize(
    ("make", "run"),
    [(on_httpx, asyncio.run), (on_aiohttp, asyncio.run), (on_aiohttp, run_on_uvloop)],
    ids=["httpx", "aiohttp", "aiohttp on uvloop"],
)
def test_aclose_from_another_task_frees_the_caller(
    phase: Phase,
    over: str,
    make: Make,
    run: Callable[[Coroutine[Any, Any, None]], None],
    authority: trustme.CA,
) -> None:
    reached = threading.Event()

    def script(peer: Peer) -> None:
        phase(peer, reached)

    tls = tls_server(authority) if over == "tls" else None

    async def leave(base_url: str) -> None:
        transport = make(tls_client(authority))
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=base_url, transport=transport
        ) as client:
            stream = client.live_data(1765)

            async def read() -> list[Reading]:
                return [reading async for reading in stream]

            task = asyncio.create_task(read())
            assert await asyncio.to_thread(reached.wait, 10)
            await asyncio.sleep(0.05)
            await stream.aclose()
            assert await asyncio.wait_for(task, 5) == []
            assert stream.end is not None
            assert stream.end.reason == "stopped"
        # aiohttp does not wait until TLS is shut down, and uvloop may fail if its loop ends first.
        for thread in server.threads:
            await asyncio.to_thread(thread.join, 5)
        await asyncio.sleep(0.05)

    with scripted(script, tls=tls, read_request=False) as server:
        url = server.base_url.replace("http:", "https:") if over == "https" else server.base_url
        run(leave(url))


def test_a_transport_that_connects_again_leaves_no_socket_open(authority: trustme.CA) -> None:
    served = tls_server(authority)

    def script(peer: Peer) -> None:
        if len(server.peers) > 1:
            with served.wrap_socket(peer.sock, server_side=True) as peer.sock:
                peer.read_request()
                peer.send(STREAM_HEAD)
                peer.chunk(HandClock().event())
                peer.wait_for_hang_up()

    transport = httpx.HTTPTransport(verify=tls_client(authority), retries=1)
    with scripted(script, read_request=False) as server:
        base_url = server.base_url.replace("http:", "https:")
        with StreamingClient(**CREDENTIALS, base_url=base_url, transport=transport) as client:
            assert client.snapshot(1765).pv_power == 30
    assert len(server.peers) == 2
    gc.collect()  # a socket left open warns when it is collected, and warnings fail


@pytest.mark.parametrize("make", [on_httpx, on_aiohttp])
def test_cancelling_the_task_stops_the_stream(make: Make, clock: HandClock) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        peer.wait_for_hang_up()

    async def run(base_url: str) -> None:
        transport = make(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=base_url, transport=transport
        ) as client:
            stream = client.live_data(1765)
            first = asyncio.Event()

            async def read() -> None:
                async with stream:
                    async for _ in stream:
                        first.set()

            task = asyncio.create_task(read())
            await first.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert stream.end is not None
            assert (stream.end.reason, stream.end.readings) == ("stopped", 1)

    with scripted(script) as server:
        asyncio.run(run(server.base_url))


def test_leaving_the_loop_hangs_up(caller: Caller, clock: HandClock) -> None:
    gone = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        peer.wait_for_hang_up()
        gone.set()

    class Enough(Exception):
        pass

    def on_reading(reading: Reading) -> None:
        raise Enough

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url), on_reading=on_reading)
        assert gone.wait(5)
    assert isinstance(outcome.error, Enough)
    assert outcome.reason == "stopped"


def test_each_reading_is_delivered_before_the_next_event_is_sent(
    caller: Caller, clock: HandClock
) -> None:
    has_one = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event(pv_power=1))
        assert has_one.wait(10), "the caller never got the first reading"
        clock.time += 30
        peer.chunk(clock.event(pv_power=2))
        peer.end()

    with scripted(script) as server:
        outcome = caller(options(clock, server.base_url), on_reading=lambda reading: has_one.set())
    assert [reading.pv_power for reading in outcome.readings] == [1, 2]
    assert outcome.reason == "planned"
