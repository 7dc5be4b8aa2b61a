"""How many calls may be spent and how fast, and what they cost under Enphase's plans.

A budget counts each attempt before it is made, since Enphase does not say whether refused calls
are billed. It is safe to share between threads, tasks and any number of watches: shared, it is
the limit of a whole fleet. With a ledger, it is the limit of every process that uses that.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Self, get_args
from weakref import WeakSet

import msgspec

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
from enphase_streaming.errors import BudgetExhausted, InvalidArgument

READ_ON = date(2026, 7, 1)
"""The month in which Enphase's plan pages were read, as its first day."""
STREAM_PRICE = Decimal("0.10")
"""What each call that opens a stream costs on every plan, in dollars."""
_METHODS = ("spend", "refund", "finish", "pause", "balance")
"""Those of a `Ledger`."""
_UNLIMITED: Any = object()
"""What `Budget.unlimited` passes for `calls`."""


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


class Ticket(msgspec.Struct, eq=False, frozen=True):
    """A place in the queue for the next call, of a site; the budget issues them in order."""

    site: int = 0


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
            calls = _bought(dollars) if calls is None else positive("calls", calls)
        _check_plan(plan)
        _check_purse(per, name, ledger)
        self.plan: Plan | None = plan
        self.calls: int | None = calls
        self.per: Period | None = per
        self.name: str = name
        self.ledger: Ledger | None = ledger
        self._counts: Ledger = MemoryLedger() if ledger is None else ledger
        self._allowance = Allowance(
            name, calls, per, None if plan is None else plan.value.calls_per_minute
        )
        self._seen: Balance | None = Balance(0, calls) if ledger is None else None
        self._reset()
        _budgets.add(self)

    def _reset(self) -> None:
        """Begin without a queue, as in a forked child, and with a lock that no thread holds."""
        # Ordered. Each change is one step of the dict's, so that the queue needs no lock.
        self._tickets: dict[Ticket, None] = {}
        # Held while a ledger counts, which may take long: no event loop waits for it. Reentrant: a
        # signal handler may close another stream on this budget meanwhile.
        self._lock = threading.RLock()

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
        left = "" if seen.renews is None else f", {seen.left} left until {_moment(seen.renews)}"
        return f"<Budget{purse}: {seen.spent} calls {limit}{left}>"

    def balance(self) -> Balance:
        """Return what the purse has spent, read from the ledger; it may block.

        Raises:
            InvalidArgument: the ledger cannot be used.
            LedgerUnavailable: the ledger cannot be reached at the moment.
        """
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
    # With a ledger, all but `_queue` and `_leave` may block.

    def _queue(self, site: int = 0) -> Ticket:
        """Return a place in the queue for one call. Raises `BudgetExhausted` if none is left."""
        # A period may have ended meanwhile, and only the ledger knows.
        if self.per is None and self._seen is not None and self._seen.left == 0:
            raise self._exhausted()
        ticket = Ticket(site)
        self._tickets[ticket] = None
        return ticket

    def _leave(self, ticket: Ticket) -> None:
        """Give up a place in the queue. Harmless if its call was counted."""
        self._tickets.pop(ticket, None)

    def _spend(self, ticket: Ticket, at: float, now: datetime) -> Counted | Wait | UsedUp:
        """Count the call of `ticket`, unless it has to wait; `at` and `now` are the client's."""
        with self._lock:
            place = list(self._tickets).index(ticket)
            found = self._counts.spend(self._allowance, Call(ticket.site, place, at, now))
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
            text += f"; it renews at {_moment(renews)}"
        error = BudgetExhausted(f"{text}.")
        error.renews = renews
        return error


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _check_purse(per: object, name: object, ledger: object) -> None:
    if per is not None and per not in get_args(Period):
        raise InvalidArgument(f"per must be 'hour', 'day', 'month' or None, got {shown(per)}.")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InvalidArgument(f"name must be a printable str that is not empty, got {shown(name)}.")
    if ledger is not None and (
        isinstance(ledger, type)
        or not all(callable(getattr(ledger, name, None)) for name in _METHODS)
    ):
        raise InvalidArgument(
            "ledger must be a SqliteLedger, or an object with the methods of Ledger, got "
            f"{shown(ledger)}."
        )


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
    for budget in _budgets:
        budget._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
