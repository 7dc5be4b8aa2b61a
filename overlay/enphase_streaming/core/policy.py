"""What to do after a window: the outcome and the time go in, a decision comes out."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import msgspec

from enphase_streaming.errors import (
    AuthenticationError,
    ConnectionFailed,
    EnphaseStreamingError,
    GatewayNotReportingError,
    NotAnEventStream,
    RateLimitError,
    ServiceUnavailableError,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)

_FIRST_BACKOFF = 2.0
_LONGEST_BACKOFF = 300.0
_STEADY = 30.0
"""Seconds of readings after which a failure counts as the first one again."""
_GATEWAY_PAUSE = 300.0
_RATE_LIMIT_PAUSE = 60.0
_CLOCK_MARGIN = 1.0
"""Seconds added to a moment that the server names: its clock is not ours."""
_MOST_EMPTY = 5

_RECOVERABLE = (
    StreamEndedEarly,
    StreamDropped,
    StreamStalled,
    NotAnEventStream,
    ServiceUnavailableError,
    GatewayNotReportingError,
)


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt went.

    `error` is None after a planned end. `readings` counts what the window brought, `steady` is
    how many seconds lie between the first and the last of them, `retry` the stream's last
    `retry:` in milliseconds.
    """

    error: EnphaseStreamingError | None
    readings: int = 0
    steady: float = 0.0
    retry: int | None = None


class OpenNext(msgspec.Struct, frozen=True):
    """Open the next window at once."""


class WaitUntil(msgspec.Struct, frozen=True):
    """Open the next window at `at` (monotonic); `everyone` on the same budget waits as well."""

    at: float
    everyone: bool = False


class RefreshThenOpen(msgspec.Struct, frozen=True):
    """Get a fresh token, then open the next window."""


class Stop(msgspec.Struct, frozen=True):
    """Open no more windows; raise `error` if there is one."""

    error: EnphaseStreamingError | None


Decision = OpenNext | WaitUntil | RefreshThenOpen | Stop


class OneWindow:
    """The policy of `live_data` and `snapshot`: one stream, and a second try with a fresh token."""

    def __init__(self) -> None:
        self._refreshed = False

    def decide(self, outcome: Outcome, at: float, now: datetime) -> Decision:
        """Return what to do next."""
        if _wants_refresh(outcome.error) and not self._refreshed:
            self._refreshed = True
            return RefreshThenOpen()
        return Stop(outcome.error)


class ManyWindows:
    """The policy of `watch`: window after window, with pauses that grow while it fails.

    `chance` gives numbers from 0 to 1, for the jitter.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._failures = 0
        self._empty = 0
        self._refreshed = False

    def decide(self, outcome: Outcome, at: float, now: datetime) -> Decision:
        """Return what to do next; `at` is monotonic seconds and `now` the same moment, aware."""
        error = outcome.error
        self._empty = 0 if outcome.readings else self._empty + 1
        if error is None or outcome.steady >= _STEADY:
            self._failures = 0
            self._refreshed = False
        if _wants_refresh(error) and not self._refreshed:
            self._refreshed = True
            return RefreshThenOpen()
        if error is None and self._empty < _MOST_EMPTY:
            return OpenNext()
        error = error or StreamStalled(f"The last {_MOST_EMPTY} windows brought no new reading.")
        if not _can_recover(error) or self._empty >= _MOST_EMPTY:
            return Stop(error)
        if isinstance(error, RateLimitError):
            return WaitUntil(at + _rate_limit_pause(error, now), everyone=True)
        if isinstance(error, GatewayNotReportingError):
            return WaitUntil(at + _GATEWAY_PAUSE)
        return WaitUntil(at + self._backoff(outcome.retry))

    def _backoff(self, retry: int | None) -> float:
        longest = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return max(self._chance() * longest, (retry or 0) / 1000)


def _wants_refresh(error: EnphaseStreamingError | None) -> bool:
    return isinstance(error, AuthenticationError) and error.status != "NOT_AUTHENTICATED"


def _can_recover(error: EnphaseStreamingError) -> bool:
    if isinstance(error, ConnectionFailed):
        return not error.untrusted
    if isinstance(error, RateLimitError):
        return error.period != "month"
    return isinstance(error, _RECOVERABLE)


def _rate_limit_pause(error: RateLimitError, now: datetime) -> float:
    if error.retry_at is None:
        return _RATE_LIMIT_PAUSE
    return max(0.0, (error.retry_at - now).total_seconds()) + _CLOCK_MARGIN
