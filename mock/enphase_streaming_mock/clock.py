"""The mock's time. Client and mock take the same clock, so both agree on how long a stream lasted.

At speed N a client that measured by the real clock would see a 30-second window end after 30/N
seconds, and call that early.
"""

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

# At this speed an event is due every millisecond; beyond it a socket cannot follow.
_FASTEST = 1_000.0


class Clock(Protocol):
    """Two readings of one time, and how long to wait for a moment of it."""

    def monotonic(self) -> float:
        """Seconds since this clock was made."""

    def now(self) -> datetime:
        """The date and time in UTC, aware; it advances exactly as `monotonic` does."""

    def delay(self, moment: float) -> float:
        """Real seconds until `monotonic()` reaches `moment`; negative once that has passed."""


class ScaledClock:
    """Real time, or `speed` times as fast, from 0.001 to 1,000.

    `start` is the date and time that the clock begins with (aware); the present when left out.
    """

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        if isinstance(speed, bool) or not isinstance(speed, int | float):
            raise ValueError(f"speed is {speed!r}; give a number, such as 1 for real time")
        if not (math.isfinite(speed) and 0.001 <= speed <= _FASTEST):
            raise ValueError(f"speed is {speed!r}; it has to lie between 0.001 and {_FASTEST:g}")
        if start is None:
            start = datetime.now(UTC)
        if getattr(start, "tzinfo", None) is None:  # which a text, too, lacks
            raise ValueError(f"start is {start!r}; give a datetime with its time zone")
        self.speed = float(speed)
        self.start = start.astimezone(UTC)
        self._began = time.monotonic()

    def monotonic(self) -> float:
        """Seconds of this clock since it was made."""
        return (time.monotonic() - self._began) * self.speed

    def now(self) -> datetime:
        """The date and time of this clock, in UTC."""
        return self.start + timedelta(seconds=self.monotonic())

    def delay(self, moment: float) -> float:
        """Real seconds until `monotonic()` reaches `moment`; negative once that has passed."""
        return (moment - self.monotonic()) / self.speed
