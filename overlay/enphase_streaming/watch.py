"""Windows chained: the core of `watch`, and with one window the core of `live_data`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Protocol

import msgspec

from enphase_streaming.budget import Budget, Ticket
from enphase_streaming.ends import Reason, StreamEnd, reason_of
from enphase_streaming.errors import (
    AuthenticationError,
    BudgetExhausted,
    EnphaseStreamingError,
    call_back,
)
from enphase_streaming.policy import (
    Decision,
    OpenNext,
    Outcome,
    RefreshThenOpen,
    Stop,
    WaitUntil,
)
from enphase_streaming.reading import Reading
from enphase_streaming.steps import (
    Authorize,
    Begin,
    Failed,
    HangUp,
    Refresh,
    Result,
    Step,
    Steps,
    Stopped,
    Wait,
)
from enphase_streaming.window import Window

_REMEMBERED = 10
"""How many events of a window are remembered, to know them again in the next."""

OnGap = Callable[[datetime, datetime, Exception], None]

_log = logging.getLogger("enphase_streaming")


class Policy(Protocol):
    """Decides what follows a window."""

    def decide(self, outcome: Outcome, at: float, now: datetime) -> Decision:
        """Return what to do next."""
        ...


class Watch:
    """Opens windows as long as the policy and the budget want, never two at once.

    `window` makes the next one; it is given what to ask before a reading is handed over. `name` is
    the site's, for log lines. `end` is set when `run` has finished.
    """

    def __init__(
        self,
        window: Callable[[Callable[[Reading], bool]], Window],
        *,
        name: str,
        policy: Policy,
        budget: Budget | None,
        on_gap: OnGap | None = None,
        can_refresh: bool = False,
    ) -> None:
        self.end: StreamEnd | None = None
        self._make_window = window
        self.name = name
        self._policy = policy
        self._budget = Budget.unlimited() if budget is None else budget
        self._on_gap = on_gap
        self._can_refresh = can_refresh
        self._readings = self._malformed = 0
        self._sent_at: float | None = None
        # Their hashes: the texts would be a good part of what a stream holds.
        self._recent: list[int] = []
        self._earlier: frozenset[int] = frozenset()
        self._last_arrival: datetime | None = None
        self._gap: tuple[datetime, Exception] | None = None
        self._result: Result

    def run(self) -> Steps:
        """Run until the policy stops, the budget is used up, or the caller has enough."""
        reason: Reason = "stopped"
        stopped_at: float | None = None
        try:
            self._result = yield Begin()
            reason = yield from self._windows()
        except Stopped as stop:
            stopped_at = stop.at
            raise
        except Exception as error:
            reason = reason_of(error)
            raise
        finally:
            elapsed = 0.0
            if self._sent_at is not None:
                at = self._result.at if stopped_at is None else stopped_at
                elapsed = at - self._sent_at
            self.end = StreamEnd(reason, elapsed, self._readings, self._malformed)

    def _windows(self) -> Generator[Step, Result, Reason]:
        failure: EnphaseStreamingError | None = None
        while True:
            try:
                outcome = yield from self._attempt()
            except BudgetExhausted as exhausted:
                if self._sent_at is not None and failure is None:
                    return "budget"
                raise exhausted from failure
            decision = self._policy.decide(outcome, self._result.at, self._result.now)
            if isinstance(decision, RefreshThenOpen):
                if not self._can_refresh:
                    decision = Stop(outcome.error)
                else:
                    decision = yield from self._refresh(outcome.error)
            if isinstance(decision, Stop):
                if decision.error is None:
                    return "planned"
                raise _explained(decision.error)
            failure = outcome.error
            if failure is not None and self._gap is None:
                self._gap = (self._last_arrival or self._result.now, failure)
            # Without a call to wait for, the next attempt says at once that the budget is used up.
            if isinstance(decision, WaitUntil) and self._budget.left != 0:
                yield from self._wait(decision)

    def _attempt(self) -> Generator[Step, Result, Outcome]:
        """Open one window, if there is a token and a call to spend, and see it to its end."""
        ticket = self._budget.queue()
        try:
            self._result = yield Authorize()
            if isinstance(self._result.what, Failed):
                failed = _documented(self._result.what.error)
                _log.info("%s: no token, %s.", self.name, failed)
                return Outcome(failed)
            yield from self._pay(ticket)
        finally:
            self._budget.leave(ticket)
        if self._sent_at is None:
            self._sent_at = self._result.at
        if self._recent:  # an attempt that brought nothing does not make the last window forgotten
            self._earlier = frozenset(self._recent)
            self._recent.clear()
        window = self._make_window(self._is_new)
        _log.info("%s: opening a stream, %s.", self.name, self._budget)
        error: EnphaseStreamingError | None = None
        try:
            yield from window.run(self._result.at)
        except EnphaseStreamingError as caught:
            if caught.of_callback:
                raise
            error = caught
        finally:
            self._readings += window.readings
            self._malformed += window.malformed
            # In case an exception of the caller's own leaves from here.
            at = self._result.at + window.end.elapsed
            self._result = msgspec.structs.replace(self._result, at=at)
        _log.info("%s: %s, %s.", self.name, window.end, error or "as planned")
        self._result = yield HangUp(window.end.reason)
        return Outcome(error, window.readings, window.steady, window.retry)

    def _pay(self, ticket: Ticket) -> Generator[Step, Result, None]:
        while (due := self._budget.spend(ticket, self._result.at)) > self._result.at:
            self._result = yield Wait(due)

    def _refresh(self, error: EnphaseStreamingError | None) -> Generator[Step, Result, Decision]:
        _log.info("%s: %s; refreshing the token.", self.name, error)
        while True:
            self._result = yield Refresh()
            if not isinstance(self._result.what, Failed):
                return OpenNext()
            failed = _documented(self._result.what.error)
            failed.__cause__ = failed.__cause__ or error
            decision = self._policy.decide(Outcome(failed), self._result.at, self._result.now)
            if not isinstance(decision, WaitUntil):
                return decision
            # Trying again means the refresh: a call with the refused token would be wasted.
            yield from self._wait(decision)

    def _wait(self, decision: WaitUntil) -> Generator[Step, Result, None]:
        if decision.everyone:
            self._budget.pause(decision.at)
        _log.info("%s: next try in %.1f s.", self.name, decision.at - self._result.at)
        self._result = yield Wait(decision.at)

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
