"""Windows chained: the core of `watch`, and with one window the core of `live_data`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from enphase_streaming.core.budget import Budget
from enphase_streaming.core.ends import Reason, StreamEnd, reason_of
from enphase_streaming.errors import (
    AuthenticationError,
    BudgetExhausted,
    EnphaseStreamingError,
    call_back,
)
from enphase_streaming.core.exchange import Exchange
from enphase_streaming.core.policy import (
    Decision,
    OpenNext,
    Outcome,
    RefreshThenOpen,
    Stop,
    WaitUntil,
)
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.window import Window

_REMEMBERED = 10
"""How many events of a window are remembered, to know them again in the next."""

OnGap = Callable[[datetime, datetime, Exception], None]
OnWait = Callable[[float, Exception | None], None]

_log = logging.getLogger("enphase_streaming")


class Policy(Protocol):
    """Decides what follows a window."""

    def decide(self, outcome: Outcome, at: float, now: datetime) -> Decision:
        """Return what to do next."""
        ...


class Watch:
    """Opens windows as long as the policy and the budget want, never two at once.

    `window` makes the next one; it is given the exchange, and what to ask before a reading is
    handed over. `name` is the site's, for log lines. Between two calls of `open` and `next`
    nothing is under way; `end` is set when it is over.
    """

    def __init__(
        self,
        window: Callable[[Exchange, Callable[[Reading], bool]], Window],
        *,
        name: str,
        policy: Policy,
        budget: Budget | None,
        on_gap: OnGap | None = None,
        on_wait: OnWait | None = None,
        can_refresh: bool = False,
    ) -> None:
        self.end: StreamEnd | None = None
        self.exchange: Exchange
        self._make_window = window
        self._window: Window | None = None
        self._failure: EnphaseStreamingError | None = None
        self.name = name
        self._policy = policy
        self._budget = Budget.unlimited() if budget is None else budget
        self._on_gap = on_gap
        self._on_wait = on_wait
        self._can_refresh = can_refresh
        self._readings = self._malformed = 0
        self._sent_at: float | None = None
        # Their hashes: the texts would be a good part of what a stream holds.
        self._recent: list[int] = []
        self._earlier: frozenset[int] = frozenset()
        self._last_arrival: datetime | None = None
        self._gap: tuple[datetime, Exception] | None = None

    async def open(self) -> bool:
        """Have a stream open; False where the watch is over. Raises what cannot be mended."""
        try:
            return self._window is not None or await self._next_window()
        except Exception as error:
            self._finish(reason_of(error))
            raise

    async def next(self) -> Reading | None:
        """Return the next reading; None where the watch is over. Raises what cannot be mended."""
        try:
            while self._window is not None or await self._next_window():
                assert self._window is not None
                try:
                    reading = await self._window.next()
                    if reading is not None:
                        return reading
                    outcome = await self._hang_up(self._window, None)
                except EnphaseStreamingError as error:
                    outcome = await self._hang_up(self._window, error)
                await self._follow(outcome)
        except Exception as error:
            self._finish(reason_of(error))
            raise
        return None

    def stop(self) -> None:
        """End it now, unless it is over. Only while nobody is in `open` or `next`."""
        if self._window is not None:
            self._window.stop(self.exchange.monotonic())
        self._finish("stopped")

    def _finish(self, reason: Reason) -> None:
        if self.end is None:
            self._count()
            at = self.exchange.monotonic()
            elapsed = 0.0 if self._sent_at is None else at - self._sent_at
            self.end = StreamEnd(reason, elapsed, self._readings, self._malformed)

    def _count(self) -> None:
        if self._window is not None:
            self._readings += self._window.readings
            self._malformed += self._window.malformed
            self._window = None

    async def _next_window(self) -> bool:
        while self.end is None:
            try:
                outcome = await self._attempt()
            except BudgetExhausted as exhausted:
                if self._sent_at is not None and self._failure is None:
                    self._finish("budget")
                    break
                raise exhausted from self._failure
            if outcome is None:
                return True
            await self._follow(outcome)
        return False

    async def _attempt(self) -> Outcome | None:
        """Open one window, if there is a token and a call to spend; None where it is open."""
        ticket = self._budget.queue()
        try:
            refused = await self.exchange.authorize(afresh=False)
            if refused is not None:
                failed = _documented(refused.error)
                _log.info("%s: no token, %s.", self.name, failed)
                return Outcome(failed)
            at = self.exchange.monotonic()
            while (due := self._budget.spend(ticket, at)) > at:
                await self._pause(due, None)
                at = self.exchange.monotonic()
        finally:
            self._budget.leave(ticket)
        if self._sent_at is None:
            self._sent_at = at
        if self._recent:  # an attempt that brought nothing does not make the last window forgotten
            self._earlier = frozenset(self._recent)
            self._recent.clear()
        self._window = window = self._make_window(self.exchange, self._is_new)
        _log.info("%s: opening a stream, %s.", self.name, self._budget)
        try:
            await window.open(at)
        except EnphaseStreamingError as error:
            return await self._hang_up(window, error)
        return None

    async def _hang_up(self, window: Window, error: EnphaseStreamingError | None) -> Outcome:
        """See a window off that has ended."""
        if error is not None and error.of_callback:
            raise error
        assert window.end is not None
        self._count()
        _log.info("%s: %s, %s.", self.name, window.end, error or "as planned")
        await self.exchange.hang_up(window.end.reason)
        return Outcome(error, window.readings, window.steady, window.retry)

    async def _follow(self, outcome: Outcome) -> None:
        """Do what the policy wants after an attempt: wait, have another token, or be over."""
        decision = self._decide(outcome)
        if isinstance(decision, RefreshThenOpen):
            if not self._can_refresh:
                decision = Stop(outcome.error)
            else:
                decision = await self._refresh(outcome.error)
        if isinstance(decision, Stop):
            if decision.error is not None:
                raise _explained(decision.error)
            self._finish("planned")
            return
        self._failure = outcome.error
        if self._failure is not None and self._gap is None:
            self._gap = (self._last_arrival or self.exchange.now(), self._failure)
        # Without a call to wait for, the next attempt says at once that the budget is used up.
        if isinstance(decision, WaitUntil) and self._budget.left != 0:
            await self._wait(decision, outcome.error)

    def _decide(self, outcome: Outcome) -> Decision:
        return self._policy.decide(outcome, self.exchange.monotonic(), self.exchange.now())

    async def _refresh(self, error: EnphaseStreamingError | None) -> Decision:
        _log.info("%s: %s; refreshing the token.", self.name, error)
        while True:
            refused = await self.exchange.authorize(afresh=True)
            if refused is None:
                return OpenNext()
            failed = _documented(refused.error)
            failed.__cause__ = failed.__cause__ or error
            decision = self._decide(Outcome(failed))
            if not isinstance(decision, WaitUntil):
                return decision
            # Trying again means the refresh: a call with the refused token would be wasted.
            await self._wait(decision, failed)

    async def _wait(self, decision: WaitUntil, error: EnphaseStreamingError | None) -> None:
        if decision.everyone:
            self._budget.pause(decision.at)
        await self._pause(decision.at, error)

    async def _pause(self, until: float, error: EnphaseStreamingError | None) -> None:
        seconds = until - self.exchange.monotonic()
        _log.info("%s: next try in %.1f s.", self.name, seconds)
        if self._on_wait is not None:
            call_back(self._on_wait, seconds, error)
        await self.exchange.wait(until)

    def _is_new(self, reading: Reading) -> bool:
        """Note a reading that arrived; False if the window before had it already."""
        known = hash(reading.raw)
        self._recent.append(known)
        if len(self._recent) > _REMEMBERED:
            del self._recent[0]
        # Without a time of its own, a reading that reads the same can still be a new one.
        if known in self._earlier and (reading.epoch is not None or reading.utc is not None):
            return False
        self._last_arrival = reading.arrived
        if self._gap is not None:
            since, why = self._gap
            self._gap = None
            if self._on_gap is not None:
                call_back(self._on_gap, since, reading.arrived, why)
        return True


def _documented(error: Exception) -> EnphaseStreamingError:
    if isinstance(error, EnphaseStreamingError):
        return error
    raise error


def _explained(error: EnphaseStreamingError) -> EnphaseStreamingError:
    if isinstance(error, AuthenticationError) and error.status != "NOT_AUTHENTICATED":
        hint = (
            "If the token is fresh, the plan may lack streaming, or the owner's access control may "
            "refuse it."
        )
        error.args = (f"{error}. {hint}",)
    return error
