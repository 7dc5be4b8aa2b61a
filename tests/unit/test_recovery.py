"""What follows each outcome of a window, for every failure that there is."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from enphase_streaming import (
    APIStatusError,
    Budget,
    ConnectionFailed,
    EnphaseStreamingError,
    EventTooLarge,
    GatewayNotReportingError,
    InvalidArgument,
    LoginRequired,
    MalformedEvent,
    NotAnEventStream,
    RateLimitError,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)
from enphase_streaming.core.answers import connection_failed, error_from_answer
from enphase_streaming.core.exchange import Head
from enphase_streaming.core.recovery import Outcome, Pause, Recovery, Refresh, Stop
from enphase_streaming.errors import STATUSES, Retry
from simulated import START, Act, World

DROPPED = StreamDropped("reset")


def certain() -> float:
    """Draw the longest pause."""
    return 1.0


def answered(
    status_code: int, body: str = "", retry_after: str | None = None, date: str | None = None
) -> APIStatusError:
    head = Head(status_code, retry_after=retry_after, date=date)
    return error_from_answer(head, body.encode(), now=START)


def envelope(status_code: int, status: str) -> APIStatusError:
    return answered(status_code, f'{{"error": {{"code": {status_code}, "status": "{status}"}}}}')


def of_row(retry: Retry) -> list[APIStatusError]:
    """Return an answer of each status whose row says `retry`."""
    return [envelope(code, "S") for code, row in STATUSES.items() if row.retry is retry]


def limited(period: str, seconds: int) -> APIStatusError:
    end = int(START.timestamp()) + seconds
    return answered(429, f'{{"code": 429, "period": "{period}", "period_end": {end}}}')


def unreachable(cause: Exception) -> ConnectionFailed:
    return connection_failed(cause, "api.example")


BACKS_OFF: list[EnphaseStreamingError] = [
    StreamEndedEarly("", missing=20.0),
    DROPPED,
    StreamStalled("the duration is over, and no reading came"),
    StreamStalled("silence"),
    NotAnEventStream("HTML"),
    unreachable(ConnectionRefusedError("refused")),
    unreachable(socket.gaierror(-2, "Name or service not known")),
    unreachable(TimeoutError("no answer within the time-out")),
    unreachable(ssl.SSLError("handshake failure")),
    *of_row(Retry.BACKOFF),
    answered(500, '{"errorCode": 7, "errorMessages": ["Data is temporarily unavailable"]}'),
    answered(501, '{"reason": "501", "message": ["Not implemented"]}'),
    answered(502, "<html>Bad gateway</html>"),
    answered(503),
    answered(599),
]
STOPS: list[EnphaseStreamingError] = [
    *of_row(Retry.NEVER),
    envelope(401, "NOT_AUTHENTICATED"),
    answered(204),
    answered(302),
    answered(404, "<html>"),
    answered(405, '{"reason": "405", "message": ["Method not allowed"]}'),
    answered(next(code for code in range(460, 500) if code not in STATUSES)),
    limited("month", 86_400),
    unreachable(ssl.SSLCertVerificationError("self-signed certificate")),
    EventTooLarge("over the limit"),
    MalformedEvent("asked for with on_malformed='raise'", data="{"),
    LoginRequired("the refresh token was refused"),
    InvalidArgument("the token file is damaged"),
]
WAITS: list[tuple[str, EnphaseStreamingError, Pause]] = [
    *((str(error.status_code), error, Pause(300)) for error in of_row(Retry.SLOWLY)),
    ("429 minute", limited("minute", 40), Pause(41, shared=True)),
    ("429 a period that is over", limited("minute", -90), Pause(61, shared=True)),
    ("429 Retry-After", answered(429, "", "25"), Pause(26, shared=True)),
    (
        "429 Retry-After as a date",
        answered(429, "", "Sun, 21 Jun 2026 12:02:00 GMT", "Sun, 21 Jun 2026 12:00:00 GMT"),
        Pause(121, shared=True),
    ),
    ("429 neither", answered(429, '{"message": "x"}'), Pause(60, shared=True)),
    *((str(error.status_code), error, Pause(60, shared=True)) for error in of_row(Retry.PERIOD)),
    (
        "429 in the stream",
        RateLimitError("", status_code=429),
        Pause(60, shared=True),
    ),
]
REFRESHES: list[EnphaseStreamingError] = [
    *of_row(Retry.REFRESH),
    answered(401, '{"message": "Not Authorized", "details": "x", "code": "401"}'),
    answered(401, "API Key -Client mismatch"),
    answered(401),
]


def label(value: object) -> str | None:
    if isinstance(value, APIStatusError):
        return f"{value.status_code} {value.status or value.body[:12]}"
    if isinstance(value, EnphaseStreamingError):
        return f"{type(value).__name__} {type(value.__cause__).__name__}"
    return None


def decide(error: EnphaseStreamingError | None, **about: Any) -> object:
    return Recovery(chance=certain).decide(Outcome(error, **about))


def test_a_planned_end_is_followed_by_the_next_window_at_once() -> None:
    assert decide(None, readings=300, steady=299.0) == Pause(0)


@pytest.mark.parametrize("error", BACKS_OFF, ids=label)
def test_backs_off_after_a_failure_that_may_pass(error: EnphaseStreamingError) -> None:
    assert decide(error) == Pause(2, shared=False)


@pytest.mark.parametrize("error", STOPS, ids=label)
def test_stops_with_the_exception_of_a_final_failure(error: EnphaseStreamingError) -> None:
    decision = decide(error, readings=5, steady=60.0)
    assert isinstance(decision, Stop)
    assert decision.error is error


@pytest.mark.parametrize(
    ("error", "decision"), [row[1:] for row in WAITS], ids=[r[0] for r in WAITS]
)
def test_waits_as_long_as_the_api_says(error: EnphaseStreamingError, decision: Pause) -> None:
    assert decide(error) == decision


@pytest.mark.parametrize("error", REFRESHES, ids=label)
def test_refreshes_a_refused_token(error: EnphaseStreamingError) -> None:
    assert isinstance(decide(error), Refresh)


@pytest.mark.parametrize("error", REFRESHES, ids=label)
def test_stops_with_the_exception_of_a_second_refusal(error: EnphaseStreamingError) -> None:
    recovery = Recovery(chance=certain)
    recovery.decide(Outcome(envelope(401, "UNAUTHORIZED")))
    decision = recovery.decide(Outcome(error))
    assert isinstance(decision, Stop)
    assert decision.error is error


@pytest.mark.parametrize("success", [Outcome(None, 300, 299.0), Outcome(DROPPED, 31, 30.0)])
def test_refreshes_again_after_the_token_worked(success: Outcome) -> None:
    recovery = Recovery(chance=certain)
    refused = Outcome(envelope(401, "UNAUTHORIZED"))
    decisions = [recovery.decide(outcome) for outcome in (refused, success, refused)]
    assert isinstance(decisions[0], Refresh)
    assert isinstance(decisions[2], Refresh)


@pytest.mark.parametrize("failed", [Outcome(DROPPED, 1), Outcome(DROPPED, 29, 29.5)])
def test_does_not_refresh_again_after_a_drop(failed: Outcome) -> None:
    recovery = Recovery(chance=certain)
    refused = Outcome(envelope(401, "UNAUTHORIZED"))
    decisions = [recovery.decide(outcome) for outcome in (refused, failed, refused)]
    assert isinstance(decisions[2], Stop)


def pauses(recovery: Recovery, *outcomes: Outcome) -> list[float]:
    waits = [recovery.decide(outcome) for outcome in outcomes]
    return [wait.seconds for wait in waits if isinstance(wait, Pause)]


def test_pauses_double_up_to_five_minutes() -> None:
    flaky = Outcome(DROPPED, readings=1)
    expected = [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert pauses(Recovery(chance=certain), *[flaky] * 11) == expected


def test_thousands_of_failures_do_not_overflow() -> None:
    assert pauses(Recovery(chance=certain), *[Outcome(DROPPED, readings=1)] * 2000)[-1] == 300


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_the_jitter_is_full(chance: float) -> None:
    flaky = Outcome(DROPPED, readings=1)
    assert pauses(Recovery(chance=lambda: chance), *[flaky] * 3) == [
        2 * chance,
        4 * chance,
        8 * chance,
    ]


def test_draws_pauses_at_random_by_default() -> None:
    first = {pauses(Recovery(), Outcome(DROPPED, readings=1))[0] for _ in range(50)}
    assert len(first) > 10
    assert all(0 <= pause <= 2 for pause in first)


def test_pauses_for_the_retry_of_the_stream_at_least() -> None:
    flaky = Outcome(DROPPED, readings=1, retry=5500)
    assert pauses(Recovery(chance=certain), *[flaky] * 3) == [5.5, 5.5, 8]


@pytest.mark.parametrize("retry", [0, None, 1999])
def test_a_short_retry_does_not_shorten_a_pause(retry: int | None) -> None:
    assert decide(DROPPED, retry=retry) == Pause(2)


@pytest.mark.parametrize(
    ("between", "pause"),
    [
        (Outcome(DROPPED, 31, 30.0), [2, 4, 2, 4]),
        (Outcome(DROPPED, 31, 29.9), [2, 4, 8, 16]),
        (Outcome(None, 30, 29.0), [2, 4, 0, 2]),
    ],
    ids=["30 s of readings", "less", "a planned end"],
)
def test_thirty_seconds_of_readings_reset_the_backoff(between: Outcome, pause: list[float]) -> None:
    flaky = Outcome(DROPPED, readings=1)
    assert pauses(Recovery(chance=certain), flaky, flaky, between, flaky) == pause


@pytest.mark.parametrize(
    "error",
    [*BACKS_OFF, *(row[1] for row in WAITS)],
    ids=label,
)
def test_stops_at_the_fifth_window_without_a_reading(error: EnphaseStreamingError) -> None:
    recovery = Recovery(chance=certain)
    decisions = [recovery.decide(Outcome(DROPPED)) for _ in range(4)]
    assert all(isinstance(decision, Pause) for decision in decisions)
    decision = recovery.decide(Outcome(error))
    assert isinstance(decision, Stop)
    assert decision.error is error


def test_one_reading_resets_the_count_of_empty_windows() -> None:
    recovery = Recovery(chance=certain)
    outcomes = [*[Outcome(DROPPED)] * 4, Outcome(DROPPED, readings=1), *[Outcome(DROPPED)] * 4]
    decisions = [recovery.decide(outcome) for outcome in outcomes]
    assert all(isinstance(decision, Pause) for decision in decisions)
    assert isinstance(recovery.decide(Outcome(DROPPED)), Stop)


@pytest.mark.parametrize("error", [None, *BACKS_OFF, *STOPS, *(row[1] for row in WAITS)], ids=label)
def test_once_stops_after_any_outcome(error: EnphaseStreamingError | None) -> None:
    decision = Recovery(once=True).decide(Outcome(error))
    assert isinstance(decision, Stop)
    assert decision.error is error


@pytest.mark.parametrize("error", REFRESHES, ids=label)
def test_once_refreshes_a_refused_token_once(error: EnphaseStreamingError) -> None:
    recovery = Recovery(once=True)
    assert isinstance(recovery.decide(Outcome(error)), Refresh)
    assert isinstance(recovery.decide(Outcome(error)), Stop)


# The same with a window before it, so that no row above rests on an invented exception.


def silent(world: World) -> Act:
    return Act(rest=30)


def malformed(world: World) -> Act:
    return Act(chunks=[(1.0, b"data:{\n\n")] * 30)


def short(world: World) -> Act:
    return Act(chunks=[(1.0, world.event(1))])


def broken(world: World) -> Act:
    return Act(chunks=[(1.0, world.event(1))], end=OSError("reset"))


def huge(world: World) -> Act:
    return Act(chunks=[(1.0, b"data:" + b"x" * 2000)])


def gateway(world: World) -> Act:
    return Act(chunks=[(1.0, b'data:{"error":{"code":473}}\n\n')])


@pytest.mark.parametrize(
    ("wire", "kind", "next_at"),
    [
        (silent, StreamStalled, 32.0),
        (malformed, StreamStalled, 32.0),
        (short, StreamEndedEarly, 3.0),
        (broken, StreamDropped, 3.0),
        (gateway, GatewayNotReportingError, 301.0),
        (huge, EventTooLarge, None),
    ],
)
def test_every_fault_of_the_wire_leads_to_its_pause(
    wire: Callable[[World], Act], kind: type[EnphaseStreamingError], next_at: float | None
) -> None:
    gaps: list[Exception] = []
    world = World(
        Budget(calls=2),
        on_gap=lambda since, until, why: gaps.append(why),
        first_reading_timeout=100.0,
    )
    world.play(wire(world))
    if next_at is None:
        assert type(world.error) is kind
        return
    world.play(Act(chunks=[(0.0, lambda: world.event(2))], rest=30))
    assert world.opened == [0.0, next_at]
    assert [type(why) for why in gaps] == [kind]


def test_a_malformed_event_that_raises_stops() -> None:
    world = World(Budget(calls=2), on_malformed="raise")
    world.play(Act(chunks=[(1.0, b"data:{\n\n")]))
    assert isinstance(world.error, MalformedEvent)
    assert world.reason == "error"
