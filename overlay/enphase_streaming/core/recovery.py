"""What follows a window of a watch: the outcome goes in, a decision comes out."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from enphase_streaming.errors import (
    EnphaseStreamingError,
    LedgerUnavailable,
    RateLimitError,
    Retry,
    StreamStalled,
)

_FIRST_BACKOFF = 2.0
_LONGEST_BACKOFF = 300.0
_SLOW_PAUSE = 300.0
_RATE_LIMIT_PAUSE = 60.0
_RATE_LIMIT_MARGIN = 1.0
"""Seconds added to the moment at which the API takes calls again."""
_STEADY = 30.0
"""Seconds of readings after which a failure counts as the first one again."""
_MOST_EMPTY = 5


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt went.

    `error` is None after a planned end. `readings` counts the new ones, `steady` is how many
    seconds lie between the first and the last of all, `retry` the stream's last `retry:` in
    milliseconds.
    """

    error: EnphaseStreamingError | None
    readings: int = 0
    steady: float = 0.0
    retry: int | None = None


class Pause(msgspec.Struct, frozen=True):
    """Open the next window in `seconds`; `shared` if all watches on the budget wait."""

    seconds: float = 0.0
    shared: bool = False


class Refresh(msgspec.Struct, frozen=True):
    """Get a new token, then open the next window."""


class Stop(msgspec.Struct, frozen=True):
    """Open no more windows; raise `error` if there is one."""

    error: EnphaseStreamingError | None


Decision = Pause | Refresh | Stop


class Recovery:
    """Decides what follows a window.

    Args:
        once: `live_data`, which opens one window and retries only with a refreshed token.
        chance: returns numbers from 0 to 1, for the jitter.
    """

    def __init__(self, *, once: bool = False, chance: Callable[[], float] = random.random) -> None:
        self.once = once
        self._chance = chance
        self._backoff = _FIRST_BACKOFF
        self._empty = 0
        self._refreshed = False

    def decide(self, outcome: Outcome) -> Decision:
        """Return what to do after a window, or after an attempt at one."""
        error = outcome.error
        if isinstance(error, LedgerUnavailable) and not self.once:
            # Nothing was asked of the API, and nothing is spent by waiting.
            return self._retry(error, None)
        self._empty = 0 if outcome.readings else self._empty + 1
        if error is None or outcome.steady >= _STEADY:
            self._backoff = _FIRST_BACKOFF
            self._refreshed = False
        if error is not None and error.retry is Retry.REFRESH and not self._refreshed:
            self._refreshed = True
            return Refresh()
        if self.once:
            return Stop(error)
        if self._empty >= _MOST_EMPTY:
            return Stop(
                error or StreamStalled(f"The last {_MOST_EMPTY} windows brought no new reading.")
            )
        if error is None:
            return Pause()
        return self._retry(error, outcome.retry)

    def _retry(self, error: EnphaseStreamingError, retry: int | None) -> Decision:
        match error.retry:
            case Retry.BACKOFF:
                longest = self._backoff
                self._backoff = min(_LONGEST_BACKOFF, 2.0 * longest)
                return Pause(max(self._chance() * longest, (retry or 0) / 1000))
            case Retry.SLOWLY:
                return Pause(_SLOW_PAUSE)
            case Retry.PERIOD:
                asked = error.retry_in if isinstance(error, RateLimitError) else None
                pause = _RATE_LIMIT_PAUSE if asked is None else asked + _RATE_LIMIT_MARGIN
                return Pause(pause, shared=True)
            case _:
                return Stop(error)
