"""Windows one after another: the core of `watch` and, limited to one window, of `live_data`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVarTuple

import msgspec

from enphase_streaming.core.arguments import DEFAULT_DURATION
from enphase_streaming.core.arrivals import Repetitions
from enphase_streaming.core.budget import Budget
from enphase_streaming.core.exchange import Exchange, Observer
from enphase_streaming.core.options import Options, StreamOptions
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.recovery import Outcome, Pause, Recovery, Refresh, Stop
from enphase_streaming.core.spending import Spending
from enphase_streaming.core.window import Window
from enphase_streaming.errors import (
    AuthenticationError,
    BudgetExhausted,
    ConnectionFailed,
    EnphaseStreamingError,
    LedgerUnavailable,
    MalformedEvent,
    Reason,
    Retry,
)

_Arguments = TypeVarTuple("_Arguments")

_log = logging.getLogger("enphase_streaming")


class StreamEnd(msgspec.Struct, frozen=True):
    """How a stream ended.

    `elapsed` is in seconds, from sending the first request; `readings` counts those delivered,
    `malformed` the events that were no JSON object. `reason` is `budget` where a watch used up
    its budget.
    """

    reason: Reason
    elapsed: float
    readings: int
    malformed: int


class Watch:
    """Opens windows as long as the recovery and the budget allow, one at a time.

    `advance` opens them; `ready` returns what came. `end` is set when it is over.

    Args:
        exchange: sends the requests.
        options: the client's.
        asked: what the caller asked for.
        recovery: decides what follows a window.
    """

    def __init__(
        self,
        exchange: Exchange,
        options: Options,
        asked: StreamOptions,
        recovery: Recovery | None = None,
    ) -> None:
        self.end: StreamEnd | None = None
        self.window: Window | None = None
        """The open window, which `ready` takes its events from."""
        self.observer: Observer | None = None
        self.asked: StreamOptions = asked
        self._name = f"Site {asked.system_id}"
        self._exchange = exchange
        self._options = options
        self._duration = DEFAULT_DURATION if asked.duration is None else asked.duration
        self._budget = Budget.unlimited() if asked.budget is None else asked.budget
        self._recovery = recovery or Recovery(once=asked.once)
        self._spending = Spending(
            exchange, self._budget, wait_for_next_period=asked.wait_for_next_period
        )
        self._failure: EnphaseStreamingError | None = None
        self._readings = self._new_readings = self._malformed = 0
        self._sent_at: float | None = None
        self._repetitions = Repetitions()
        self._last_arrival: datetime | None = None
        self._gap: tuple[datetime, Exception] | None = None

    async def advance(self) -> None:
        """Open a window, after closing the one that is over; or set `end`.

        Raises what cannot be recovered from.
        """
        try:
            window = self.window
            if window is not None and window.is_over and not window.events:
                await self._follow(await self._hang_up(window, window.failure))
            await self._open_window()
        except EnphaseStreamingError as error:
            self._finish(error.reason)
            raise

    def ready(self) -> Reading | None:
        """Return the next of the readings that have come, None if there is none."""
        window = self.window
        while window is not None and window.events:
            event = window.events.pop()
            if isinstance(event, MalformedEvent):
                self._skip(window, event)
            elif self._repetitions.is_new(event):
                self._new_readings += 1
                self._last_arrival = event.arrived
                if self._gap is not None:
                    self._report_gap(*self._gap, event)
                self._readings += 1
                return event
        return None

    def stop(self, *, finalizing: bool = False) -> None:
        """End it now, unless it is over. Call it only while `advance` is not running.

        `finalizing` leaves the attempt without an end in a ledger: the garbage collector must not
        start the thread that notes it.
        """
        if finalizing:
            self._spending.forget()
        self._finish("stopped")

    def _finish(self, reason: Reason) -> None:
        self._spending.end(reason, self._new_readings)
        if self.end is None:
            elapsed = 0.0
            if self._sent_at is not None:
                elapsed = self._exchange.monotonic() - self._sent_at
            self.end = StreamEnd(reason, elapsed, self._readings, self._malformed)
            self.window = None

    async def _open_window(self) -> None:
        while self.window is None and self.end is None:
            try:
                outcome = await self._attempt()
            except BudgetExhausted as exhausted:
                if self._sent_at is None or self._failure is not None:
                    raise exhausted from self._failure
                self._finish("budget")
            else:
                if outcome is not None:
                    await self._follow(outcome)

    async def _attempt(self) -> Outcome | None:
        """Open one window, if there is a token and a call to spend; None once it is open."""
        budget, exchange = self._budget, self._exchange
        ticket = budget._queue(self.asked.system_id)
        try:
            refused = await exchange.authorize(afresh=False)
            if refused is not None:
                error = self._documented(refused.error)
                _log.info("%s: no token, %s.", self._name, error)
                return Outcome(error)
            await self._spending.count(ticket, self._announce)
        except (LedgerUnavailable, ConnectionFailed) as error:
            if self.end is not None:  # raised by a callback
                raise
            _log.warning("%s: the call could not be counted. %s", self._name, error)
            return Outcome(error)
        except EnphaseStreamingError:
            raise
        except Exception:  # of the user's own auth, ledger or callback
            self._finish("error")
            raise
        finally:
            budget._leave(ticket)
        at = exchange.monotonic()
        if self._sent_at is None:
            self._sent_at = at
        self._repetitions.begin_window()
        self._new_readings = 0
        window = Window(exchange, self._options, self._duration, at, self.observer)
        _log.info("%s: opening a stream, %s.", self._name, budget)
        try:
            await window.open()
        except EnphaseStreamingError as error:
            if not window.sent:
                self._spending.refund()
            return await self._hang_up(window, error)
        self.window = window
        return None

    async def _hang_up(self, window: Window, error: EnphaseStreamingError | None) -> Outcome:
        self.window = None
        reason = "planned" if error is None else error.reason
        _log.info(
            "%s: %s after %.1f s, %s.", self._name, reason, window.elapsed, error or "no error"
        )
        self._spending.end(reason, self._new_readings)
        await self._exchange.hang_up(reason)
        if self.observer is not None:
            self.observer.ended(reason, self._exchange.monotonic())
        return Outcome(error, self._new_readings, window.arrivals.steady, window.retry)

    async def _follow(self, outcome: Outcome) -> None:
        """Do what the recovery decides after an attempt: wait, refresh the token, or finish."""
        decision = self._recovery.decide(outcome)
        if isinstance(decision, Refresh):
            if self._options.auth.can_refresh:
                decision = await self._refresh(outcome.error)
            else:
                decision = Stop(outcome.error)
        if isinstance(decision, Stop):
            if decision.error is not None:
                raise _explained(decision.error)
            self._finish("planned")
            return
        self._failure = outcome.error
        if self._failure is not None and self._gap is None:
            self._gap = (self._last_arrival or self._exchange.now(), self._failure)
        self._pause(decision)
        # With no call left to wait for, the next attempt reports at once that the budget is spent.
        if self.asked.wait_for_next_period or not self._budget._is_used_up(self._exchange.now()):
            await self._wait(decision, outcome.error)

    async def _refresh(self, error: EnphaseStreamingError | None) -> Pause | Stop:
        _log.info("%s: %s; refreshing the token.", self._name, error)
        while True:
            refused = await self._exchange.authorize(afresh=True)
            if refused is None:
                return Pause()
            failed = self._documented(refused.error)
            failed.__cause__ = failed.__cause__ or error
            decision = self._recovery.decide(Outcome(failed))
            if not isinstance(decision, Pause):
                return Stop(failed)
            self._pause(decision)
            # Only the refresh is retried: a call with the refused token would be wasted.
            await self._wait(decision, failed)

    def _documented(self, error: Exception) -> EnphaseStreamingError:
        """Return an exception of ours; one of the user's own `auth` ends the watch."""
        if isinstance(error, EnphaseStreamingError):
            return error
        self._finish("error")
        raise error

    async def _wait(self, decision: Pause, error: EnphaseStreamingError | None) -> None:
        if decision.seconds > 0:
            at = self._exchange.monotonic()
            self._announce(decision.seconds, error)
            await self._exchange.wait(at + decision.seconds)

    def _pause(self, decision: Pause) -> None:
        if decision.shared:
            self._spending.pause(decision.seconds, self._exchange.monotonic())

    def _announce(self, seconds: float, error: EnphaseStreamingError | None = None) -> None:
        _log.info("%s: next try in %.1f s.", self._name, seconds)
        if self.asked.on_wait is not None:
            self._call(self.asked.on_wait, seconds, error)

    def _skip(self, window: Window, malformed: MalformedEvent) -> None:
        self._malformed += 1
        _log.log(logging.WARNING if self._malformed == 1 else logging.DEBUG, "%s", malformed)
        if self.asked.on_malformed == "raise":
            window.events.clear()
            window.end(malformed)
        elif self.asked.on_malformed != "skip":
            self._call(self.asked.on_malformed, malformed)

    def _report_gap(self, since: datetime, why: Exception, reading: Reading) -> None:
        self._gap = None
        if self.asked.on_gap is not None:
            self._call(self.asked.on_gap, since, reading.arrived, why)

    def _call(self, callback: Callable[[*_Arguments], object], *arguments: *_Arguments) -> None:
        """Call what the caller gave; its exception ends the watch and leaves it unchanged."""
        try:
            callback(*arguments)
        except Exception as error:
            self._finish("error")
            if isinstance(error, StopIteration | StopAsyncIteration):
                # By itself it would end the caller's loop as if the stream were over.
                raise RuntimeError(f"A callback raised {type(error).__name__}.") from error
            raise


def _explained(error: EnphaseStreamingError) -> EnphaseStreamingError:
    if isinstance(error, AuthenticationError) and error.retry is Retry.REFRESH:
        hint = (
            "If the token is fresh, the plan may lack streaming, or the owner's access control may "
            "refuse it."
        )
        error.args = (f"{error}. {hint}",)
    return error
