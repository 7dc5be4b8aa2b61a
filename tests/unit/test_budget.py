"""How many calls a budget allows, how fast, and what they cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial
from typing import Any

import pytest

from enphase_streaming import Budget, BudgetExhausted, Counted, InvalidArgument, Plan
from enphase_streaming.core.arguments import shown
from enphase_streaming.core.budget import Ticket
from enphase_streaming.core.plans import READ_ON, STREAM_PRICE
from simulated import Clock
from spending import ask, spend, spend_in_threads


class Written(float):
    """A float whose str() is not a number."""

    def __str__(self) -> str:
        return "thirty cents"


def test_counts_calls_down() -> None:
    budget = Budget(calls=2)
    assert (budget.calls, budget.spent, budget.left) == (2, 0, 2)
    spend(budget)
    assert (budget.calls, budget.spent, budget.left) == (2, 1, 1)


def test_raises_once_every_call_is_spent() -> None:
    budget = Budget(calls=2)
    spend(budget)
    spend(budget)
    with pytest.raises(BudgetExhausted, match=r"All 2 calls of the budget \(\$0\.20\) are spent"):
        budget._queue()
    assert (budget.spent, budget.left) == (2, 0)


def test_raises_for_a_queued_call_that_another_ticket_took() -> None:
    budget = Budget(calls=1)
    first, second = budget._queue(), budget._queue()
    ask(budget, second, 0.0)
    with pytest.raises(BudgetExhausted):
        ask(budget, first, 0.0)
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


def test_dollars_are_exact_at_any_decimal_precision() -> None:
    with localcontext(prec=2):
        budget = Budget(dollars=Decimal("99.96"))
    assert budget.calls == 999


@pytest.mark.parametrize("cents", range(10, 1000, 7))
def test_an_amount_buys_as_many_calls_as_fit(cents: int) -> None:
    assert Budget(dollars=cents / 100).calls == cents // 10


def test_spent_and_left_in_dollars() -> None:
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


def test_repr_shows_spent_and_limit() -> None:
    budget = Budget(calls=12)
    spend(budget)
    assert repr(budget) == "<Budget: 1 calls of 12>"
    assert repr(Budget.unlimited()) == "<Budget: 0 calls unlimited>"


@pytest.mark.parametrize("calls", [0, -1, 1.0, 0.5, True, "12", float("nan"), [], Decimal(3)])
def test_refuses_calls_that_are_no_positive_int(calls: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(calls=calls)
    assert str(raised.value) == f"calls must be a positive int, got {shown(calls)}."


@pytest.mark.parametrize(
    "dollars",
    [
        *(0, -1, -0.3, 0.05, 0.0999, True, "0.30", float("nan"), float("inf"), -float("inf")),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-0.1"), [], 1 + 0j),
        *(Written(0.3), 10**5000),  # the second has more digits than Python writes out
    ],
    ids=shown,
)
def test_refuses_dollars_that_buy_no_call(dollars: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(dollars=dollars)
    assert str(raised.value) == (
        f"dollars must be a number of at least 0.10, the price of one call, got {shown(dollars)}."
    )


@pytest.mark.parametrize("given", [{}, {"calls": 1, "dollars": 0.1}, {"plan": Plan.KILOWATT}])
def test_refuses_calls_and_dollars_together_or_neither(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(**given)
    assert str(raised.value) == (
        "Budget takes either calls= or dollars=; for no limit use Budget.unlimited()."
    )


@pytest.mark.parametrize("plan", ["KILOWATT", "Kilowatt", 50, Plan.KILOWATT.value])
def test_refuses_an_unknown_plan(plan: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Budget(calls=1, plan=plan)
    assert str(raised.value) == (
        "plan must be one that can stream (Plan.KILOWATT, Plan.MEGAWATT, Plan.PARTNER), "
        f"got {shown(plan)}."
    )


@pytest.mark.parametrize("budget", [partial(Budget, calls=1), Budget.unlimited])
def test_refuses_a_plan_that_cannot_stream(budget: Callable[..., Budget]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        budget(plan=Plan.WATT)
    assert str(raised.value) == (
        "plan must be one that can stream (Plan.KILOWATT, Plan.MEGAWATT, Plan.PARTNER), "
        "got Plan.WATT."
    )


# Calls a minute


def test_calls_a_minute_are_unlimited_without_a_plan() -> None:
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
    assert (budget.spent, budget.plan) == (limit + 1, plan)


def full(at: float = 0.0) -> Budget:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(50):
        assert spend(budget, at) == at
    return budget


def test_a_refund_frees_the_slot_of_its_call() -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    counted = budget._spend(budget._queue(), 0.0, Clock().now())
    assert isinstance(counted, Counted)
    for _ in range(49):
        spend(budget, 1.0)
    budget._refund(counted)
    assert spend(budget, 2.0) == 2.0
    assert spend(budget, 2.0) == 61.0
    assert budget.spent == 50


def test_a_call_that_was_not_counted_is_not_refunded() -> None:
    budget = Budget(calls=1)
    budget._pause(40.0, 0.0)
    budget._refund(budget._spend(budget._queue(), 0.0, Clock().now()))
    assert (budget.spent, budget.left) == (0, 1)


def test_slots_go_to_tickets_in_order() -> None:
    budget = full()
    tickets = [budget._queue() for _ in range(51)]
    assert {ask(budget, ticket, 1.0) for ticket in tickets[:50]} == {60.0}
    assert ask(budget, tickets[50], 1.0) == 120.0
    newcomer = budget._queue()
    assert ask(budget, newcomer, 60.0) > 60.0
    assert ask(budget, tickets[50], 60.0) > 60.0
    assert [ask(budget, ticket, 60.0) for ticket in reversed(tickets[:50])] == [60.0] * 50
    assert ask(budget, newcomer, 120.0) == 120.0


def test_free_slots_go_to_the_first_tickets() -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    for _ in range(25):
        spend(budget, 0.0)
    tickets = [budget._queue() for _ in range(51)]
    # 25 of them can go at once, 25 when the first calls are a minute old, and then one more.
    assert [ask(budget, tickets[place], 1.0) for place in (25, 49, 50)] == [60.0, 60.0, 61.0]


def test_a_place_that_is_left_goes_to_the_next() -> None:
    budget = full()
    tickets = [budget._queue() for _ in range(51)]
    budget._leave(tickets[7])
    assert ask(budget, tickets[50], 1.0) == 60.0
    assert budget.spent == 50


def test_leaving_twice_or_after_the_call_is_harmless() -> None:
    budget = Budget(calls=2)
    ticket = budget._queue()
    ask(budget, ticket, 0.0)
    budget._leave(ticket)
    budget._leave(ticket)
    budget._leave(Ticket())
    assert budget.spent == 1


def test_does_not_spend_before_a_pause_is_over() -> None:
    budget = Budget(calls=3)
    budget._pause(40.0, 0.0)
    assert spend(budget, 39.5) == 40.0
    assert spend(budget, 40.0) == 40.0
    assert budget.spent == 1


def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    budget = Budget(calls=3)
    budget._pause(40.0, 0.0)
    budget._pause(10.0, 0.0)
    assert spend(budget, 20.0) == 40.0


def test_threads_never_spend_more_than_the_budget() -> None:
    budget = Budget(calls=1000)
    counted = spend_in_threads(budget, 8)
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
def test_monthly_charge(plan: Plan, streams: int, dollars: str) -> None:
    assert plan.monthly_charge(streams) == Decimal(dollars)
