"""How many calls may be spent and how fast, and what they cost under Enphase's plans.

A budget counts each attempt before it is made, since Enphase does not say whether refused calls
are billed. It is safe to share between threads, tasks and any number of watches: shared, it is
the limit of a whole fleet.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Self
from weakref import WeakSet

import msgspec

from enphase_streaming.core.arguments import positive, shown
from enphase_streaming.errors import BudgetExhausted, InvalidArgument

READ_ON = date(2026, 7, 1)
"""The month in which Enphase's plan pages were read, as its first day."""
STREAM_PRICE = Decimal("0.10")
"""What each call that opens a stream costs on every plan, in dollars."""
_MINUTE = 60.0


class PlanTerms(msgspec.Struct, frozen=True):
    """What a plan allows, and charges.

    `monthly_fee` and `call_price` (for each call past `free_calls` in a month) are in dollars,
    `calls_per_minute` and `calls_per_month` are limits, `streams` tells whether it may stream.
    """

    monthly_fee: Decimal
    calls_per_minute: int
    calls_per_month: int
    streams: bool
    free_calls: int = 0
    call_price: Decimal = Decimal(0)


class Plan(Enum):
    """A plan of the developer portal. `Plan.KILOWATT.value` holds its terms."""

    WATT = PlanTerms(Decimal(0), 10, 1_000, streams=False)
    KILOWATT = PlanTerms(Decimal(249), 50, 50_000, streams=True)
    MEGAWATT = PlanTerms(Decimal(999), 100, 300_000, streams=True)
    PARTNER = PlanTerms(
        Decimal(0), 300, 1_500_000, streams=True, free_calls=10_000, call_price=Decimal("0.005")
    )

    def monthly_charge(self, streams: int) -> Decimal:
        """Return what a month with `streams` calls that opened a stream costs, in dollars.

        Counts a stream as a call as well, where the plan charges for calls.
        """
        terms = self.value
        billed = max(0, streams - terms.free_calls)
        return terms.monthly_fee + streams * STREAM_PRICE + billed * terms.call_price


class Ticket:
    """A place in the queue for the next call; the budget issues them in order of asking."""


class Budget:
    """A limit on calls: `Budget(calls=12)`, `Budget(dollars=0.30)` or `Budget.unlimited()`.

    Args:
        calls: how many calls, at least 1.
        dollars: how much, at $0.10 a call; floats are taken as written (0.30 is three calls),
            fractions of a call are not spent.
        plan: also keep to this plan's calls a minute.

    Raises:
        InvalidArgument: for anything else, and for a plan that cannot stream.
    """

    def __init__(
        self,
        *,
        calls: int | None = None,
        dollars: float | Decimal | None = None,
        plan: Plan | None = None,
    ) -> None:
        if (calls is None) == (dollars is None):
            raise InvalidArgument(
                "Budget takes either calls= or dollars=; for no limit use Budget.unlimited()."
            )
        self._start(_bought(dollars) if calls is None else positive("calls", calls), plan)

    @classmethod
    def unlimited(cls, *, plan: Plan | None = None) -> Self:
        """Return a budget that counts, and never runs out."""
        budget = cls.__new__(cls)
        budget._start(None, plan)
        return budget

    def _start(self, calls: int | None, plan: Plan | None) -> None:
        _check_plan(plan)
        self.plan = plan
        self.calls = calls
        self._spent = 0
        self._recent: deque[float] = deque()
        self._paused_until = -math.inf
        self._reset_queue()
        _budgets.add(self)

    def _reset_queue(self) -> None:
        # Reentrant: the garbage collector may finalize a watch here, which leaves the queue.
        self._lock = threading.RLock()
        self._tickets: deque[Ticket] = deque()

    def __repr__(self) -> str:
        limit = "unlimited" if self.calls is None else f"of {self.calls}"
        return f"<Budget: {self._spent} calls {limit}>"

    @property
    def spent(self) -> int:
        """Calls counted so far; each attempt is one."""
        return self._spent

    @property
    def left(self) -> int | None:
        """Calls that are left; None if unlimited."""
        return None if self.calls is None else self.calls - self._spent

    @property
    def dollars_spent(self) -> Decimal:
        """What the calls so far cost at most, in dollars: refused ones may be free."""
        return self._spent * STREAM_PRICE

    @property
    def dollars_left(self) -> Decimal | None:
        """What is left, in dollars; None if unlimited."""
        return None if self.left is None else self.left * STREAM_PRICE

    # The rest is for the core, which queues before it asks for a token and spends before it sends.

    def _queue(self) -> Ticket:
        """Return a place in the queue for one call. Raises `BudgetExhausted` if none is left."""
        with self._lock:
            self._check()
            ticket = Ticket()
            self._tickets.append(ticket)
            return ticket

    def _spend(self, ticket: Ticket, at: float) -> float:
        """Count the call of `ticket` and return `at` (monotonic); or return when to ask again.

        Raises `BudgetExhausted`.
        """
        with self._lock:
            self._check()
            due = max(self._paused_until, self._slot(self._tickets.index(ticket), at))
            if due > at:
                return due
            self._tickets.remove(ticket)
            self._spent += 1
            if self.plan is not None:
                self._recent.append(at)
            return at

    def _refund(self, at: float) -> None:
        """Take back a call that was counted `at` and never sent."""
        with self._lock, suppress(ValueError):
            self._spent -= 1
            self._recent.remove(at)

    def _leave(self, ticket: Ticket) -> None:
        """Give up a place in the queue. Harmless if its call was counted."""
        with self._lock, suppress(ValueError):
            self._tickets.remove(ticket)

    def _pause(self, until: float) -> None:
        """Pause spending until `until` (monotonic seconds)."""
        with self._lock:
            self._paused_until = max(self._paused_until, until)

    def _check(self) -> None:
        if self.calls is not None and self._spent >= self.calls:
            raise BudgetExhausted(
                f"All {self.calls} calls of the budget (${self.dollars_spent}) are spent."
            )

    def _slot(self, place: int, at: float) -> float:
        """Return when the call at `place` in the queue may be made under the plan's limit."""
        if self.plan is None:
            return at
        while self._recent and self._recent[0] <= at - _MINUTE:
            self._recent.popleft()
        per_minute = self.plan.value.calls_per_minute
        ahead = place + len(self._recent) - per_minute
        if ahead < 0:
            return at
        # Each call frees its slot a minute later; free slots are taken now.
        minutes, index = divmod(ahead, per_minute)
        taken = self._recent[index] if index < len(self._recent) else at
        return taken + _MINUTE * (minutes + 1)


def _check_plan(plan: object) -> None:
    if plan is None or (isinstance(plan, Plan) and plan.value.streams):
        return
    given = f"Plan.{plan.name}" if isinstance(plan, Plan) else shown(plan)
    able = ", ".join(f"Plan.{known.name}" for known in Plan if known.value.streams)
    raise InvalidArgument(f"plan must be one that can stream ({able}), got {given}.")


def _bought(dollars: object) -> int:
    amount: Decimal | None = None
    if isinstance(dollars, int | float | Decimal) and not isinstance(dollars, bool):
        with suppress(InvalidOperation, ValueError):
            amount = Decimal(str(dollars))
    if amount is None or not amount.is_finite() or amount < STREAM_PRICE:
        raise InvalidArgument(
            f"dollars must be a number of at least {STREAM_PRICE}, the price of one call, got "
            f"{shown(dollars)}."
        )
    # In whole numbers: a Decimal division may round up to a call too many.
    upper, lower = amount.as_integer_ratio()
    price_upper, price_lower = STREAM_PRICE.as_integer_ratio()
    return upper * price_lower // (lower * price_upper)


_budgets: WeakSet[Budget] = WeakSet()


def _after_fork() -> None:
    """Drop the parent's queue, and a lock that one of its threads may have held."""
    for budget in _budgets:
        budget._reset_queue()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
