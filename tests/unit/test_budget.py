"""How many calls may be spent, and how fast."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial
from typing import Any

import pytest

from enphase_streaming import Budget, BudgetExhausted, InvalidArgument, Plan
from enphase_streaming.core.arguments import shown
from enphase_streaming.core.budget import READ_ON, STREAM_PRICE, Ticket


class Written(float):
    """A float with a text of its own."""

    def __str__(self) -> str:
        return "thirty cents"


def spend(budget: Budget, at: float = 0.0) -> float:
    """Ask for one call; return `at` if it was counted, else when to ask again."""
    ticket = budget._queue()
    try:
        return budget._spend(ticket, at)
    finally:
        budget._leave(ticket)


def test_calls_are_counted_down() -> None:
    budget = Budget(calls=2)
    assert (budget.calls, budget.spent, budget.left) == (2, 0, 2)
    spend(budget)
    assert (budget.calls, budget.spent, budget.left) == (2, 1, 1)


def test_the_last_call_is_the_last() -> None:
    budget = Budget(calls=2)
    spend(budget)
    spend(budget)
    with pytest.raises(BudgetExhausted, match=r"All 2 calls of the budget \(\$0\.20\) are spent"):
        budget._queue()
    assert (budget.spent, budget.left) == (2, 0)


def test_a_call_that_somebody_else_took_is_gone_for_those_who_queue() -> None:
    budget = Budget(calls=1)
    first, second = budget._queue(), budget._queue()
    budget._spend(second, 0.0)
    with pytest.raises(BudgetExhausted):
        budget._spend(first, 0.0)
    assert budget.spent == 1


@pytest.mark.parametrize(
    ("dollars", "calls"),
    [
        (0.30, 3),
        (Decimal("0.30"), 3),
        (0.1 + 0.2, 3),
        (0.7, 7),
        (1.1, 11),
        (28.80, 288),
        (1, 10),
        (0.1, 1),
        (0.19, 1),
        (Decimal("0.2999999999999999999999999999999999"), 2),
        (1e6, 10_000_000),
        (1e30, 10**31),
    ],
    ids=str,
)
def test_dollars_are_exact(dollars: Any, calls: int) -> None:
    assert Budget(dollars=dollars).calls == calls


def test_dollars_are_exact_whatever_precision_the_caller_works_with() -> None:
    with localcontext(prec=2):
        budget = Budget(dollars=Decimal("99.96"))
    assert budget.calls == 999


@pytest.mark.parametrize("cents", range(10, 1000, 7))
def test_every_amount_of_cents_buys_what_fits_into_it(cents: int) -> None:
    assert Budget(dollars=cents / 100).calls == cents // 10


def test_what_was_spent_and_what_is_left_is_told_in_dollars() -> None:
    budget = Budget(dollars=0.55)
    spend(budget)
    assert str(budget.dollars_spent) == "0.10"
    assert budget.dollars_left is not None
    assert str(budget.dollars_left) == "0.40"


def test_an_unlimited_budget_counts_and_never_runs_out() -> None:
    budget = Budget.unlimited()
    for _ in range(1000):
        spend(budget)
    assert (budget.spent, budget.calls, budget.left) == (1000, None, None)
    assert (budget.dollars_spent, budget.dollars_left) == (Decimal(100), None)


def test_the_repr_tells_how_far_it_is() -> None:
    budget = Budget(calls=12)
    spend(budget)
    assert repr(budget) == "<Budget: 1 calls of 12>"
    assert repr(Budget.unlimited()) == "<Budget: 0 calls unlimited>"


@pytest.mark.parametrize("calls", [0, -1, 1.0, 0.5, True, "12", float("nan"), [], Decimal(3)])
def test_calls_that_are_no_positive_int_are_refused(calls: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(calls=calls)
    assert str(raised.value) == f"calls is {shown(calls)}; give an int of 1 or more."


@pytest.mark.parametrize(
    "dollars",
    [
        *(0, -1, -0.3, 0.05, 0.0999, True, "0.30", float("nan"), float("inf"), -float("inf")),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-0.1"), [], 1 + 0j),
        *(Written(0.3), 10**5000),  # the second has more digits than Python writes out
    ],
    ids=shown,
)
def test_dollars_that_buy_no_call_are_refused(dollars: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(dollars=dollars)
    assert str(raised.value) == (
        f"dollars is {shown(dollars)}; give at least 0.10, the price of one call."
    )


@pytest.mark.parametrize("given", [{}, {"calls": 1, "dollars": 0.1}, {"plan": Plan.KILOWATT}])
def test_calls_and_dollars_are_one_or_the_other(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(**given)
    assert str(raised.value) == (
        "A budget takes calls=… or dollars=…, one of them. Use Budget.unlimited() for none."
    )


@pytest.mark.parametrize("plan", ["KILOWATT", "Kilowatt", 50, Plan.KILOWATT.value])
def test_an_unknown_plan_is_refused_and_the_known_ones_named(plan: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(calls=1, plan=plan)
    assert str(raised.value) == (
        f"plan is {shown(plan)}; give one of Plan.WATT, Plan.KILOWATT, Plan.MEGAWATT, Plan.PARTNER."
    )


@pytest.mark.parametrize("budget", [partial(Budget, calls=1), Budget.unlimited])
def test_a_plan_that_cannot_stream_is_refused(budget: Callable[..., Budget]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        budget(plan=Plan.WATT)
    assert str(raised.value) == (
        "Plan.WATT cannot stream; the plans that can are "
        "Plan.KILOWATT, Plan.MEGAWATT, Plan.PARTNER."
    )


# The limit a minute


def test_without_a_plan_nothing_limits_the_pace() -> None:
    budget = Budget.unlimited()
    assert {spend(budget, 7.0) for _ in range(1000)} == {7.0}


@pytest.mark.parametrize("plan", [Plan.KILOWATT, Plan.MEGAWATT, Plan.PARTNER])
def test_a_plan_limits_the_calls_of_any_minute(plan: Plan) -> None:
    budget = Budget.unlimited(plan=plan)
    limit = plan.value.calls_per_minute
    assert [spend(budget, float(second % 2)) for second in range(limit)] == [0.0, 1.0] * (
        limit // 2
    )
    assert spend(budget, 2.0) == 60.0
    assert spend(budget, 59.0) == 60.0
    assert spend(budget, 60.0) == 60.0
    assert budget.spent == limit + 1


def full(at: float = 0.0) -> Budget:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(50):
        assert spend(budget, at) == at
    return budget


def test_a_slot_goes_to_whoever_asked_first() -> None:
    budget = full()
    tickets = [budget._queue() for _ in range(51)]
    assert {budget._spend(ticket, 1.0) for ticket in tickets[:50]} == {60.0}
    assert budget._spend(tickets[50], 1.0) == 120.0
    newcomer = budget._queue()
    assert budget._spend(newcomer, 60.0) > 60.0
    assert budget._spend(tickets[50], 60.0) > 60.0
    assert [budget._spend(ticket, 60.0) for ticket in reversed(tickets[:50])] == [60.0] * 50
    assert budget._spend(newcomer, 120.0) == 120.0


def test_a_slot_that_nobody_holds_is_taken_by_whoever_is_ahead() -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(25):
        spend(budget, 0.0)
    tickets = [budget._queue() for _ in range(51)]
    # 25 of them can go at once, 25 when the first calls are a minute old, and then one more.
    assert [budget._spend(tickets[place], 1.0) for place in (25, 49, 50)] == [60.0, 60.0, 61.0]


def test_a_place_that_is_left_goes_to_the_next() -> None:
    budget = full()
    tickets = [budget._queue() for _ in range(51)]
    budget._leave(tickets[7])
    assert budget._spend(tickets[50], 1.0) == 60.0
    assert budget.spent == 50


def test_leaving_twice_or_after_the_call_is_harmless() -> None:
    budget = Budget(calls=2)
    ticket = budget._queue()
    budget._spend(ticket, 0.0)
    budget._leave(ticket)
    budget._leave(ticket)
    budget._leave(Ticket())
    assert budget.spent == 1


def test_nobody_spends_before_a_pause_is_over() -> None:
    budget = Budget(calls=3)
    budget._pause(40.0)
    assert spend(budget, 39.5) == 40.0
    assert spend(budget, 40.0) == 40.0
    assert budget.spent == 1


def test_a_shorter_pause_does_not_shorten_one() -> None:
    budget = Budget(calls=3)
    budget._pause(40.0)
    budget._pause(10.0)
    assert spend(budget, 20.0) == 40.0


def test_threads_never_spend_more_than_there_is() -> None:
    budget = Budget(calls=1000)
    counted: list[int] = []
    start = threading.Barrier(8)

    def hammer() -> None:
        mine = 0
        start.wait(10)
        try:
            while True:
                spend(budget)
                mine += 1
        except BudgetExhausted:
            counted.append(mine)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (sum(counted), budget.spent, len(counted)) == (1000, 1000, 8)


def test_threads_never_spend_faster_than_the_plan_allows() -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    counted: list[float] = []
    start = threading.Barrier(8)

    def hammer() -> None:
        start.wait(10)
        for _ in range(100):
            if spend(budget, 5.0) == 5.0:
                counted.append(5.0)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(counted), budget.spent) == (50, 50)


# Plans


def test_the_plans_are_those_of_the_plan_pages() -> None:
    pages = {
        "WATT": (0, 10, 1_000, False, 0, "0"),
        "KILOWATT": (249, 50, 50_000, True, 0, "0"),
        "MEGAWATT": (999, 100, 300_000, True, 0, "0"),
        "PARTNER": (0, 300, 1_500_000, True, 10_000, "0.005"),
    }
    found = {
        plan.name: (
            int(terms.monthly_fee),
            terms.calls_per_minute,
            terms.calls_per_month,
            terms.streams,
            terms.free_calls,
            str(terms.call_price),
        )
        for plan in Plan
        for terms in [plan.value]
    }
    assert found == pages
    assert date(2026, 7, 1) == READ_ON
    assert Fraction(1, 10) == Fraction(STREAM_PRICE)


@pytest.mark.parametrize(
    ("plan", "streams", "dollars"),
    [
        (Plan.KILOWATT, 0, "249"),
        (Plan.KILOWATT, 288, "277.80"),
        (Plan.MEGAWATT, 10, "1000.00"),
        (Plan.PARTNER, 0, "0"),
        (Plan.PARTNER, 10_000, "1000.00"),
        (Plan.PARTNER, 10_001, "1000.105"),
        (Plan.PARTNER, 30 * 288, "864.00"),
    ],
)
def test_what_a_month_costs(plan: Plan, streams: int, dollars: str) -> None:
    assert plan.monthly_charge(streams) == Decimal(dollars)
