"""Every row of the table of ends, on both clients, over every kind of transport."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from callers import CREDENTIALS
from enphase_streaming import (
    Budget,
    ConnectionFailed,
    EventTooLarge,
    GatewayNotReportingError,
    MalformedEvent,
    NotAnEventStream,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)
from enphase_streaming.secrets import causes
from scripted import PATIENCE, STREAM_HEAD, HandClock, Peer
from ways import WAYS, Way

ENVELOPE = (
    b'data:{"error":{"code":473,"status":"IQ_GATEWAY_NOT_REPORTING","details":[{}],'
    b'"message":"IQ gateway is not reporting"},"type":"site_connectivity_error"}\n\n'
)
NOT_A_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@dataclass
class Stage:
    """What a script plays on: its connection, the clock, and word of the caller's first reading."""

    peer: Peer
    clock: HandClock
    has_one: threading.Event

    def begin(self, readings: int = 0) -> None:
        self.peer.send(STREAM_HEAD)
        for _ in range(readings):
            self.peer.chunk(self.clock.event())
            self.clock.time += 1

    def until_hang_up(self, send: bytes = b"") -> None:
        """Let the clock run much faster than the real one, until the client leaves."""
        self.peer.sock.settimeout(0.02)
        for _ in range(500):
            self.clock.time += 4
            try:
                if send:
                    self.peer.chunk(self.clock.event())
                if not self.peer.sock.recv(65536):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        raise AssertionError("the client never hung up")


def planned(stage: Stage) -> None:
    stage.begin(30)
    stage.peer.end()


def stays_open(stage: Stage) -> None:
    stage.begin(1)
    stage.until_hang_up(b"reading")


def early(stage: Stage) -> None:
    stage.begin(10)
    stage.peer.end()


def closed_without_a_reading(stage: Stage) -> None:
    stage.begin()
    stage.clock.time += 30
    stage.peer.end()


def silent(stage: Stage) -> None:
    stage.begin()
    stage.until_hang_up()


def falls_silent(stage: Stage) -> None:
    stage.begin(1)
    stage.until_hang_up()


def breaks(stage: Stage) -> None:
    stage.begin(1)
    assert stage.has_one.wait(PATIENCE)  # a reset destroys what is not yet read
    stage.peer.reset()


def malformed_chunk(stage: Stage) -> None:
    stage.begin(1)
    assert stage.has_one.wait(PATIENCE)
    stage.peer.send(b"zz\r\n\r\n")
    stage.peer.wait_for_hang_up()


def closed_without_a_head(stage: Stage) -> None:
    pass


def half_a_head(stage: Stage) -> None:
    stage.peer.send(STREAM_HEAD[:30])


def reset_without_a_head(stage: Stage) -> None:
    stage.peer.reset()


def no_head(stage: Stage) -> None:
    stage.until_hang_up()


def envelope(stage: Stage) -> None:
    stage.begin(1)
    stage.peer.chunk(ENVELOPE)
    stage.peer.wait_for_hang_up()


def no_event_stream(stage: Stage) -> None:
    stage.peer.send(NOT_A_STREAM)


def malformed_events(stage: Stage) -> None:
    stage.begin(1)
    stage.peer.chunk(b"data:[1]\n\ndata:{\n\n")
    stage.clock.time += 30
    stage.peer.chunk(stage.clock.event())
    stage.peer.end()


def malformed_event(stage: Stage) -> None:
    stage.begin(1)
    stage.peer.chunk(b"data:[1]\n\n" + stage.clock.event())
    stage.peer.wait_for_hang_up()


def too_large(stage: Stage) -> None:
    stage.begin(1)
    stage.peer.chunk(b"data:" + b"x" * 5000)
    stage.peer.wait_for_hang_up()


@dataclass(frozen=True)
class Row:
    """What happens, and what the caller sees of it."""

    script: Callable[[Stage], None]
    reason: str
    error: type[Exception] | None = None
    readings: int | None = 0
    options: dict[str, Any] = field(default_factory=dict)
    keywords: dict[str, Any] = field(default_factory=dict)


# A script does not wait for the client, which a watchdog with a fast clock would punish.
PATIENT = {"first_reading_timeout": 1000, "stall_timeout": 1000}
ROWS = [
    Row(planned, "planned", None, 30, PATIENT),
    Row(stays_open, "planned", None, None, PATIENT),
    Row(early, "early", StreamEndedEarly, 10, PATIENT),
    Row(closed_without_a_reading, "stalled", StreamStalled, 0, PATIENT),
    Row(silent, "stalled", StreamStalled),
    Row(falls_silent, "stalled", StreamStalled, 1, keywords={"duration": 300}),
    Row(breaks, "dropped", StreamDropped, 1, PATIENT),
    Row(malformed_chunk, "dropped", StreamDropped, 1, PATIENT),
    Row(closed_without_a_head, "error", ConnectionFailed),
    Row(half_a_head, "error", ConnectionFailed),
    Row(reset_without_a_head, "error", ConnectionFailed),
    Row(no_head, "error", ConnectionFailed),
    Row(envelope, "error", GatewayNotReportingError, 1, PATIENT),
    Row(no_event_stream, "not_a_stream", NotAnEventStream),
    Row(malformed_events, "planned", None, 2, PATIENT),
    Row(malformed_event, "error", MalformedEvent, 1, PATIENT, {"on_malformed": "raise"}),
    Row(too_large, "too_large", EventTooLarge, 1, PATIENT | {"max_event_bytes": 4000}),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.script.__name__)
def test_each_end_is_told_on_each_transport(way: Way, row: Row, clock: HandClock) -> None:
    has_one = threading.Event()
    budget = Budget(calls=5)

    def script(peer: Peer) -> None:
        row.script(Stage(peer, clock, has_one))

    with way.to(script) as (server, options):
        options |= {"monotonic": clock.monotonic, "now": clock.now, **row.options}
        outcome = way.caller(
            options, budget=budget, on_reading=lambda reading: has_one.set(), **row.keywords
        )
    assert outcome.reason == row.reason
    assert type(outcome.error) is (row.error or type(None))
    if row.readings is not None:
        assert len(outcome.readings) == row.readings
    if row.error in (StreamDropped, ConnectionFailed):
        assert outcome.error is not None
        assert outcome.error.__cause__ is not None
        shown = "".join(repr(each) for each in causes(outcome.error))
        assert not [secret for secret in CREDENTIALS.values() if secret in shown]
    assert len(server.peers) == budget.spent == 1


@pytest.mark.parametrize(
    "fault",
    [closed_without_a_head, half_a_head, reset_without_a_head],
    ids=lambda fault: fault.__name__,
)
def test_a_watch_spends_a_call_for_each_request(
    way: Way, fault: Callable[[Stage], None], clock: HandClock
) -> None:
    budget = Budget(calls=5)

    def pass_time(seconds: float, error: Exception | None) -> None:
        clock.time += seconds

    with way.to(lambda peer: fault(Stage(peer, clock, threading.Event()))) as (server, options):
        options |= {"monotonic": clock.monotonic, "now": clock.now}
        outcome = way.caller(options, method="watch", budget=budget, on_wait=pass_time)
    assert isinstance(outcome.error, ConnectionFailed)
    assert len(server.peers) == budget.spent == 5
