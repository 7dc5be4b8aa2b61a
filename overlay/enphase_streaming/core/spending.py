"""The attempts of one watch: each counted on a budget before it is made, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from enphase_streaming.core.budget import Budget, Ticket
from enphase_streaming.core.exchange import Exchange
from enphase_streaming.core.ledger import Counted, UsedUp

_LONGEST_WAIT = 300.0
"""Seconds after which a budget is asked again: the wall clock of a ledger may be set meanwhile."""


class Spending:
    """Counts attempts, one at a time. A ledger may block, and does so outside the core.

    Args:
        exchange: the watch's.
        budget: counts.
        wait_for_next_period: wait where a period's calls are used up, instead of raising.
    """

    def __init__(self, exchange: Exchange, budget: Budget, *, wait_for_next_period: bool) -> None:
        self._exchange = exchange
        self._budget = budget
        self._wait_for_next_period = wait_for_next_period
        self._counted: Counted | None = None
        """The attempt that is under way."""

    async def count(self, ticket: Ticket, announce: Callable[[float], None]) -> None:
        """Count the call of `ticket` as soon as plan, pauses and, if asked, the period allow it.

        `announce` is called before each wait with its seconds. A count whose caller leaves before
        this returns is taken back.

        Raises:
            BudgetExhausted: if no call is left.
            LedgerUnavailable: if it cannot be counted now.
        """
        budget, exchange = self._budget, self._exchange
        announced = -math.inf
        while True:
            work = partial(budget._spend, ticket, exchange.monotonic(), exchange.now())
            if budget.ledger is None:
                found = work()
            else:
                found = await exchange.run(work, undo=budget._refund)
            if isinstance(found, Counted):
                self._counted = found
                return
            seconds = found.seconds
            is_over = isinstance(found, UsedUp) and not self._wait_for_next_period
            if is_over or seconds is None:
                raise budget._exhausted()
            at = exchange.monotonic()
            if abs(at + seconds - announced) > 1.0:
                announced = at + seconds
                announce(seconds)
            await exchange.wait(at + min(seconds, _LONGEST_WAIT))

    def refund(self) -> None:
        """Take back the attempt, which was never sent."""
        if self._counted is not None:
            self._tell(partial(self._budget._refund, self._counted))
            self._counted = None

    def end(self, reason: str, readings: int) -> None:
        """Note how the stream of the attempt ended, if one is under way."""
        if self._counted is not None:
            self._tell(partial(self._budget._finish, self._counted, reason, readings))
            self._counted = None

    def forget(self) -> None:
        """Leave the attempt without an end."""
        self._counted = None

    def pause(self, seconds: float, at: float) -> None:
        """Pause every watch on the ledger for `seconds` from `at` (monotonic)."""
        self._tell(partial(self._budget._pause, seconds, at))

    def _tell(self, work: Callable[[], None]) -> None:
        if self._budget.ledger is None:
            work()
        else:
            self._exchange.later(work)
