"""The mock's time: real, faster, or moved by hand.

Client and mock take the same clock, so both agree on how long a stream lasted. At speed N a client
that measured by the real clock would see a 30-second window end after 30/N seconds, and call that
early.
"""

import math
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

from enphase_streaming_mock.validation import check_choice, check_number

# At 1,000 an event is due every millisecond; beyond that a socket cannot follow.
_SPEEDS = (0.001, 1_000.0)
# A clock moved by hand crosses a longer gap than this (s) in strides, so that a client's watchdog
# gets to see the time in between. The next stride comes when the clock was read, or after so long
# in real time when it was not.
_LEAP = 10.0
_STRIDE = 2.0
_UNREAD = 0.1
# How often a client that waits tries the next stride, in real seconds.
_NAP = 0.005
_MOST = 1e9  # s


class Real:
    """Real time. freezegun replaces functions of `time` in modules, but not in a class."""

    monotonic: ClassVar[Callable[[], float]] = staticmethod(time.monotonic)


class Clock(Protocol):
    """A time with two readings, and how long to wait for a moment of it.

    `start` is the date and time that it begins with (aware), by default the present.
    """

    start: datetime

    def __init__(self, start: datetime | None = None) -> None:
        if start is None:
            start = datetime.now(UTC)
        elif getattr(start, "tzinfo", None) is None:  # a string lacks it, too
            raise ValueError(f"start must be a datetime with a time zone, got {start!r}.")
        self.start = start.astimezone(UTC)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.now().isoformat(' ', 'milliseconds')}>"

    def now(self) -> datetime:
        """Return the date and time in UTC; it advances exactly as `monotonic` does."""
        return self.start + timedelta(seconds=self.monotonic())

    @abstractmethod
    def monotonic(self) -> float:
        """Return the seconds of this clock since it was made."""

    @abstractmethod
    def delay(self, moment: float) -> float:
        """Return the real seconds until `monotonic()` reaches `moment`; negative if it is past."""

    def pull(self, moment: float) -> float:
        """Return the same for a client without a socket, whose waiting may move the clock."""
        return self.delay(moment)


class ScaledClock(Clock):
    """Real time, or `speed` times as fast, from 0.001 to 1,000."""

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        super().__init__(start)
        check_number("speed", speed, *_SPEEDS)
        self.speed: float = float(speed)
        self._before, self._began = 0.0, Real.monotonic()

    def set_speed(self, speed: float) -> None:
        """Go on at another speed from here. Raises ValueError for one out of range."""
        check_number("speed", speed, *_SPEEDS)
        self._before, self._began = self.monotonic(), Real.monotonic()
        self.speed = float(speed)

    def monotonic(self) -> float:
        """Return the seconds of this clock since it was made."""
        return self._before + (Real.monotonic() - self._began) * self.speed

    def delay(self, moment: float) -> float:
        """Return the real seconds until `monotonic()` reaches `moment`; negative if it is past."""
        return (moment - self.monotonic()) / self.speed


class HandClock(Clock):
    """Time that stands still until it is moved; it takes `Mock().transport()`, not a socket.

    `advance` moves it. With `pulled`, so does a client that waits for the next bytes: the clock is
    then at the moment that they are due, and a window of 300 seconds takes milliseconds. A gap
    above ten seconds, and a silence that nothing ends, passes in strides of two seconds, each when
    the clock was read, so that a client's watchdog finds it. Several streams at once pull one
    clock, which the one that is furthest ahead moves for all.
    """

    def __init__(self, start: datetime | None = None, *, pulled: bool = True) -> None:
        super().__init__(start)
        check_choice("pulled", pulled, (False, True))
        self.pulled = pulled
        self._seconds = 0.0
        self._read = True
        self._strode = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Return the seconds that this clock was moved by since it was made."""
        self._read = True
        return self._seconds

    def now(self) -> datetime:
        """Return the date and time of this clock, in UTC."""
        return self.start + timedelta(seconds=self._seconds)

    def delay(self, moment: float) -> float:
        """Return 0 or less if `moment` has come, else infinity: this clock has to be moved."""
        return moment - self._seconds if moment <= self._seconds else math.inf

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`, 0 or more. Raises ValueError for another number."""
        check_number("seconds", seconds, 0.0, _MOST)
        with self._lock:
            self._seconds += seconds

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Let time pass by itself inside the block, a second each 5 ms; it is then not exact.

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
        """Move the clock towards `moment`, for which a client waits, if it is `pulled`.

        Returns the real seconds until the next pull, infinity if only `advance` moves the clock.
        """
        if not self.pulled:
            return self.delay(moment)
        with self._lock:
            if moment - self._seconds > _LEAP:
                if self._read or Real.monotonic() - self._strode > _UNREAD:
                    self._seconds += _STRIDE
                    self._read, self._strode = False, Real.monotonic()
                return _NAP
            self._seconds = max(self._seconds, moment)
        return 0.0
