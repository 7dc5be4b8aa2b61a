"""What a stream remembers of its readings: when they came, how long they span, which they were."""

from __future__ import annotations

from enphase_streaming.core.reading import Reading

_REMEMBERED = 10
"""How many readings of a window are remembered, to recognise them in the next."""


class Arrivals:
    """When the readings of one stream arrived, and how long it lasted by their own timestamps."""

    def __init__(self) -> None:
        self.count: int = 0
        self.malformed: int = 0
        self.steady: float = 0.0
        """Seconds between the arrival of the first reading and that of the last."""
        self.span: float = 0.0
        """The sum of the steps between the readings' timestamps, in seconds."""
        self._steps = 0
        self._first_at = self._before_first = 0.0  # set by the first reading
        self._last: float | None = None

    def note(self, reading: Reading, at: float, started: float, lag: float) -> None:
        """Count a reading that arrived `at`; before it the caller was away for `lag` seconds."""
        if not self.count:
            self._first_at, self._before_first = at, at - started - lag
        self.count += 1
        self.steady = at - self._first_at
        measured = reading.measured
        if measured is None:
            return
        if self._last is not None:
            step = measured - self._last
            # A gateway's clock may be set meanwhile: such a step measures nothing.
            if 0 <= step <= at - started:
                self.span += step
                self._steps += 1
        self._last = measured

    def lasted(self) -> float:
        """Return how long the stream was open, one interval after the last reading included."""
        interval = self.span / self._steps if self._steps else 0.0
        return self._before_first + self.span + interval * (self.count - self._steps)


class Repetitions:
    """Recognises the events of the window before, which the next one may send again."""

    def __init__(self) -> None:
        # Hashes: the texts would be a good part of what a stream holds in memory.
        self._recent: list[int] = []
        self._earlier: list[int] = []

    def begin_window(self) -> None:
        """Compare from here on with the window that ended."""
        if self._recent:  # kept over a window without readings
            self._earlier, self._recent = self._recent, []

    def is_new(self, reading: Reading) -> bool:
        """Remember a reading; return False if the window before had it already."""
        known, recent = hash(reading.raw), self._recent
        recent.append(known)
        if len(recent) > _REMEMBERED:
            del recent[0]
        # Without a time of its own, an equal reading can still be a new one.
        return known not in self._earlier or (reading.epoch is None and reading.utc is None)
