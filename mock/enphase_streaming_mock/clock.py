"""The mock's time: real, faster, or moved by hand.

Client and mock take the same clock, so both agree on how long a stream lasted. At speed N a client
that measured by the real clock would see a 30-second window end after 30/N seconds, and call that
early.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

# At this speed an event is due every millisecond; beyond it a socket cannot follow.
_FASTEST = 1_000.0
# A clock moved by hand crosses a longer gap than this in strides, in seconds: the next one when the
# clock was looked at, as watchdogs do, or when nobody did for so long in real time.
_LEAP = 10.0
_STRIDE = 2.0
_UNWATCHED = 0.1
# How often whoever waits meanwhile tries the next stride, in real seconds.
_NAP = 0.005


class Clock(Protocol):
    """Two readings of one time, and how long to wait for a moment of it."""

    start: datetime

    def monotonic(self) -> float:
        """Seconds since this clock was made."""

    def now(self) -> datetime:
        """The date and time in UTC, aware; it advances exactly as `monotonic` does."""

    def delay(self, moment: float) -> float:
        """Real seconds until `monotonic()` reaches `moment`; negative once that has passed."""

    def pull(self, moment: float) -> float:
        """As `delay`, for a client without a socket, whose waiting may itself move the clock."""

    def on_advance(self, waiter: object, wake: Callable[[], None] | None) -> None:
        """Call `wake` whenever somebody has moved the clock; None ends that for `waiter`."""


class ScaledClock:
    """Real time, or `speed` times as fast, from 0.001 to 1,000.

    `start` is the date and time that the clock begins with (aware); the present when left out.
    """

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        self.speed = _checked(speed)
        self.start = _in_utc(start)
        self._began = time.monotonic()
        self._before = 0.0

    def set_speed(self, speed: float) -> None:
        """Go on at another speed from here. Raises ValueError for one out of range."""
        speed = _checked(speed)
        self._before, self._began = self.monotonic(), time.monotonic()
        self.speed = speed

    def monotonic(self) -> float:
        """Seconds of this clock since it was made."""
        return self._before + (time.monotonic() - self._began) * self.speed

    def now(self) -> datetime:
        """The date and time of this clock, in UTC."""
        return self.start + timedelta(seconds=self.monotonic())

    def delay(self, moment: float) -> float:
        """Real seconds until `monotonic()` reaches `moment`; negative once that has passed."""
        return (moment - self.monotonic()) / self.speed

    def real(self, moment: float) -> float:
        """The reading of `time.monotonic()` at which `monotonic()` reaches `moment`."""
        return self._began + (moment - self._before) / self.speed

    def pull(self, moment: float) -> float:
        """As `delay`: waiting does not make this clock any faster."""
        return self.delay(moment)

    def on_advance(self, waiter: object, wake: Callable[[], None] | None) -> None:
        """Do nothing: nobody moves this clock."""


class HandClock:
    """Time that stands still until it is moved; for the transport door only.

    `advance` moves it. With `pulled`, so does a client that waits for the next bytes: the clock is
    then at the moment that they are due, and a window of 300 seconds takes milliseconds. A gap
    above ten seconds, and a silence that nothing ends, passes in strides of two seconds, each when
    the clock was looked at, so that a client's watchdog finds it. Several streams at once pull one
    clock: whichever is ahead moves it for all.

    `start` is the date and time that the clock begins with (aware); the present when left out.
    """

    def __init__(self, start: datetime | None = None, *, pulled: bool = True) -> None:
        if not isinstance(pulled, bool):
            raise ValueError(f"pulled is {pulled!r}; give True or False")
        self.pulled = pulled
        self.start = _in_utc(start)
        self._seconds = 0.0
        self._looked_at = True
        self._strode = 0.0
        self._moving = threading.Lock()
        self._waiting: dict[object, Callable[[], None]] = {}

    def monotonic(self) -> float:
        """Seconds that this clock was moved by since it was made."""
        self._looked_at = True
        return self._seconds

    def now(self) -> datetime:
        """The date and time of this clock, in UTC."""
        return self.start + timedelta(seconds=self._seconds)

    def delay(self, moment: float) -> float:
        """Seconds to wait for `moment`: 0 or less if it has come, else infinite: time is moved."""
        return moment - self._seconds if moment <= self._seconds else math.inf

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`, 0 or more. Raises ValueError for another number."""
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ValueError(f"seconds is {seconds!r}; give a number")
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds is {seconds!r}; time moves on by 0 or more")
        with self._moving:
            self._seconds += seconds
            waiting = list(self._waiting.values())
        for wake in waiting:
            wake()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Let time pass by itself meanwhile, a second each 5 ms; it is then no longer exact.

        For the pauses of a client that waits by this clock and reads nothing meanwhile, as between
        two tries.
        """
        over = threading.Event()

        def tick() -> None:
            while not over.wait(_NAP):
                self.advance(1.0)

        ticking = threading.Thread(target=tick, name="enphase-mock-clock", daemon=True)
        ticking.start()
        try:
            yield
        finally:
            over.set()
            ticking.join()

    def pull(self, moment: float) -> float:
        """Move the clock towards `moment`, for which a client waits, if clients may do that.

        Returns the real seconds to wait before the next pull, infinite if only `advance` helps.
        """
        if not self.pulled:
            return self.delay(moment)
        with self._moving:
            if moment - self._seconds > _LEAP:
                if self._looked_at or time.monotonic() - self._strode > _UNWATCHED:
                    self._seconds += _STRIDE
                    self._looked_at, self._strode = False, time.monotonic()
                return _NAP
            self._seconds = max(self._seconds, moment)
        return 0.0

    def on_advance(self, waiter: object, wake: Callable[[], None] | None) -> None:
        """Call `wake` after each `advance`; None ends that for the same `waiter`."""
        with self._moving:
            if wake is None:
                self._waiting.pop(waiter, None)
            else:
                self._waiting[waiter] = wake


def _checked(speed: float) -> float:
    if isinstance(speed, bool) or not isinstance(speed, int | float):
        raise ValueError(f"speed is {speed!r}; give a number, such as 1 for real time")
    if not (math.isfinite(speed) and 0.001 <= speed <= _FASTEST):
        raise ValueError(f"speed is {speed!r}; it has to lie between 0.001 and {_FASTEST:g}")
    return float(speed)


def _in_utc(start: datetime | None) -> datetime:
    if start is None:
        return datetime.now(UTC)
    if getattr(start, "tzinfo", None) is None:  # which a text, too, lacks
        raise ValueError(f"start is {start!r}; give a datetime with its time zone")
    return start.astimezone(UTC)
