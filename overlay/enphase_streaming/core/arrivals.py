"""What the readings of one stream tell of how long it was open."""

from __future__ import annotations

from datetime import datetime

from enphase_streaming.core.reading import Reading


class Arrivals:
    """The readings that arrived: how many, the first and the last, and when (monotonic)."""

    def __init__(self) -> None:
        self.count = 0
        # By the first reading, which is not held itself.
        self._began: datetime | None = None
        self._last: Reading | None = None
        self._first_at = self._last_at = self._away = 0.0

    def note(self, reading: Reading, at: float, away: float) -> None:
        """Count a reading in; up to the first one, the caller was `away` for so many seconds."""
        if self._last is None:
            self._began, self._first_at, self._away = reading.timestamp, at, away
        self._last, self._last_at = reading, at
        self.count += 1

    @property
    def steady(self) -> float:
        """Seconds between the arrival of the first reading and that of the last."""
        return self._last_at - self._first_at

    def span(self) -> float:
        """The seconds between the first and the last reading, by their own timestamps."""
        last = self._last.timestamp if self._last else None
        return (last - self._began).total_seconds() if self._began and last else 0.0

    def lasted(self, started: float) -> float:
        """How long the stream was open by its readings, one interval after the last included."""
        span = self.span()
        return self._first_at - self._away - started + span + span / max(self.count - 1, 1)
