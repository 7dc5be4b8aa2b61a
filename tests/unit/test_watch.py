"""Windows one after another: what a caller of `watch` sees of a simulated API."""

from __future__ import annotations

import gc
import gzip
import random
import runpy
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from enphase_streaming import (
    AuthenticationError,
    Budget,
    BudgetExhausted,
    ConnectionFailed,
    GatewayNotReportingError,
    InvalidArgument,
    LoginRequired,
    MalformedEvent,
    NotAnEventStream,
    PermissionDeniedError,
    Plan,
    RateLimitError,
    ServiceUnavailableError,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)
from enphase_streaming.core.arguments import DEFAULT_DURATION
from enphase_streaming.core.exchange import Failed, Head, Signal
from enphase_streaming.core.recovery import Recovery
from simulated import START, STREAM, Act, Clock, Method, World
from spending import spend

ROOT = Path(__file__).parents[2]
FIRST_HOUR = ROOT / "bench" / "first_hour.py"
PAGE = ROOT / "docs" / "watching.md"
RESET = OSError("connection reset")


def planned(world: World, *powers: int, timed: bool = True) -> Act:
    """Return a window of the world's duration, with readings a second apart."""
    assert world.duration is not None
    chunks = [(1.0, lambda power=power: world.event(power, timed=timed)) for power in powers]
    return Act(chunks=chunks, rest=world.duration - len(powers))


def dropped(world: World, *powers: int) -> Act:
    return planned(world, *powers)._replace(end=RESET, rest=0.0)


def refused(status_code: int, body: str = "{}") -> Act:
    return Act(replace(STREAM, status_code=status_code), [(0.0, body.encode())])


UNAUTHORIZED = refused(401, '{"error": {"code": 401, "status": "UNAUTHORIZED", "message": "no"}}')
DOWN = refused(503)


def test_a_planned_end_is_followed_by_the_next_window_at_once() -> None:
    world = World(Budget(calls=3))
    world.play(*[planned(world, 1)] * 3)
    assert world.opened == [0, 30, 60]


def test_a_window_without_a_duration_lasts_as_long_as_the_api_streams() -> None:
    world = World(Budget(calls=2), duration=None)
    world.play(Act(chunks=[(1.0, world.event(1))], rest=DEFAULT_DURATION - 1))
    assert world.reasons == ["planned"]
    world.play(Act(chunks=[(1.0, world.event(2))], rest=DEFAULT_DURATION - 4))
    assert world.reasons == ["planned", "early"]


def test_a_budget_used_up_after_a_planned_end_ends_the_loop() -> None:
    world = World(Budget(calls=2))
    world.play(planned(world, 1, 2), planned(world, 3))
    assert (world.error, world.over) == (None, True)
    assert world.end is not None
    assert (world.end.reason, world.end.elapsed, world.end.readings) == ("budget", 60, 3)


def test_hang_up_is_told_how_the_window_ended() -> None:
    world = World(Budget(calls=3))
    assert world.end is None
    world.play(planned(world, 1), DOWN, dropped(world, 2))
    assert world.reasons == ["planned", "error", "dropped"]


def test_every_log_line_names_the_site(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "enphase_streaming")
    World(Budget(calls=2)).play(DOWN, UNAUTHORIZED)
    assert len(caplog.messages) > 4
    assert {message.split(":")[0] for message in caplog.messages} == {"Site 1765"}


def test_one_window_ends_as_planned() -> None:
    world = World(Budget(calls=1), recovery=Recovery(once=True))
    world.play(planned(world, 1))
    assert (world.error, world.reason) == (None, "planned")


def test_elapsed_runs_from_the_first_request_to_the_stop() -> None:
    world = World(Budget(calls=2))
    world.clock.time = 100.0
    world.pass_to("open")
    world.clock.time = 112.0
    world.stop()
    assert world.end is not None
    assert (world.end.reason, world.end.elapsed) == ("stopped", 12)


def test_a_final_401_hints_at_plan_and_access_control() -> None:
    world = World(Budget(calls=5), can_refresh=False)
    world.play(UNAUTHORIZED)
    assert str(world.error) == (
        "401 UNAUTHORIZED: no. If the token is fresh, the plan may lack streaming, "
        "or the owner's access control may refuse it."
    )


def test_counts_the_malformed_events_of_every_window() -> None:
    world = World(Budget(calls=2))
    act = planned(world, 1)._replace(chunks=[(1.0, b"data:{\n\n" + world.event(1))])
    world.play(act, act._replace(chunks=[(1.0, b"data:[]\n\n" + world.event(1, timed=False))]))
    assert world.end is not None
    assert world.end.malformed == 2


# Duplicates


def test_leaves_out_readings_of_the_window_before() -> None:
    world = World(Budget(calls=2))
    first, second = world.event(1), world.event(2)
    world.play(
        Act(chunks=[(1.0, first), (1.0, second)], rest=28),
        Act(chunks=[(1.0, second), (1.0, lambda: world.event(3))], rest=28),
    )
    assert world.powers == [1, 2, 3]
    assert world.end is not None
    assert world.end.readings == 3


def test_remembers_the_last_ten_readings_of_a_window() -> None:
    world = World(Budget(calls=2))
    eleven = [world.event(power) for power in range(11)]
    world.play(
        Act(chunks=[(1.0, event) for event in eleven], rest=19),
        Act(chunks=[(1.0, eleven[1]), (1.0, eleven[0])], rest=28),
    )
    assert world.powers == [*range(11), 0]


def test_equal_readings_within_a_window_are_delivered() -> None:
    world = World(Budget(calls=1))
    world.play(Act(chunks=[(1.0, world.event(7))] * 2, rest=28))
    assert world.powers == [7, 7]


def test_readings_without_timestamps_are_never_duplicates() -> None:
    world = World(Budget(calls=2))
    world.play(*[planned(world, 7, timed=False)] * 2)
    assert world.powers == [7, 7]


def test_readings_with_only_the_utc_text_can_be_duplicates() -> None:
    event = b'data:{"data":{"pv_power":7},"timestamp_utc":"2026-06-21 12:00:00.000"}\n\n'
    world = World(Budget(calls=2))
    world.play(*[Act(chunks=[(1.0, event)], rest=29)] * 2)
    assert world.powers == [7]


def test_a_failed_attempt_does_not_forget_the_window_before() -> None:
    world = World(Budget(calls=3))
    last = world.event(1)
    world.play(
        Act(chunks=[(1.0, last)], end=RESET),
        DOWN,
        Act(chunks=[(1.0, last), (1.0, lambda: world.event(2))], rest=28),
    )
    assert world.powers == [1, 2]


def test_a_duplicate_counts_as_a_reading_of_its_stream() -> None:
    world = World(Budget(calls=2))
    again = world.event(1)
    world.play(Act(chunks=[(1.0, again)], rest=29), Act(chunks=[(1.0, again)], rest=29))
    assert (world.error, world.reason) == (None, "budget")


# Gaps

Gap = tuple[datetime, datetime, Exception]


def gaps_of(*acts: Callable[[World], Act], calls: int) -> tuple[World, list[Gap]]:
    gaps: list[Gap] = []
    world = World(Budget(calls=calls), on_gap=lambda *gap: gaps.append(gap))
    for act in acts:
        world.play(act(world))
    return world, gaps


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_reports_a_gap_with_its_first_reason_when_readings_resume() -> None:
    world, gaps = gaps_of(
        lambda world: dropped(world, 1, 2),
        lambda world: DOWN,
        lambda world: planned(world, 3, 4),
        calls=3,
    )
    assert world.powers == [1, 2, 3, 4]
    assert [gap[:2] for gap in gaps] == [(at(2), at(9))]  # 2 s and 4 s of pause, then 1 s
    assert isinstance(gaps[0][2], StreamDropped)


def test_a_gap_begins_with_the_last_reading() -> None:
    _, gaps = gaps_of(
        lambda world: planned(world, 1)._replace(rest=15),
        lambda world: planned(world, 2),
        calls=2,
    )
    assert [gap[:2] for gap in gaps] == [(at(1), at(19))]


def test_a_gap_at_the_start_begins_with_the_first_failure() -> None:
    _, gaps = gaps_of(lambda world: DOWN, lambda world: planned(world, 1), calls=2)
    assert [gap[:2] for gap in gaps] == [(at(0), at(3))]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (Act(rest=15), StreamStalled),
        (Act(chunks=[(1.0, b": alive\n\n")], end=Signal.OVERDUE), StreamStalled),
        (Act(head=OSError("refused")), ConnectionFailed),
        (DOWN, ServiceUnavailableError),
        (Act(head=Head(200, "text/html")), NotAnEventStream),
    ],
)
def test_every_recovery_is_a_gap(act: Act, kind: type[Exception]) -> None:
    _, gaps = gaps_of(lambda world: act, lambda world: planned(world, 1), calls=2)
    assert [type(why) for *_, why in gaps] == [kind]


def test_an_early_end_is_a_gap() -> None:
    _, gaps = gaps_of(
        lambda world: planned(world, 1)._replace(rest=5), lambda world: planned(world, 2), calls=2
    )
    assert [type(why) for *_, why in gaps] == [StreamEndedEarly]


def test_each_gap_is_reported_once() -> None:
    _, gaps = gaps_of(
        lambda world: dropped(world, 1),
        lambda world: dropped(world, 2, 3),
        lambda world: planned(world, 4, 5),
        calls=3,
    )
    assert [gap[:2] for gap in gaps] == [(at(1), at(4)), (at(5), at(10))]


def test_the_next_planned_window_is_no_gap() -> None:
    _, gaps = gaps_of(*[lambda world: planned(world, world.budget.spent)] * 3, calls=3)
    assert gaps == []


def test_a_duplicate_does_not_end_a_gap() -> None:
    gaps: list[Gap] = []
    world = World(Budget(calls=2), on_gap=lambda *gap: gaps.append(gap))
    last = world.event(1)
    world.play(
        Act(chunks=[(1.0, last)], end=RESET),
        Act(chunks=[(1.0, last), (1.0, lambda: world.event(2))], rest=28),
    )
    assert [gap[:2] for gap in gaps] == [(at(1), at(5))]


def test_a_gap_that_never_closes_is_not_reported() -> None:
    world, gaps = gaps_of(lambda world: dropped(world, 1), lambda world: DOWN, calls=2)
    assert gaps == []
    assert isinstance(world.error, BudgetExhausted)


# Pauses

Wait = tuple[float, Exception | None]


def waits_of(*acts: Act, **settings: Any) -> tuple[World, list[Wait]]:
    waits: list[Wait] = []
    world = World(**settings, on_wait=lambda *wait: waits.append(wait))
    return world.play(*acts), waits


@pytest.mark.parametrize(
    ("act", "seconds", "kind"),
    [
        (Act(head=OSError("refused")), 2, ConnectionFailed),
        (DOWN, 2, ServiceUnavailableError),
        (Act(rest=15), 2, StreamStalled),
        (refused(473), 300, GatewayNotReportingError),
        (refused(429), 60, RateLimitError),
        (Act(token=ConnectionFailed("the token endpoint")), 2, ConnectionFailed),
    ],
)
def test_on_wait_gets_the_pause_and_its_cause(
    act: Act, seconds: float, kind: type[Exception]
) -> None:
    _, waits = waits_of(act, budget=Budget(calls=2))
    assert [(waited, type(why)) for waited, why in waits] == [(seconds, kind)]


def test_on_wait_is_called_before_the_pause() -> None:
    times: list[float] = []
    world = World(Budget(calls=2), on_wait=lambda *wait: times.append(world.clock.time))
    world.play(DOWN)
    assert (times, world.clock.time) == ([0], 2)


def test_on_wait_is_called_for_a_refresh_that_is_retried() -> None:
    unreachable = ConnectionFailed("the token endpoint")
    _, waits = waits_of(UNAUTHORIZED, budget=Budget(calls=2), refreshes=[unreachable])
    assert waits == [(2, unreachable)]


def test_on_wait_gets_no_cause_where_the_calls_a_minute_are_used_up() -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(50):
        spend(budget, 0.0)
    world, waits = waits_of(budget=budget)
    world.pass_to("open")
    assert (waits, world.opened, world.clock.time) == ([(60, None)], [], 60)


def test_on_wait_is_not_called_between_planned_windows_or_without_a_call_left() -> None:
    world, waits = waits_of(budget=Budget(calls=2))
    world.play(planned(world, 1), DOWN)
    assert waits == []
    assert isinstance(world.error, BudgetExhausted)


def test_a_pause_below_a_second_is_waited_for() -> None:
    world = World(Budget(calls=2), chance=lambda: 0.25)
    world.play(DOWN, planned(world, 1))
    assert world.opened == [0, 0.5]


# Exceptions of callbacks


MALFORMED = Act(chunks=[(1.0, b"data:{\n\n")])
MINE = pytest.mark.parametrize("mine", [KeyError("mine"), StreamDropped("of another client's")])


@MINE
@pytest.mark.parametrize(
    ("callback", "acts"),
    [
        ("on_malformed", [MALFORMED]),
        ("on_wait", [DOWN]),
        ("on_wait", [UNAUTHORIZED]),
        ("on_gap", [DOWN, Act(chunks=[(1.0, b'data:{"data":{}}\n\n')])]),
    ],
)
def test_an_exception_of_a_callback_ends_the_watch_and_leaves_unchanged(
    callback: str, acts: list[Act], mine: Exception
) -> None:
    def fail(*arguments: object) -> None:
        raise mine

    settings: dict[str, Any] = {callback: fail}
    refreshes: list[Exception | None] = [ConnectionFailed("the token endpoint")]
    world = World(Budget(calls=5), refreshes=refreshes, **settings)
    world.play(*acts)
    assert world.error is mine
    assert world.end is not None
    assert (world.end.reason, world.end.elapsed) == ("error", world.clock.time)


@pytest.mark.parametrize("mine", [StopIteration(), StopAsyncIteration()])
def test_an_exception_of_a_callback_that_would_end_a_loop_is_a_runtime_error(
    mine: Exception,
) -> None:
    def fail(malformed: MalformedEvent) -> None:
        raise mine

    world = World(Budget(calls=5), on_malformed=fail).play(MALFORMED)
    assert isinstance(world.error, RuntimeError)
    assert str(world.error) == f"A callback raised {type(mine).__name__}."
    assert world.error.__cause__ is mine
    assert world.reason == "error"


@MINE
def test_an_exception_of_on_wait_in_the_queue_frees_its_place(mine: Exception) -> None:
    def fail(seconds: float, why: Exception | None) -> None:
        raise mine

    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(50):
        spend(budget, 0.0)
    world = World(budget, on_wait=fail)
    world.answer(None)
    assert (world.error, world.reason) == (mine, "error")
    assert [spend(budget, 60.0) for _ in range(50)] == [60.0] * 50


@pytest.mark.parametrize("refreshing", [False, True])
def test_an_exception_of_the_users_own_auth_ends_the_watch(refreshing: bool) -> None:
    mine = KeyError("mine")
    if refreshing:
        world = World(Budget(calls=5), refreshes=[mine]).play(UNAUTHORIZED)
    else:
        world = World(Budget(calls=5)).play(Act(token=mine))
    assert world.error is mine
    assert world.reason == "error"


# The observer


def test_the_observer_sees_each_head_its_decoded_body_and_the_end() -> None:
    seen: list[tuple[object, ...]] = []

    class Observer:
        def opened(self, head: Head, at: float) -> None:
            seen.append(("opened", head.status_code, at))

        def received(self, chunk: bytes, at: float) -> None:
            seen.append(("received", chunk, at))

        def ended(self, reason: str, at: float) -> None:
            seen.append(("ended", reason, at))

    world = World(Budget(calls=3))
    world.watch.observer = Observer()
    event = world.event(1)
    packed = Act(Head(200, "text/event-stream", "gzip"), [(1.0, gzip.compress(event))], rest=29)
    world.play(Act(head=OSError("refused")), refused(503, "down"), packed)
    assert seen == [
        ("ended", "error", 0),
        ("opened", 503, 2),
        ("received", b"down", 2),
        ("ended", "error", 2),
        ("opened", 200, 6),
        ("received", event, 7),
        ("ended", "planned", 36),
    ]


def test_a_watch_is_freed_at_once_after_a_body_that_cannot_be_decoded() -> None:
    body = gzip.compress(b": hello\n\n")[:-8] + bytes(8)
    world = World(Budget(calls=3))
    world.play(Act(Head(200, "text/event-stream", "gzip"), [(1.0, body)]))
    watch = weakref.ref(world.watch)
    gc.disable()
    try:
        del world
        assert watch() is None
    finally:
        gc.enable()


# The budget


def test_a_budget_used_up_while_recovering_chains_the_failure() -> None:
    world = World(Budget(calls=2))
    world.play(planned(world, 1), dropped(world, 2))
    assert isinstance(world.error, BudgetExhausted)
    assert isinstance(world.error.__cause__, StreamDropped)
    assert world.error.__cause__.__cause__ is RESET
    assert world.reason == "budget"


def test_does_not_wait_once_the_budget_is_used_up() -> None:
    world = World(Budget(calls=1))
    world.play(refused(473))
    assert isinstance(world.error, BudgetExhausted)
    assert world.clock.time == 0


def test_a_budget_used_up_before_the_first_request_raises() -> None:
    budget = Budget(calls=1)
    world = World(budget)
    world.play(planned(world, 1))
    late = World(budget)
    assert isinstance(late.error, BudgetExhausted)
    assert (late.opened, late.error.__cause__, late.reason) == ([], None, "budget")


def test_does_not_ask_for_a_token_once_the_budget_is_used_up() -> None:
    world = World(Budget(calls=1))
    world.play(planned(world, 1))
    assert (world.over, world.error, world.reason) == (True, None, "budget")


def test_counts_every_attempt_before_it_is_made() -> None:
    budget = Budget(calls=3)
    world = World(budget)
    spent = []
    for act in (DOWN, Act(head=OSError("refused")), planned(world, 1)):
        world.play(act)
        spent.append((len(world.opened), budget.spent))
    assert spent == [(1, 1), (2, 2), (3, 3)]


def test_an_attempt_without_a_token_is_not_counted() -> None:
    budget = Budget(calls=3)
    world = World(budget)
    world.play(Act(token=ConnectionFailed("the token endpoint")), planned(world, 1))
    assert (world.opened, budget.spent) == ([2], 1)


def test_an_unlimited_watch_does_not_end() -> None:
    world = World(Budget.unlimited(), duration=300)
    world.play(*[planned(world, power) for power in range(600)])
    assert not world.over
    assert world.budget.spent == 600


def test_an_unlimited_watch_stops_at_the_fifth_window_without_a_reading() -> None:
    world = World(Budget.unlimited())
    world.play(*[DOWN] * 4, Act(end=RESET))
    assert isinstance(world.error, StreamDropped)
    assert (world.over, world.budget.spent, world.reason) == (True, 5, "dropped")


def test_an_unlimited_watch_stops_at_the_fifth_window_of_duplicates() -> None:
    world = World(Budget.unlimited())
    frozen = world.event(1)
    world.play(*[Act(chunks=[(1.0, frozen)], rest=28)] * 6)
    assert (world.over, world.budget.spent, world.powers) == (True, 6, [1])
    assert isinstance(world.error, StreamStalled)
    assert str(world.error) == "The last 5 windows brought no new reading."


def test_keeps_to_the_calls_a_minute_of_the_plan() -> None:
    world = World(Budget(calls=52, plan=Plan.KILOWATT), chance=lambda: 0.0)
    world.play(*[Act(chunks=[(0.0, world.event(power))], end=RESET) for power in range(51)])
    assert world.opened == [0.0] * 50 + [60.0]


# Tokens


def test_a_refused_token_costs_one_refresh_and_one_more_call() -> None:
    world = World(Budget(calls=2))
    world.play(UNAUTHORIZED, planned(world, 1))
    assert (world.renewed, world.opened, world.powers) == ([0], [0, 0], [1])


@pytest.mark.parametrize("once", [True, False])
def test_a_second_refusal_stops_with_a_hint(once: bool) -> None:
    world = World(Budget(calls=5), recovery=Recovery(once=once))
    world.play(UNAUTHORIZED, UNAUTHORIZED)
    assert isinstance(world.error, AuthenticationError)
    assert "plan" in str(world.error)
    assert "access control" in str(world.error)
    assert (len(world.renewed), len(world.opened), world.reason) == (1, 2, "error")


def test_a_refused_key_is_final_and_has_no_hint() -> None:
    world = World(Budget(calls=5))
    world.play(refused(401, '{"error": {"code": 401, "status": "NOT_AUTHENTICATED"}}'))
    assert isinstance(world.error, AuthenticationError)
    assert "plan" not in str(world.error)
    assert world.renewed == []


def test_a_token_that_cannot_be_refreshed_is_final() -> None:
    world = World(Budget(calls=5), can_refresh=False)
    world.play(UNAUTHORIZED)
    assert isinstance(world.error, AuthenticationError)
    assert (world.renewed, world.budget.spent) == ([], 1)


def test_a_refused_refresh_raises_login_required() -> None:
    lost = LoginRequired("log in again")
    world = World(Budget(calls=5), refreshes=[lost])
    world.play(UNAUTHORIZED)
    assert world.error is lost
    assert isinstance(lost.__cause__, AuthenticationError)
    assert world.budget.spent == 1


def test_a_failing_refresh_is_retried_without_spending_a_call() -> None:
    unreachable = ConnectionFailed("the token endpoint")
    world = World(Budget(calls=5), refreshes=[unreachable, unreachable])
    world.play(UNAUTHORIZED, planned(world, 1))
    assert world.renewed == [0, 2, 6]
    assert world.opened == [0, 6]
    assert world.powers == [1]


def test_a_limited_token_endpoint_is_waited_for() -> None:
    busy = RateLimitError("later", status_code=429)
    busy.retry_in = 25
    world = World(Budget(calls=5), refreshes=[busy])
    world.play(UNAUTHORIZED, planned(world, 1))
    assert (world.renewed, world.opened) == ([0, 26], [0, 26])


def test_a_token_endpoint_that_stays_unreachable_ends_the_watch() -> None:
    unreachable = [ConnectionFailed(f"try {count}") for count in range(9)]
    world = World(Budget.unlimited(), refreshes=[*unreachable])
    world.play(UNAUTHORIZED)
    assert world.error is unreachable[3]  # the refused window was the first of the five
    assert world.budget.spent == 1


def test_a_401_inside_the_stream_refreshes_the_token() -> None:
    world = World(Budget(calls=2))
    envelope = b'data:{"error":{"code":401,"status":"UNAUTHORIZED"}}\n\n'
    world.play(Act(chunks=[(1.0, world.event(1) + envelope)]), planned(world, 2))
    assert (world.powers, len(world.renewed)) == ([1, 2], 1)


def test_an_error_of_auth_stops_before_a_call_is_spent() -> None:
    damaged = InvalidArgument("the token file is damaged")
    world = World(Budget(calls=5))
    world.play(Act(token=damaged))
    assert (world.error, world.budget.spent) == (damaged, 0)


# Closed by the caller


@pytest.mark.parametrize("method", ["open", "authorize"])
def test_elapsed_runs_to_the_stop_of_any_window(method: Method) -> None:
    world = World(Budget(calls=5))
    world.play(planned(world, 1))
    world.pass_to(method)
    world.clock.time += 3
    world.stop()
    assert world.over
    assert world.end is not None
    assert (world.end.reason, world.end.elapsed, world.end.readings) == ("stopped", 33, 1)


def test_stop_before_the_first_request() -> None:
    world = World(Budget(calls=5))
    world.stop()
    assert world.end is not None
    assert (world.end.reason, world.end.elapsed, world.budget.spent) == ("stopped", 0, 0)


def test_stop_in_the_queue_frees_its_place() -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(50):
        spend(budget, 0.0)
    world = World(budget)
    assert world.pass_to("wait").argument == 60.0
    world.stop()
    assert [spend(budget, 60.0) for _ in range(50)] == [60.0] * 50


def test_a_missing_token_frees_the_place_in_the_queue() -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    World(budget).play(Act(token=LoginRequired("log in again")))
    assert [spend(budget, 0.0) for _ in range(50)] == [0.0] * 50


# Two sites on one budget


def test_two_sites_share_the_calls_of_a_budget() -> None:
    budget, clock = Budget(calls=3), Clock()
    one, other = World(budget, clock), World(budget, clock)
    one.play(planned(one, 1))
    other.play(planned(other, 1))
    one.play(planned(one, 2))
    assert (one.reason, len(one.opened), len(other.opened)) == ("budget", 2, 1)
    assert (other.reason, budget.left) == (None, 0)


def limited(clock: Clock, seconds: int) -> Act:
    end = int(clock.now().timestamp()) + seconds
    return refused(429, f'{{"code": 429, "period": "minute", "period_end": {end}}}')


def test_a_429_pauses_every_watch_on_the_budget() -> None:
    budget = Budget(calls=5)
    one, other = World(budget, Clock()), World(budget, Clock())
    one.play(limited(one.clock, 40))
    other.play(planned(other, 1))
    one.play(planned(one, 1))
    assert (one.opened, other.opened) == ([0, 41], [41])


def test_a_473_pauses_its_own_watch_only() -> None:
    budget = Budget(calls=5)
    one, other = World(budget, Clock()), World(budget, Clock())
    one.play(refused(473))
    other.play(planned(other, 1))
    one.play(planned(one, 1))
    assert (one.opened, other.opened) == ([0, 300], [0])


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (refused(403), PermissionDeniedError),
        (refused(429, '{"period": "month"}'), RateLimitError),
    ],
)
def test_a_final_error_ends_its_own_watch_only(act: Act, kind: type[Exception]) -> None:
    budget = Budget(calls=5)
    one, other = World(budget, Clock()), World(budget, Clock())
    one.play(act)
    assert isinstance(one.error, kind)
    other.play(planned(other, 1), planned(other, 2))
    assert (other.powers, other.opened) == ([1, 2], [0, 30])


def test_a_call_that_was_never_sent_frees_its_own_slot() -> None:
    budget, clock = Budget.unlimited(plan=Plan.KILOWATT), Clock()
    one, other = World(budget, clock), World(budget, clock)
    one.pass_to("open")
    clock.time = 30
    other.pass_to("open")
    one.answer(Failed(RuntimeError("can't start new thread"), sent=False))
    assert [spend(budget, 30.0) for _ in range(49)] == [30.0] * 49
    assert spend(budget, 60.0) == 90.0


# Money


def test_dropping_after_each_reading_costs_few_calls_in_the_first_hour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = runpy.run_path(str(FIRST_HOUR), run_name="__main__")
    seeds, calls_of = range(20), told["calls_in_the_first_hour"]
    assert calls_of(7) == calls_of(7)
    for seed in seeds:
        world = World(Budget.unlimited(), chance=random.Random(seed).random)
        while world.clock.time < 3600:
            world.play(Act(chunks=[(2.0, world.event(world.budget.spent))], end=RESET))
        assert calls_of(seed) == world.budget.spent
    printed = capsys.readouterr().out
    assert printed == told["summary"]() + "\n"
    assert f"$ python bench/first_hour.py\n{printed}" in PAGE.read_text("utf-8")
    assert max(calls_of(seed) for seed in range(1000)) < 50
