"""What a command costs: confirmed before it is spent, and counted since."""

from __future__ import annotations

import sys
from typing import NamedTuple

from enphase_streaming.cli.exit_codes import say
from enphase_streaming.cli.formatting import count, local
from enphase_streaming.core.budget import Budget
from enphase_streaming.core.plans import STREAM_PRICE, Plan
from enphase_streaming.errors import InvalidArgument

_PERIODS = {"hour": " this hour", "day": " today", "month": " this month"}
_DAY = 86_400


class Spending(NamedTuple):
    """The budget of a command. `streams` and `price` say what it can spend at most.

    `mock` is the host of a mock, which costs nothing. `many` is true for a watch.
    """

    budget: Budget
    streams: str
    price: str
    mock: str | None
    many: bool = True

    @property
    def spent(self) -> str:
        """The calls that were made, in this period if there is one, and their price."""
        return cost(self.budget.spent, free=self.mock is not None, period=self.period)

    @property
    def period(self) -> str:
        """The present period of the budget, such as ` today`; empty without one."""
        return _PERIODS.get(self.budget.per or "", "")

    @property
    def left(self) -> str:
        """The calls that a watch has left, and their price; empty without a limit."""
        if self.budget.left is None or not self.many:
            return ""
        left = count(self.budget.left, "call") + self.period
        price = "" if self.mock is not None else f", ${STREAM_PRICE * self.budget.left:,.2f}"
        return f"{left}{price} left"


def cost(calls: int, *, free: bool, period: str = "") -> str:
    """Return a number of calls and their price; those of a mock are free."""
    return f"{count(calls, 'call')}{period}, {'free' if free else f'${STREAM_PRICE * calls:,.2f}'}"


def one_stream(
    can_refresh: bool, mock: str | None, plan: Plan | None = None, budget: Budget | None = None
) -> Spending:
    """Return the spending of one stream: with tokens that renew, up to two calls.

    `budget` is one that renews, and limits the calls of other streams as well.
    """
    price = cost(1, free=False)
    if can_refresh:
        price += ", or 2 calls if the token has to be renewed"
    budget = budget or Budget(calls=2 if can_refresh else 1, plan=plan)
    return Spending(budget, "one stream", price, mock, many=False)


def many_streams(budget: Budget, duration: int, mock: str | None) -> Spending:
    """Return the spending of a watch whose streams last `duration` seconds."""
    if budget.left is None:
        a_day = cost(-(-_DAY // duration), free=False)
        price = f"${STREAM_PRICE} each, up to {a_day} a day with streams of {duration} s"
        return Spending(budget, "any number of streams", price, mock)
    if budget.left == 1:
        return Spending(budget, "one stream", cost(1, free=False), mock)
    price = f"{cost(budget.left, free=False)} at most"
    return Spending(budget, f"up to {budget.left:,} streams", price, mock)


def confirm(spending: Spending, *, yes: bool) -> None:
    """Print the cost and ask for confirmation, unless it is free or `yes` confirms it."""
    balance = spending.budget.balance()
    if balance.left == 0:  # the first call will be refused
        return
    if spending.mock is not None:
        say(f"This opens {spending.streams} of the mock at {spending.mock}, which costs nothing.")
        return
    price = f"This opens {spending.streams} of the real API: {spending.price}."
    if balance.renews is not None:
        left = f"{balance.left:,} of {count(balance.calls or 0, 'call')}{spending.period}"
        price += f" {left} are left, until {local(balance.renews):%Y-%m-%d %H:%M}."
    if yes:
        say(price)
        return
    if not sys.stdin.isatty():
        raise InvalidArgument(f"{price} Not a terminal: pass --yes to confirm the cost.")
    print(f"{price} Continue? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        say("")
    if answer.strip().lower() not in ("y", "yes"):
        raise InvalidArgument("Cancelled: no stream was opened, and nothing was spent.")
