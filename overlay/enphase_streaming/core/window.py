"""The life of one stream, from its request to its end.

How a stream ends is never a guess: the clock of the one who waits decides, and where the caller
was away when the end came, the readings' own timestamps do.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

from enphase_streaming.core.arrivals import Arrivals
from enphase_streaming.core.ends import Reason, StreamEnd, reason_of
from enphase_streaming.errors import (
    EnphaseStreamingError,
    MalformedEvent,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
    call_back,
)
from enphase_streaming.core.exchange import Exchange, Failed, Signal
from enphase_streaming.secrets import mask_causes
from enphase_streaming.core.reading import EventReader, Reading
from enphase_streaming.core.refusal import connection_failed, is_event_stream, named, refused
from enphase_streaming.core.sse import SSEDecoder

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
    """One stream of `duration` seconds: `open` sends its request, `next` gives its readings.

    Between two calls nothing is under way: the caller may be away, or never come back. `end` is
    set when it has ended; `stop` ends it.
    """

    def __init__(
        self,
        exchange: Exchange,
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
        self.end: StreamEnd | None = None
        self.readings = 0
        self.malformed = 0
        self._exchange = exchange
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
        self._pending: deque[Reading | MalformedEvent] = deque()
        self._failure: EnphaseStreamingError | None = None
        self._last: bytes | Signal = b""
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

    async def open(self, at: float) -> None:
        """Send the request at `at` (monotonic). Raises what it meets instead of a stream."""
        self._started = self._at = at
        self._reading_deadline = at + self._first_reading_timeout
        self._hang_up = at + self._duration + _STAYS_OPEN_BY
        try:
            head = await self._exchange.open(self._reading_deadline)
            self._at = self._left = self._exchange.monotonic()
            if isinstance(head, Failed):
                raise connection_failed(head.error, self._host, self._mask) from head.error
            if head.status_code != 200 or not is_event_stream(head):
                await refused(head, self._left, self._exchange, self._mask)
        except Exception as error:
            self._end(reason_of(error))
            raise

    async def next(self) -> Reading | None:
        """Return the next reading, None after a planned end. Raises what ended it otherwise."""
        try:
            asked = self._exchange.monotonic()
            self._came_back(self._left, asked)
            while True:
                while self._pending:
                    event = self._pending.popleft()
                    if isinstance(event, Reading):
                        self.readings += 1
                        self._left = asked
                        return event
                    self._skip(event)
                if self._failure is not None:
                    raise self._failure
                if self._is_over():
                    self._end("planned")
                    return None
                what = await self._exchange.receive(min(self._reading_deadline, self._hang_up))
                self._at = self._exchange.monotonic()
                waited = self._at - asked
                asked = self._at
                if waited > max(_SURE, self._lag / 10):
                    self._lag = 0.0
                if isinstance(what, Failed):
                    mask_causes(what.error, self._mask)
                    raise StreamDropped(
                        f"The connection broke {self._progress()}: {named(what.error)}"
                    ) from what.error
                self._last = what
                if isinstance(what, bytes):
                    self._take(what)
        except Exception as error:
            self._end(reason_of(error))
            raise

    def stop(self, at: float) -> None:
        """End it at `at`, unless it has ended."""
        if self.end is None:
            self._at = at
            self._end("stopped")

    def _end(self, reason: Reason) -> None:
        self.end = StreamEnd(reason, self._at - self._started, self.readings, self.malformed)

    def _is_over(self) -> bool:
        """Return whether the stream had its end, or raises the exception of one not planned."""
        if self._last is Signal.CLOSED:
            self._closed()
            return True
        if self._last is Signal.OVERDUE or self._is_late():
            self._overdue()
            return True
        # Only a caller who is often away gets here so late: see _came_back.
        too_long = self._duration + _STAYS_OPEN_BY
        return self._at - self._started > too_long and self._arrivals.span() > too_long

    def _take(self, chunk: bytes) -> None:
        """Take what `chunk` completes and the caller is to see, and what ends the stream then."""
        now = self._exchange.now()
        for event in self._decoder.feed(chunk):
            try:
                found = self._reader.read(event.data, now)
            except MalformedEvent as malformed:
                self._pending.append(malformed)
                continue
            if isinstance(found, Reading):
                self._arrivals.note(found, self._at, self._lag)
                self._reading_deadline = self._at + self._stall_timeout
                if self._accept(found):
                    self._pending.append(found)
            elif found is not None:
                self._failure = found
                return
            elif not self._logged_unknown:
                self._logged_unknown = True
                _log.warning("An event holds neither a reading nor an error; ignored.")
        self._failure = self._decoder.overflow

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
