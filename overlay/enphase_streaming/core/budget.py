"""How many calls may be spent, and how fast.

A budget is asked before every attempt and counts it before it is made, since nobody knows whether
a refused call is billed. It is safe to share between threads, tasks, and any number of watches:
shared, it is the limit of a whole fleet.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Self

from enphase_streaming.core.arguments import shown, whole_number
from enphase_streaming.errors import BudgetExhausted, InvalidArgument
from enphase_streaming.core.plans import STREAM_PRICE, Plan

_MINUTE = 60.0


class Ticket:
    """A place in the queue for the next call. The budget hands them out in order of asking."""


class Budget:
    """What may be spent: `Budget(calls=12)`, `Budget(dollars=0.30)` or `Budget.unlimited()`.

    Args:
        calls: how many calls, at least 1.
        dollars: how much, at $0.10 a call; floats are taken as they are written (0.30 is three
            calls), fractions of a call are not spent.
        plan: keeps to the plan's calls a minute.

    Raises `InvalidArgument` for anything else, and for a plan that cannot stream.
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
                "A budget takes calls=… or dollars=…, one of them. Use Budget.unlimited() for none."
            )
        self._start(_calls(calls) if calls is not None else _bought(dollars), plan)

    @classmethod
    def unlimited(cls, *, plan: Plan | None = None) -> Self:
        """A budget that counts, and never runs out."""
        budget = cls.__new__(cls)
        budget._start(None, plan)
        return budget

    def _start(self, calls: int | None, plan: Plan | None) -> None:
        if plan is not None and not isinstance(plan, Plan):
            names = ", ".join(f"Plan.{known.name}" for known in Plan)
            raise InvalidArgument(f"plan is {shown(plan)}; give one of {names}.")
        if plan is not None and not plan.value.streams:
            raise InvalidArgument(
                f"Plan.{plan.name} cannot stream; the plans that can are "
                + ", ".join(f"Plan.{known.name}" for known in Plan if known.value.streams)
                + "."
            )
        self.plan = plan
        self.calls = calls
        self._spent = 0
        self._lock = threading.Lock()
        self._queue: deque[Ticket] = deque()
        self._recent: deque[float] = deque()
        self._paused_until = -math.inf

    def __repr__(self) -> str:
        limit = "unlimited" if self.calls is None else f"of {self.calls}"
        return f"<Budget: {self._spent} calls {limit}>"

    @property
    def spent(self) -> int:
        """Calls counted so far, each attempt being one."""
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

    def queue(self) -> Ticket:
        """Take a place in the queue for one call. Raises `BudgetExhausted` if none is left."""
        with self._lock:
            self._check()
            ticket = Ticket()
            self._queue.append(ticket)
            return ticket

    def spend(self, ticket: Ticket, at: float) -> float:
        """Count the call of `ticket` and return `at`; or return when to ask again, later.

        `at` is monotonic seconds. Raises `BudgetExhausted`.
        """
        with self._lock:
            self._check()
            due = max(self._paused_until, self._slot(self._queue.index(ticket), at))
            if due > at:
                return due
            self._queue.remove(ticket)
            self._spent += 1
            if self.plan is not None:
                self._recent.append(at)
            return at

    def leave(self, ticket: Ticket) -> None:
        """Give a place in the queue back. Harmless if its call was counted."""
        with self._lock:
            if ticket in self._queue:
                self._queue.remove(ticket)

    def pause(self, until: float) -> None:
        """Let nobody on this budget spend before `until` (monotonic seconds)."""
        with self._lock:
            self._paused_until = max(self._paused_until, until)

    def _check(self) -> None:
        if self.calls is not None and self._spent >= self.calls:
            raise BudgetExhausted(
                f"All {self.calls} calls of the budget (${self.dollars_spent}) are spent."
            )

    def _slot(self, place: int, at: float) -> float:
        """When the call at `place` in the queue has its turn under the plan's limit."""
        if self.plan is None:
            return at
        while self._recent and self._recent[0] <= at - _MINUTE:
            self._recent.popleft()
        per_minute = self.plan.value.calls_per_minute
        ahead = place + len(self._recent) - per_minute
        if ahead < 0:
            return at
        # Each call frees its slot a minute later; those that nobody holds are taken now.
        minutes, index = divmod(ahead, per_minute)
        taken = self._recent[index] if index < len(self._recent) else at
        return taken + _MINUTE * (minutes + 1)


def _calls(calls: object) -> int:
    number = whole_number(calls)
    if number is None or number < 1:
        raise InvalidArgument(f"calls is {shown(calls)}; give an int of 1 or more.")
    return number


def _bought(dollars: object) -> int:
    amount: Decimal | None = None
    if isinstance(dollars, int | float | Decimal) and not isinstance(dollars, bool):
        with suppress(InvalidOperation, ValueError):
            amount = Decimal(str(dollars))
    if amount is None or not amount.is_finite() or amount < STREAM_PRICE:
        raise InvalidArgument(
            f"dollars is {shown(dollars)}; give at least {STREAM_PRICE}, the price of one call."
        )
    # As whole numbers, since a Decimal's division rounds, and may round up to a call too many.
    upper, lower = amount.as_integer_ratio()
    price_upper, price_lower = STREAM_PRICE.as_integer_ratio()
    return upper * price_lower // (lower * price_upper)
