"""What a command will cost, said before it is spent, and what it has cost since."""

from __future__ import annotations

import sys
from typing import NamedTuple

from enphase_streaming.cli.exits import say
from enphase_streaming.core.budget import STREAM_PRICE, Budget, Plan
from enphase_streaming.errors import InvalidArgument

_DAY = 86_400


class Spending(NamedTuple):
    """What may be spent and has been. `what` is what it opens, `price` what that costs at most.

    `many` tells whether it chains windows.
    """

    budget: Budget
    what: str
    price: str
    many: bool
    mock: str | None

    @property
    def so_far(self) -> str:
        """The calls that were made, and their price."""
        return cost(self.budget.spent, free=self.mock is not None)

    @property
    def left(self) -> str:
        """The calls that are left, and their price; nothing to say where there is no limit."""
        left = self.budget.left
        if left is None or not self.many:
            return ""
        return f"{cost(left, free=self.mock is not None)} left".replace(", free", "")


def cost(calls: int, *, free: bool) -> str:
    """Return a number of calls and their price; those of a mock are free."""
    count = "1 call" if calls == 1 else f"{calls:,} calls"
    return f"{count}, {'free' if free else f'${STREAM_PRICE * calls:,.2f}'}"


def one_stream(*, can_refresh: bool, mock: str | None, plan: Plan | None = None) -> Spending:
    """Return what a single stream spends: a second call if the token has to be renewed first."""
    price = cost(1, free=False)
    if can_refresh:
        price += ", and a second one if the token is refused and renewed"
    budget = Budget(calls=2 if can_refresh else 1, plan=plan)
    return Spending(budget, "one stream", price, False, mock)


def many_streams(budget: Budget, *, duration: int, mock: str | None) -> Spending:
    """Return what a watch spends that may spend so much."""
    if budget.left is None:
        a_day = cost(-(-_DAY // duration), free=False)
        price = f"${STREAM_PRICE} each, and {a_day} a day in windows of {duration} s"
        return Spending(budget, "any number of streams", price, True, mock)
    what = "one stream" if budget.left == 1 else f"up to {budget.left:,} streams"
    at_most = "" if budget.left == 1 else " at most"
    return Spending(budget, what, cost(budget.left, free=False) + at_most, True, mock)


def agree(spending: Spending, *, yes: bool) -> None:
    """Say what it costs, and ask. A mock costs nothing.

    Raises `InvalidArgument` unless the answer is yes, or `yes` gave it beforehand.
    """
    what, mock = spending.what, spending.mock
    if mock is not None:
        say(f"This opens {what} of the mock at {mock}, which costs nothing.")
        return
    price = f"This opens {what} of the real API: {spending.price}."
    if yes:
        say(price)
        return
    if not sys.stdin.isatty():
        raise InvalidArgument(f"{price} Nobody is here to agree to that; give --yes to do so")
    print(f"{price} Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        say("")
        raise
    if not answer.endswith("\n"):
        say("")
    if answer.strip().lower() not in ("y", "yes"):
        raise InvalidArgument("Nothing was opened, and nothing was spent")
