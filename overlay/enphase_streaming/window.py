"""The life of one stream, from its request to its end.

How a stream ends is never a guess: the clock of the one who waits decides, and where the caller
was away when the end came, the readings' own timestamps do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from enphase_streaming.arrivals import Arrivals
from enphase_streaming.ends import Reason, StreamEnd, reason_of
from enphase_streaming.errors import (
    EnphaseStreamingError,
    MalformedEvent,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
    call_back,
)
from enphase_streaming.masking import mask_causes
from enphase_streaming.reading import EventReader, Reading
from enphase_streaming.refusal import connection_failed, is_event_stream, named, refused
from enphase_streaming.sse import SSEDecoder
from enphase_streaming.steps import (
    Failed,
    Head,
    Open,
    Opened,
    Receive,
    Result,
    Signal,
    Steps,
    Stopped,
)

_CLOSES_EARLY_BY = 2.0
"""A clean close this many seconds before the duration is over still counts as planned."""
_STAYS_OPEN_BY = 5.0
"""A stream that is still open this many seconds past its duration is hung up on."""
_BACKLOG = 1.0
"""How long, in seconds, bytes that may have been there already are read past a deadline."""
_SURE = 0.05
"""A wait of this many seconds shows that the bytes were not there already."""

OnMalformed = Callable[[MalformedEvent], None] | Literal["skip", "raise"]

_log = logging.getLogger("enphase_streaming")


class Window:
    """One stream of `duration` seconds. `run` is its core; `end` is set when that has finished."""

    def __init__(
        self,
        *,
        host: str,
        duration: int,
        first_reading_timeout: float,
        stall_timeout: float,
        max_event_bytes: int,
        on_malformed: OnMalformed,
        mask: Callable[[str], str],
        accept: Callable[[Reading], bool],
    ) -> None:
        self.end: StreamEnd
        self.readings = 0
        self.malformed = 0
        self._host = host
        self._duration = duration
        self._first_reading_timeout = first_reading_timeout
        self._stall_timeout = stall_timeout
        self._on_malformed = on_malformed
        self._mask = mask
        self._accept = accept
        self._decoder = SSEDecoder(max_event_bytes=max_event_bytes)
        self._reader = EventReader(mask=mask)
        self._arrivals = Arrivals()
        self._logged_unknown = False
        self._late_since: float | None = None
        self._lag = 0.0  # how long the caller was away since the stream was last surely open

    @property
    def retry(self) -> int | None:
        """The stream's last `retry`, in milliseconds; None if there was none."""
        return self._decoder.retry

    @property
    def steady(self) -> float:
        """Seconds between the arrival of the first reading and that of the last."""
        return self._arrivals.steady

    def run(self, at: float) -> Steps:
        """Run the window, from sending its request at `at` (monotonic seconds) to its end.

        Raises the exception of every end that is not planned, after the readings before it.
        """
        self._started = self._at = at
        self._reading_deadline = at + self._first_reading_timeout
        self._hang_up = at + self._duration + _STAYS_OPEN_BY
        reason: Reason = "stopped"
        try:
            yield from self._stream()
            reason = "planned"
        except Stopped as stop:
            self._at = stop.at
            raise
        except Exception as error:
            reason = reason_of(error)
            raise
        finally:
            self.end = StreamEnd(reason, self._at - self._started, self.readings, self.malformed)

    def _stream(self) -> Steps:
        result = yield Open(self._reading_deadline)
        self._at = result.at
        head = result.what
        if isinstance(head, Failed):
            raise connection_failed(head.error, self._host, self._mask) from head.error
        assert isinstance(head, Head)
        if head.status_code != 200 or not is_event_stream(head):
            yield from refused(head, result.at, self._mask)
        left = result.at
        result = yield Opened()
        self._came_back(left, result.at)
        while True:
            asked = result.at
            result = yield Receive(min(self._reading_deadline, self._hang_up))
            self._at = result.at
            waited = self._at - asked
            if waited > max(_SURE, self._lag / 10):
                self._lag = 0.0
            what = result.what
            if isinstance(what, bytes):
                events, failure = self._events(what, result)
                for event in events:
                    if isinstance(event, MalformedEvent):
                        self._skip(event)
                        continue
                    self.readings += 1
                    left = result.at
                    result = yield event
                    self._came_back(left, result.at)
                if failure is not None:
                    raise failure
            elif isinstance(what, Failed):
                mask_causes(what.error, self._mask)
                raise StreamDropped(
                    f"The connection broke {self._progress()}: {named(what.error)}"
                ) from what.error
            elif what is Signal.CLOSED:
                return self._closed()
            if what is Signal.OVERDUE or self._is_late():
                return self._overdue()
            # Only a caller who is often away gets here so late: see _came_back.
            too_long = self._duration + _STAYS_OPEN_BY
            if self._at - self._started > too_long and self._arrivals.span() > too_long:
                return None

    def _events(
        self, chunk: bytes, result: Result
    ) -> tuple[list[Reading | MalformedEvent], EnphaseStreamingError | None]:
        """Return what `chunk` completes and the caller is to see, and what ends the stream then."""
        events: list[Reading | MalformedEvent] = []
        for event in self._decoder.feed(chunk):
            try:
                found = self._reader.read(event.data, result.now)
            except MalformedEvent as malformed:
                events.append(malformed)
                continue
            if isinstance(found, Reading):
                self._arrivals.note(found, result.at, self._lag)
                self._reading_deadline = result.at + self._stall_timeout
                if self._accept(found):
                    events.append(found)
            elif found is not None:
                return events, found
            elif not self._logged_unknown:
                self._logged_unknown = True
                _log.warning("An event holds neither a reading nor an error; ignored.")
        return events, self._decoder.overflow

    def _skip(self, malformed: MalformedEvent) -> None:
        self.malformed += 1
        _log.log(logging.WARNING if self.malformed == 1 else logging.DEBUG, "%s", malformed)
        if self._on_malformed == "raise":
            raise malformed
        if callable(self._on_malformed):
            call_back(self._on_malformed, malformed)

    def _came_back(self, left: float, at: float) -> None:
        """Take the time that the caller was away out of every deadline."""
        away = at - left
        self._lag += away
        self._reading_deadline += away
        duration_over = self._started + self._duration
        if at > duration_over:
            self._hang_up += at - max(left, duration_over)

    def _closed(self) -> None:
        """Return if the end was planned, else raise."""
        elapsed = self._at - self._started
        enough = self._duration - _CLOSES_EARLY_BY
        if not self._arrivals.count:
            raise StreamStalled(
                f"The server closed the stream after {elapsed:.1f} s, without a reading."
            )
        if elapsed - self._lag >= enough:
            return
        ended = min(elapsed, self._arrivals.lasted(self._started)) if elapsed >= enough else elapsed
        if ended >= enough:
            return
        missing = self._duration - ended
        raise StreamEndedEarly(
            f"The server closed the stream {self._progress()}, {missing:.1f} s before its "
            f"{self._duration} s were over.",
            missing=missing,
        )

    def _is_late(self) -> bool:
        """Return whether bytes kept coming after a deadline for longer than a backlog explains."""
        if self._at < self._reading_deadline and self._at < self._hang_up:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = self._at
        return self._late_since is not None and self._at - self._late_since > _BACKLOG

    def _overdue(self) -> None:
        """Return if the stream had its time, else raise."""
        if self._arrivals.count and self._at >= self._hang_up:
            return
        if self._at < self._reading_deadline:
            raise StreamStalled(
                f"The {self._duration} s of the stream are over without a reading: "
                f"{self._progress()}."
            )
        name, limit = "stall_timeout", self._stall_timeout
        if not self._arrivals.count:
            name, limit = "first_reading_timeout", self._first_reading_timeout
        raise StreamStalled(
            f"No reading came within the {limit:g} s of {name}: {self._progress()}."
        )

    def _progress(self) -> str:
        count = self._arrivals.count
        readings = "1 reading" if count == 1 else f"{count} readings"
        return f"{self._at - self._started:.1f} s in, after {readings}"
