"""What a budget allows and what counts its calls: the protocol, and the ledger in memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import msgspec

Period = Literal["hour", "day", "month"]
_MINUTE = 60.0


class Allowance(msgspec.Struct, frozen=True):
    """What a budget allows its purse.

    Args:
        purse: the name under which calls are counted.
        calls: the limit, for each period if there is one; None for no limit.
        per: the period after which the limit begins anew, at a boundary of UTC; None for never.
        calls_per_minute: the plan's limit, over all purses of the ledger; None for no limit.
    """

    purse: str = "default"
    calls: int | None = None
    per: Period | None = None
    calls_per_minute: int | None = None


class Balance(msgspec.Struct, frozen=True):
    """What a purse has spent of its allowance.

    Args:
        spent: calls counted in the present period, or ever without one.
        calls: the limit; None for no limit.
        renews: when the next period begins (aware UTC); None for never.
    """

    spent: int
    calls: int | None = None
    renews: datetime | None = None

    @property
    def left(self) -> int | None:
        """Calls that are left; None for no limit."""
        return None if self.calls is None else max(0, self.calls - self.spent)


class Call(msgspec.Struct, frozen=True):
    """A call that a watch is about to make.

    Args:
        site: the number of the site.
        place: how many calls wait before it in this process.
        at: the client's monotonic clock, in seconds.
        now: the client's wall clock, aware. A ledger that processes share has clocks of its own,
            and reads neither of these.
    """

    site: int
    place: int
    at: float
    now: datetime


class Counted(msgspec.Struct, frozen=True):
    """The call was counted and may be made; `attempt` is the ledger's number for it."""

    attempt: int
    balance: Balance


class Wait(msgspec.Struct, frozen=True):
    """The call was not counted: ask again in `seconds`."""

    seconds: float


class UsedUp(msgspec.Struct, frozen=True):
    """The call was not counted: none is left before `seconds` have passed, None for ever."""

    balance: Balance
    seconds: float | None = None


class Attempt(msgspec.Struct, frozen=True):
    """A call as a ledger keeps it, to check a bill against.

    Args:
        at: when it was counted (aware UTC).
        site: the number of the site.
        purse: the name of the budget.
        reason: how its stream ended; None if it has not, or its process was killed.
        readings: how many it brought; None where `reason` is.
    """

    at: datetime
    site: int
    purse: str
    reason: str | None = None
    readings: int | None = None


class Ledger(Protocol):
    """Counts calls for any number of threads, processes and machines.

    Methods may block, and are called on threads of their own, one at a time for each budget. They
    raise `LedgerUnavailable` where trying again may help. A `watch` then waits and tries again.
    """

    def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
        """Count a call durably if the allowance, the plan and a pause let it be made now.

        Counting and looking must be one step: no other process may count in between.
        """
        ...

    def refund(self, counted: Counted) -> None:
        """Take back a call that was counted and never sent."""
        ...

    def finish(self, counted: Counted, reason: str, readings: int) -> None:
        """Note how the stream of a counted call ended, and how many readings it brought."""
        ...

    def pause(self, seconds: float, at: float) -> None:
        """Let no call be made for `seconds`. `at` is the client's monotonic clock."""
        ...

    def balance(self, allowance: Allowance) -> Balance:
        """Return what the allowance's purse has spent."""
        ...


class MemoryLedger:
    """Counts the calls of one budget, which serializes the calls of these methods.

    It uses the clocks of the clients. Each period has a count of its own, so that a wall clock that
    jumps cannot refill one.
    """

    def __init__(self) -> None:
        self._spent: Counter[datetime | None] = Counter()
        self._renews: datetime | None = None
        self._attempts = 0
        self._recent: dict[int, float] = {}
        self._paused_until = -math.inf

    def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
        """Count a call if it may be made now."""
        if allowance.per is not None:
            _, self._renews = period_of(allowance.per, call.now)
        self._recent = {
            attempt: at for attempt, at in self._recent.items() if at > call.at - _MINUTE
        }
        balance, recent = self.balance(allowance), list(self._recent.values())
        refused = refusal(allowance, balance, call, recent=recent, paused_until=self._paused_until)
        if refused is not None:
            return refused
        self._attempts += 1
        self._spent[self._renews] += 1
        if allowance.calls_per_minute is not None:  # otherwise, no time needs to be remembered
            self._recent[self._attempts] = call.at
        return Counted(self._attempts, self.balance(allowance))

    def refund(self, counted: Counted) -> None:
        """Take back a call."""
        self._spent[counted.balance.renews] -= 1
        self._recent.pop(counted.attempt, None)

    def finish(self, counted: Counted, reason: str, readings: int) -> None:
        """Note nothing: memory keeps no rows."""

    def pause(self, seconds: float, at: float) -> None:
        """Let no call be made for `seconds`."""
        self._paused_until = max(self._paused_until, at + seconds)

    def balance(self, allowance: Allowance) -> Balance:
        """Return what was spent in the period of the last call."""
        return Balance(self._spent[self._renews], allowance.calls, self._renews)


def refusal(
    allowance: Allowance,
    balance: Balance,
    call: Call,
    *,
    recent: Sequence[float],
    paused_until: float,
) -> Wait | UsedUp | None:
    """Return why a call may not be made now, None if it may.

    Args:
        allowance: what the purse may spend.
        balance: what it has spent.
        call: the call, with the time on the ledger's clocks.
        recent: when the calls of the last 60 s were counted, in order, on the clock of `call.at`.
        paused_until: when a pause ends, on the clock of `call.at`.
    """
    if balance.left == 0:
        renews = balance.renews
        return UsedUp(balance, None if renews is None else (renews - call.now).total_seconds())
    due = max(paused_until, _slot(recent, call.place, allowance.calls_per_minute, call.at))
    return Wait(due - call.at) if due > call.at else None


def period_of(per: Period, now: datetime) -> tuple[datetime, datetime]:
    """Return when the period around `now` began and when the next begins, in UTC."""
    began = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if per == "hour":
        return began, began + timedelta(hours=1)
    began = began.replace(hour=0)
    if per == "day":
        return began, began + timedelta(days=1)
    began = began.replace(day=1)
    return began, (began + timedelta(days=32)).replace(day=1)


def _slot(recent: Sequence[float], place: int, per_minute: int | None, at: float) -> float:
    """Return when the call at `place` in the queue may be made under the plan's limit."""
    if per_minute is None:
        return at
    ahead = place + len(recent) - per_minute
    if ahead < 0:
        return at
    # Each call frees its slot a minute later; free slots are taken now.
    minutes, index = divmod(ahead, per_minute)
    taken = recent[index] if index < len(recent) else at
    return taken + _MINUTE * (minutes + 1)
