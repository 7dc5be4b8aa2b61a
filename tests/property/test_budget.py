"""No sequence of calls exceeds a budget or the calls a minute of its plan."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming import Budget, BudgetExhausted, Plan
from spending import ask

LIMIT = Plan.KILOWATT.value.calls_per_minute
# Sixteenths are exact in binary, so that a minute is a minute.
pauses = st.integers(0, 16 * 90).map(lambda sixteenths: sixteenths / 16)


@given(st.lists(st.tuples(pauses, st.integers(1, 80)), max_size=30))
def test_no_minute_holds_more_calls_than_the_plan_allows(
    bursts: list[tuple[float, int]],
) -> None:
    budget = Budget.unlimited(plan=Plan.KILOWATT)
    at, counted = 1000.0, list[float]()
    for pause, asked in bursts:
        at += pause
        for _ in range(asked):
            ticket = budget._queue()
            if ask(budget, ticket, at) == at:
                counted.append(at)
            budget._leave(ticket)
    assert budget.spent == len(counted)
    assert all(later - first >= 60 for first, later in zip(counted, counted[LIMIT:], strict=False))


@given(st.lists(st.tuples(pauses, st.integers(0, 80)), max_size=20), st.integers(1, 400))
def test_tickets_get_slots_in_order(arrivals: list[tuple[float, int]], calls: int) -> None:
    """Each ticket asks again when told to, and never waits for a later one."""
    budget = Budget(calls=calls, plan=Plan.KILOWATT)
    at, waiting, served = 0.0, list[tuple[float, int]](), list[tuple[int, float]]()
    tickets = []
    for pause, arriving in arrivals:
        at += pause
        for _ in range(arriving):
            tickets.append(budget._queue())
            waiting.append((at, len(tickets) - 1))
    at = 0.0
    while waiting:
        waiting.sort()
        due, number = waiting.pop(0)
        at = max(at, due)
        try:
            again = ask(budget, tickets[number], at)
        except BudgetExhausted:
            break
        if again == at:
            served.append((number, at))
        else:
            assert again > at
            waiting.append((again, number))
    assert len(served) == min(calls, len(tickets))
    assert [number for number, _ in served] == sorted(number for number, _ in served)
    times = [at for _, at in served]
    assert all(later - first >= 60 for first, later in zip(times, times[LIMIT:], strict=False))


@given(st.decimals("0.10", "1e20", places=2) | st.decimals("0.1", "1e9"))
def test_dollars_buy_as_many_calls_as_fit(dollars: Decimal) -> None:
    calls = Budget(dollars=dollars).calls
    assert calls is not None
    assert Fraction(calls, 10) <= Fraction(dollars) < Fraction(calls + 1, 10)


@given(st.integers(1, 10**12))
def test_dollars_as_a_float_buy_their_calls(calls: int) -> None:
    assert Budget(dollars=calls / 10).calls == calls
