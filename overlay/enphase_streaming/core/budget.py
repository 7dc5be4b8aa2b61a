"""How many calls may be spent, and how fast.

A budget counts each attempt before it is made, since Enphase does not say whether refused calls
are billed. It is safe to share between threads, tasks and any number of watches: shared, it is
the limit of a whole fleet. With a ledger, it is the limit of every process that uses that.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from decimal import Decimal
from typing import Any, Self, get_args
from weakref import WeakSet

from enphase_streaming.core.arguments import positive, shown
from enphase_streaming.core.ledger import (
    Allowance,
    Balance,
    Call,
    Counted,
    Ledger,
    MemoryLedger,
    Period,
    UsedUp,
    Wait,
)
from enphase_streaming.core.plans import STREAM_PRICE, Plan, calls_for, check_plan
from enphase_streaming.errors import BudgetExhausted, InvalidArgument

_UNLIMITED: Any = object()
"""What `Budget.unlimited` passes for `calls`."""


class Ticket:
    """A place in the queue for the next call."""


class Budget:
    """A limit on calls: `Budget(calls=12)`, `Budget(dollars=0.30)` or `Budget.unlimited()`.

    Without a ledger it counts in memory, for this process.

    Args:
        calls: how many calls, at least 1.
        dollars: how much, at $0.10 a call; floats are taken as written (0.30 is three calls),
            fractions of a call are not spent.
        plan: also keep to this plan's calls a minute.
        per: begin anew each `"hour"`, `"day"` or `"month"` of UTC; None for one limit for ever.
        name: the purse that calls are counted in. Budgets of one name share it on one ledger.
        ledger: counts instead, for every process that uses it, such as `SqliteLedger(path)`.

    Raises:
        InvalidArgument: for anything else, and for a plan that cannot stream.
    """

    def __init__(
        self,
        *,
        calls: int | None = None,
        dollars: float | Decimal | None = None,
        plan: Plan | None = None,
        per: Period | None = None,
        name: str = "default",
        ledger: Ledger | None = None,
    ) -> None:
        if (calls is None) == (dollars is None):
            raise InvalidArgument(
                "Budget takes either calls= or dollars=; for no limit use Budget.unlimited()."
            )
        if calls is _UNLIMITED:
            calls = None
        else:
            calls = calls_for(dollars) if calls is None else positive("calls", calls)
        check_plan(plan)
        _check_purse(per, name, ledger)
        self.plan: Plan | None = plan
        self.calls: int | None = calls
        self.per: Period | None = per
        self.name: str = name
        self.ledger: Ledger | None = ledger
        self._counts: Ledger = MemoryLedger() if ledger is None else ledger
        per_minute = None if plan is None else plan.value.calls_per_minute
        self._allowance = Allowance(name, calls, per, per_minute)
        self._seen: Balance | None = Balance(0, calls) if ledger is None else None
        self._reset()
        _budgets.add(self)

    @classmethod
    def unlimited(
        cls, *, plan: Plan | None = None, name: str = "default", ledger: Ledger | None = None
    ) -> Self:
        """Return a budget that counts, and never runs out."""
        return cls(calls=_UNLIMITED, plan=plan, name=name, ledger=ledger)

    def __repr__(self) -> str:
        purse = "" if self.name == "default" else f" {self.name!r}"
        limit = "unlimited" if self.calls is None else f"of {self.calls}"
        if self.per is not None:
            limit += " today" if self.per == "day" else f" this {self.per}"
        seen = self._seen
        if seen is None:
            return f"<Budget{purse}: calls {limit}, not yet read from {self.ledger!r}>"
        text = f"{seen.spent} calls {limit}"
        if seen.renews is not None:
            text += f", {seen.left} left until {seen.renews:%Y-%m-%d %H:%M} UTC"
        return f"<Budget{purse}: {text}>"

    def balance(self) -> Balance:
        """Return what the purse has spent, read from the ledger; it may block.

        Raises:
            InvalidArgument: the ledger cannot be used.
            LedgerUnavailable: the ledger cannot be reached at the moment.
        """
        with self._lock:
            self._seen = found = self._counts.balance(self._allowance)
        return found

    @property
    def spent(self) -> int:
        """Calls counted so far, in this period if there is one; each attempt is one.

        With a ledger, as it was when a call was last counted here. The first time, `balance` reads
        it.
        """
        return (self._seen or self.balance()).spent

    @property
    def left(self) -> int | None:
        """Calls that are left; None if unlimited. As fresh as `spent`."""
        return (self._seen or self.balance()).left

    @property
    def dollars_spent(self) -> Decimal:
        """What the calls so far cost at most, in dollars; refused ones may be free."""
        return self.spent * STREAM_PRICE

    @property
    def dollars_left(self) -> Decimal | None:
        """What is left, in dollars; None if unlimited."""
        return None if self.left is None else self.left * STREAM_PRICE

    # The rest is for the core, which queues before it asks for a token and spends before it sends.
    # With a ledger, what takes the lock may block.

    def _reset(self) -> None:
        """Begin without a queue, as in a forked child, and with a lock that no thread holds."""
        # The queue, and the site of each call. A dict keeps the order, and its changes are atomic.
        self._tickets: dict[Ticket, int] = {}
        # Held while a ledger counts, which may take long: no event loop waits for it. Reentrant: a
        # signal handler may close another stream on this budget meanwhile.
        self._lock = threading.RLock()

    def _queue(self, site: int = 0) -> Ticket:
        """Return a place in the queue for one call. Raises `BudgetExhausted` if none is left."""
        # A period may have ended meanwhile, and only the ledger knows.
        if self.per is None and self._seen is not None and self._seen.left == 0:
            raise self._exhausted()
        ticket = Ticket()
        self._tickets[ticket] = site
        return ticket

    def _leave(self, ticket: Ticket) -> None:
        """Give up a place in the queue. Harmless if its call was counted."""
        self._tickets.pop(ticket, None)

    def _spend(self, ticket: Ticket, at: float, now: datetime) -> Counted | Wait | UsedUp:
        """Count the call of `ticket`, unless it has to wait; `at` and `now` are the client's."""
        with self._lock:
            place = list(self._tickets).index(ticket)
            call = Call(self._tickets[ticket], place, at, now)
            found = self._counts.spend(self._allowance, call)
            if not isinstance(found, Wait):
                self._seen = found.balance
            if isinstance(found, Counted):
                self._leave(ticket)
            return found

    def _refund(self, found: Counted | Wait | UsedUp) -> None:
        """Take back a call that was counted and never sent."""
        if isinstance(found, Counted):
            with self._lock:
                self._counts.refund(found)
                self.balance()

    def _finish(self, counted: Counted, reason: str, readings: int) -> None:
        """Note how the stream of a counted call ended."""
        with self._lock:
            self._counts.finish(counted, reason, readings)

    def _pause(self, seconds: float, at: float) -> None:
        """Pause spending for `seconds` from `at` (monotonic)."""
        with self._lock:
            self._counts.pause(seconds, at)

    def _is_used_up(self, now: datetime) -> bool:
        """Return whether no call is left, unless the period has ended meanwhile."""
        seen = self._seen
        if seen is None or seen.left != 0:
            return False
        return seen.renews is None or now < seen.renews

    def _exhausted(self) -> BudgetExhausted:
        text = f"All {self.calls} calls of the budget (${self.dollars_spent}) are spent"
        renews = None if self._seen is None else self._seen.renews
        if renews is not None:
            text += f"; it renews at {renews:%Y-%m-%d %H:%M} UTC"
        error = BudgetExhausted(f"{text}.")
        error.renews = renews
        return error


def _check_purse(per: object, name: object, ledger: object) -> None:
    if per is not None and per not in get_args(Period):
        raise InvalidArgument(f"per must be 'hour', 'day', 'month' or None, got {shown(per)}.")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InvalidArgument(f"name must be a printable str that is not empty, got {shown(name)}.")
    methods = ("spend", "refund", "finish", "pause", "balance")
    if ledger is not None and (
        isinstance(ledger, type)
        or not all(callable(getattr(ledger, each, None)) for each in methods)
    ):
        raise InvalidArgument(
            "ledger must be a SqliteLedger, or an object with the methods of Ledger, got "
            f"{shown(ledger)}."
        )


_budgets: WeakSet[Budget] = WeakSet()


def _after_fork() -> None:
    for budget in _budgets:
        budget._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
