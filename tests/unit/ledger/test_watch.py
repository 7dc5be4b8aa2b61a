"""A watch on a budget that renews, and on one that a ledger counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from enphase_streaming import (
    Allowance,
    Balance,
    Budget,
    BudgetExhausted,
    Call,
    Counted,
    InvalidArgument,
    LedgerUnavailable,
    StreamingClient,
    UsedUp,
    Wait,
)
from enphase_streaming.core.arguments import shown
from enphase_streaming.core.exchange import Failed, Head, Signal
from enphase_streaming.core.ledger import MemoryLedger, Period, period_of
from enphase_streaming.core.recovery import Recovery
from simulated import Act, Clock, World
from spending import spend

RESET = OSError("connection reset")


class Ledger(MemoryLedger):
    """A user's own ledger: it raises what it is told to, and keeps what it is told."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)
        self.asked = 0
        self.ends: list[tuple[int, str, int]] = []

    def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return super().spend(allowance, call)

    def finish(self, counted: Counted, reason: str, readings: int) -> None:
        self.ends.append((counted.attempt, reason, readings))


def window(world: World, *powers: int) -> Act:
    """Return a window of 30 s with readings a second apart."""
    chunks = [(1.0, lambda power=power: world.event(power)) for power in powers]
    return Act(chunks=chunks, rest=30 - len(powers))


# Periods


@pytest.mark.parametrize(
    ("per", "now", "began", "next_begins"),
    [
        ("hour", "2026-06-21T12:59:59.999+00:00", "2026-06-21T12:00", "2026-06-21T13:00"),
        ("hour", "2026-12-31T23:00:00+00:00", "2026-12-31T23:00", "2027-01-01T00:00"),
        ("day", "2026-06-21T00:00:00+00:00", "2026-06-21T00:00", "2026-06-22T00:00"),
        ("day", "2028-02-28T23:59:59+00:00", "2028-02-28T00:00", "2028-02-29T00:00"),
        ("day", "2026-06-21T23:30:00-03:00", "2026-06-22T00:00", "2026-06-23T00:00"),
        ("month", "2026-01-31T23:59:59+00:00", "2026-01-01T00:00", "2026-02-01T00:00"),
        ("month", "2028-02-29T12:00:00+00:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("month", "2026-12-31T23:59:59+00:00", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "2026-07-01T00:30:00+02:00", "2026-06-01T00:00", "2026-07-01T00:00"),
    ],
)
def test_periods_begin_at_boundaries_of_utc(
    per: Period, now: str, began: str, next_begins: str
) -> None:
    found = period_of(per, datetime.fromisoformat(now))
    assert found == (datetime.fromisoformat(f"{began}Z"), datetime.fromisoformat(f"{next_begins}Z"))
    assert {each.tzinfo for each in found} == {UTC}


def test_a_budget_in_memory_renews_with_its_period() -> None:
    budget = Budget(calls=2, per="hour")
    assert repr(budget) == "<Budget: 0 calls of 2 this hour>"
    assert [spend(budget, at) for at in (0.0, 1.0)] == [0.0, 1.0]
    assert repr(budget) == ("<Budget: 2 calls of 2 this hour, 0 left until 2026-06-21 13:00 UTC>")
    assert spend(budget, 100.0) == 3600.0
    assert spend(budget, 3600.0) == 3600.0
    assert (budget.spent, budget.left) == (1, 1)


def test_a_clock_that_jumps_refills_no_period() -> None:
    budget = Budget(calls=1, per="day")
    day = 86400.0
    assert [spend(budget, at) for at in (0.0, day)] == [0.0, day]
    assert spend(budget, 0.0) == day / 2
    assert spend(budget, day) == day * 1.5


@pytest.mark.parametrize("per", ["week", "", "Day", 1, True, ["day"]])
def test_refuses_an_unknown_period(per: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(calls=1, per=per)
    assert str(raised.value) == (f"per must be 'hour', 'day', 'month' or None, got {shown(per)}.")


@pytest.mark.parametrize("name", ["", " ", "a\nb", None, 7])
def test_refuses_a_name_that_cannot_be_shown(name: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget.unlimited(name=name)
    assert str(raised.value) == (
        f"name must be a printable str that is not empty, got {shown(name)}."
    )


class OnlySpends:
    def spend(self, allowance: Allowance, call: Call) -> Wait:
        return Wait(1.0)


@pytest.mark.parametrize("ledger", ["enphase.sqlite", object(), 7, OnlySpends(), MemoryLedger])
def test_refuses_a_ledger_that_lacks_a_method(ledger: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(calls=1, ledger=ledger)
    assert str(raised.value) == (
        "ledger must be a SqliteLedger, or an object with the methods of Ledger, got "
        f"{shown(ledger)}."
    )


def test_a_purse_is_named_where_a_budget_is_shown() -> None:
    assert repr(Budget(calls=1, name="site-7")) == "<Budget 'site-7': 0 calls of 1>"


def test_a_period_that_is_used_up_ends_the_loop() -> None:
    world = World(Budget(calls=2, per="day"))
    world.play(window(world, 1), window(world, 2), Act())
    assert (world.error, world.reason, world.powers) == (None, "budget", [1, 2])
    assert world.opened == [0, 30]


def test_a_period_that_is_used_up_at_the_start_says_when_it_renews() -> None:
    budget = Budget(calls=1, per="day")
    spend(budget)
    world = World(budget)
    world.play(Act())
    assert isinstance(world.error, BudgetExhausted)
    assert world.error.renews == datetime(2026, 6, 22, tzinfo=UTC)
    assert str(world.error) == (
        "All 1 calls of the budget ($0.10) are spent; it renews at 2026-06-22 00:00 UTC."
    )


def test_waits_for_the_next_period_if_asked() -> None:
    waits: list[tuple[float, Exception | None]] = []
    world = World(
        Budget(calls=1, per="hour"),
        wait_for_next_period=True,
        on_wait=lambda *wait: waits.append(wait),
    )
    world.play(window(world, 1), window(world, 2), window(world, 3))
    assert world.opened == [0, 3600, 7200]
    assert waits == [(3570, None), (3570, None)]
    assert world.powers == [1, 2, 3]


def test_a_failure_with_the_last_call_waits_for_both() -> None:
    world = World(Budget(calls=1, per="hour"), wait_for_next_period=True)
    world.play(window(world, 1)._replace(end=RESET, rest=0.0), window(world, 2))
    assert world.opened == [0, 3600]


def test_a_failure_with_the_last_call_waits_past_the_next_period_if_it_must() -> None:
    world = World(Budget(calls=1, per="hour"), Clock(3500.0), wait_for_next_period=True)
    world.play(Act(head=Head(473, "application/json")), window(world, 2))
    assert world.opened == [3500, 3500 + 300]


def test_a_failure_at_the_moment_a_period_begins_waits_like_any_other() -> None:
    world = World(Budget(calls=1, per="hour"), Clock(3570.0))
    world.play(window(world, 1)._replace(end=RESET), window(world, 2))
    assert world.opened == [3570, 3600 + 2]


def test_a_budget_that_never_renews_is_not_waited_for() -> None:
    with (
        StreamingClient(api_key="the-key", access_token="the-token") as client,
        pytest.raises(InvalidArgument, match=r"^wait_for_next_period needs a budget that renews"),
    ):
        client.watch(1765, budget=Budget(calls=1), wait_for_next_period=True)


def test_a_wait_asks_again_as_the_clock_may_be_set_right() -> None:
    class Corrected(Ledger):
        """Its clock is half a day slow, until it is set right while a watch waits."""

        def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
            slow = timedelta(hours=0 if self.asked < 2 else 12)
            return super().spend(allowance, replace(call, now=call.now + slow))

    world = World(Budget(calls=1, per="day", ledger=Corrected()), wait_for_next_period=True)
    world.play(window(world, 1))
    world.pass_to("open")
    assert world.clock.time == 30 + 300


def test_a_wait_is_announced_again_once_it_is_over_a_second_longer() -> None:
    class Slots(Ledger):
        """It knows the next slot only roughly."""

        def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
            return Wait(slots.pop(0)) if slots else super().spend(allowance, call)

    slots, waits = [10.0, 1.0, 0.75], list[float]()
    world = World(Budget(calls=1, ledger=Slots()), on_wait=lambda seconds, _: waits.append(seconds))
    world.play(window(world, 1))
    assert world.opened == [11.75]
    assert waits == [10.0, 0.75]


# Ledgers


def test_an_unavailable_ledger_is_waited_for_as_long_as_it_takes() -> None:
    away = [LedgerUnavailable("locked") for _ in range(9)]
    waits: list[Exception | None] = []
    world = World(
        Budget(calls=1, ledger=Ledger(*away)), on_wait=lambda _, error: waits.append(error)
    )
    world.play(*[Act()] * 9, window(world, 1))
    assert waits == away
    assert (len(world.opened), world.reason, world.budget.spent) == (1, "budget", 1)
    assert world.opened == [2 + 4 + 8 + 16 + 32 + 64 + 128 + 256 + 300]


def test_an_unavailable_ledger_is_no_empty_window() -> None:
    ledger = Ledger()
    world = World(Budget(calls=9, ledger=ledger))
    world.play(*[Act(end=RESET)] * 4)
    ledger.errors += [LedgerUnavailable("locked")] * 3
    world.play(*[Act()] * 3)
    assert not world.over
    world.play(Act(end=RESET))
    assert world.over


def test_an_unavailable_ledger_ends_a_single_stream_before_anything_is_sent() -> None:
    away = LedgerUnavailable("locked")
    world = World(Budget(calls=1, ledger=Ledger(away)), recovery=Recovery(once=True))
    world.play(Act())
    assert (world.error, world.opened) == (away, [])


@pytest.mark.parametrize("error", [InvalidArgument("damaged"), ZeroDivisionError("mine")])
def test_any_other_exception_of_a_ledger_leaves_unchanged(error: Exception) -> None:
    world = World(Budget(calls=9, ledger=Ledger(error)))
    world.play(Act())
    assert world.error is error
    assert (world.reason, world.opened) == ("error", [])


def test_a_ledger_hears_the_site_of_each_call() -> None:
    sites = []

    class Sites(Ledger):
        """It keeps the site of each call."""

        def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
            sites.append(call.site)
            return super().spend(allowance, call)

    world = World(Budget(calls=2, ledger=Sites()))
    world.play(window(world, 1), window(world, 2))
    assert sites[:2] == [1765, 1765]


def test_a_ledger_hears_how_each_stream_ended() -> None:
    ledger = Ledger()
    world = World(Budget(calls=4, ledger=ledger))
    world.play(
        window(world, 1, 2),
        window(world, 3)._replace(end=RESET, rest=0.0),
        Act(head=OSError("refused")),
    )
    world.pass_to("receive")
    world.answer(world.event(4))
    world.stop()
    assert ledger.ends == [(1, "planned", 2), (2, "dropped", 1), (3, "error", 0), (4, "stopped", 1)]


def test_a_call_never_sent_is_refunded_and_has_no_end() -> None:
    ledger = Ledger()
    world = World(Budget(calls=1, ledger=ledger))
    world.pass_to("open")
    world.answer(Failed(RuntimeError("can't start new thread"), sent=False))
    assert (world.budget.spent, ledger.ends, world.error) == (0, [], None)


def test_a_watch_that_is_collected_leaves_its_attempt_without_an_end() -> None:
    ledger = Ledger()
    world = World(Budget(calls=1, ledger=ledger))
    world.pass_to("receive")
    world.watch.stop(finalizing=True)
    assert (world.reason, ledger.ends) == ("stopped", [])


def test_a_callback_that_raises_ends_the_stream_of_its_attempt() -> None:
    ledger = Ledger()

    def raises(*_: object) -> None:
        raise ZeroDivisionError

    world = World(Budget(calls=1, ledger=ledger), on_malformed=raises)
    world.play(Act(chunks=[(1.0, b"data:{\n\n")], end=Signal.OVERDUE))
    assert ledger.ends == [(1, "error", 0)]


def test_an_unlimited_budget_counts_in_its_ledger_too() -> None:
    ledger = Ledger()
    spend(Budget.unlimited(ledger=ledger))
    assert Budget.unlimited(ledger=ledger).balance() == Balance(1)


def test_a_balance_is_read_once_and_then_followed() -> None:
    ledger = Ledger()
    budget = Budget(calls=3, ledger=ledger)
    spend(budget)
    assert (budget.spent, budget.balance()) == (1, Balance(1, 3))


def test_a_pause_of_the_api_is_told_to_the_ledger() -> None:
    ledger = Ledger()
    budget = Budget(calls=9, ledger=ledger)
    world = World(budget)
    world.play(Act(head=Head(429, "application/json")))
    assert spend(Budget(calls=9, ledger=ledger), 0.0) == 60.0


def test_a_pause_of_the_api_after_the_last_call_holds_other_budgets() -> None:
    ledger = Ledger()
    World(Budget(calls=1, per="day", ledger=ledger)).play(Act(head=Head(429, "application/json")))
    assert spend(Budget(calls=9, per="day", ledger=ledger), 0.0) == 60.0


def test_a_failure_in_the_period_after_the_last_call_backs_off() -> None:
    clock = Clock(3590.0)
    world = World(Budget(calls=1, per="hour"), clock)
    world.play(window(world, 1)._replace(end=RESET, rest=20.0), Act())
    assert world.opened == [3590, 3611 + 2]
