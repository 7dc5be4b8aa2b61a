"""The life of one stream, from its request to its end.

How a stream ended is decided by the clock of the process that waits. Where the caller or the whole
process was away when the end came, the readings' own timestamps decide.
"""

from __future__ import annotations

import logging
import zlib
from urllib.parse import urlsplit

from enphase_streaming.core.answers import (
    connection_failed,
    describe,
    error_from_envelope,
    is_event_stream,
    raise_for_answer,
)
from enphase_streaming.core.arrivals import Arrivals
from enphase_streaming.core.encoding import Body
from enphase_streaming.core.exchange import Exchange, Failed, Observer, Signal
from enphase_streaming.core.options import Options
from enphase_streaming.core.reading import EventReader, Reading
from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming.errors import (
    EnphaseStreamingError,
    MalformedEvent,
    StreamDropped,
    StreamEndedEarly,
    StreamError,
    StreamStalled,
)
from enphase_streaming.secrets import mask_causes

_CLOSES_EARLY_BY = 2.0
"""A clean close this many seconds before the duration is over still counts as planned."""
_STAYS_OPEN_BY = 5.0
"""A stream that is still open this many seconds past its duration is hung up on."""
_BACKLOG = 1.0
"""How many seconds past a deadline to wait for bytes that may have arrived in time."""
_SURE = 0.05
"""A wait of this many seconds shows that its bytes were not received before."""

_log = logging.getLogger("enphase_streaming")


class Window:
    """One stream of `duration` seconds, from its request `at` (monotonic) to its end.

    `open` sends the request. Then `ask` returns until when to wait, `take` gets what came by then,
    and `events` holds the events in it. Between two of these calls the caller may be away.
    """

    def __init__(
        self,
        exchange: Exchange,
        options: Options,
        duration: int,
        at: float,
        observer: Observer | None = None,
    ) -> None:
        self.events: list[Reading | MalformedEvent] = []
        """The events that came, the last one first; the caller pops the next."""
        self.is_over: bool = False
        """Whether nothing comes after the last of `events`."""
        self.failure: EnphaseStreamingError | None = None
        """What ended it; None after a planned end."""
        self.sent: bool = True
        """Whether the request went out."""
        self.arrivals: Arrivals = Arrivals()
        self._exchange = exchange
        self._options = options
        self._duration = duration
        self._observer = observer
        self._body: Body | None = None  # of a body that is encoded
        self._decoder = SSEDecoder(max_event_bytes=options.max_event_bytes)
        self._reader = EventReader(mask=options.mask)
        self._logged_unknown = False
        self._late_for = 0.0  # seconds waited past a deadline for bytes that may have come in time
        self._lag = 0.0  # seconds the caller was away since the stream was last known to be open
        self._started = self._at = self._asked = at
        self._duration_over = at + duration
        self._hang_up = self._duration_over + _STAYS_OPEN_BY
        self._reading_deadline = self._deadline = at + options.first_reading_timeout

    @property
    def elapsed(self) -> float:
        """Seconds from sending the request to the last bytes, or to the end."""
        return self._at - self._started

    @property
    def retry(self) -> int | None:
        """The stream's last `retry`, in milliseconds; None if there was none."""
        return self._decoder.retry

    async def open(self) -> None:
        """Send the request.

        Raises:
            ConnectionFailed: if no response came.
            APIStatusError: if the API answered with an error.
            NotAnEventStream: for a 200 that is no event stream.
        """
        options, exchange = self._options, self._exchange
        head = await exchange.open(self._reading_deadline)
        self._at = exchange.monotonic()
        if isinstance(head, Failed):
            self.sent = head.sent
            host = urlsplit(options.base_url).netloc
            raise connection_failed(head.error, host, options.mask) from head.error
        if self._observer is not None:
            self._observer.opened(head, self._at)
        if head.status_code != 200 or not is_event_stream(head):
            await raise_for_answer(head, self._at, exchange, options.mask, self._observer)
        self._body = Body(head.content_encoding) if head.content_encoding else None

    def ask(self) -> float | None:
        """Return until when to wait for bytes (monotonic).

        Returns None if there is nothing to wait for: events have come, or the stream is over.
        """
        while self._body is not None and not (self.events or self.is_over):
            if not (rest := self._decoded(b"")):
                break
            self._read(rest)
        if self.events or self.is_over:
            return None
        if self._at < self._reading_deadline and self._at < self._hang_up:
            self._late_for = 0.0
        elif self._late_for > _BACKLOG:
            self.end(self._overdue())
            return None
        # The time since the last bytes was the caller's: it counts for no deadline.
        asked = self._exchange.monotonic()
        self._lag += asked - self._at
        self._reading_deadline += asked - self._at
        if asked > self._duration_over:
            if self._is_too_long():
                self.end()
                return None
            self._hang_up += asked - max(self._at, self._duration_over)
        self._asked = asked
        self._deadline = min(self._reading_deadline, self._hang_up)
        return self._deadline

    def take(self, what: bytes | Failed | Signal) -> None:
        """Take what came after `ask`."""
        self._at = at = self._exchange.monotonic()
        waited = at - self._asked
        if self._asked >= self._deadline:
            self._late_for += waited
        if at > self._deadline + _BACKLOG:
            # The process was frozen meanwhile: when these bytes came, no clock can tell.
            self._lag += waited
        elif waited > _SURE and waited > self._lag / 10:
            self._lag = 0.0
        if isinstance(what, bytes):
            self._read(what if self._body is None else self._decoded(what))
        elif isinstance(what, Failed):
            mask_causes(what.error, self._options.mask)
            text = f"The connection broke {self._progress()}: {describe(what.error)}"
            self._drop(self._options.mask(text), what.error)
        else:
            self.end(self._early() if what is Signal.CLOSED else self._overdue())

    def end(self, failure: EnphaseStreamingError | None = None) -> None:
        """Note that the stream is over, and how it failed."""
        self.failure = failure
        self.is_over = True

    def _drop(self, why: str, error: Exception) -> None:
        dropped = StreamDropped(why)
        dropped.__cause__ = error.with_traceback(None)  # without its frames, which hold the window
        self.end(dropped)

    def _decoded(self, chunk: bytes) -> bytes:
        assert self._body is not None
        try:
            return self._body.feed(chunk)
        except zlib.error as error:
            self._drop(f"The body cannot be decoded {self._progress()}: {error}", error)
            return b""

    def _read(self, chunk: bytes) -> None:
        """Queue the events that `chunk` completes, and note what ends the stream after them."""
        if self._observer is not None:
            self._observer.received(chunk, self._at)
        now = self._exchange.now()
        for event in self._decoder.feed(chunk):
            try:
                found = self._reader.read(event.data, now)
            except MalformedEvent as malformed:
                self.arrivals.malformed += 1
                # Without its frames, which hold the raw event.
                self.events.append(malformed.with_traceback(None))
                continue
            if isinstance(found, Reading):
                self.arrivals.note(found, self._at, self._started, self._lag)
                self._reading_deadline = self._at + self._options.stall_timeout
                self.events.append(found)
            elif found is not None:
                self.end(error_from_envelope(found, event.data, now=now, mask=self._options.mask))
                break
            elif not self._logged_unknown:
                self._logged_unknown = True
                _log.warning("An event holds neither a reading nor an error; ignored.")
        if self._decoder.overflow is not None and not self.is_over:
            self.end(self._decoder.overflow)
        self.events.reverse()

    def _is_too_long(self) -> bool:
        """Return whether the readings last longer than the stream, for a caller often away."""
        too_long = self._duration + _STAYS_OPEN_BY
        return self.arrivals.span > too_long and self.elapsed > too_long

    def _early(self) -> StreamError | None:
        """Return what a close means; None if the duration was about over."""
        enough = self._duration - _CLOSES_EARLY_BY
        if not self.arrivals.count:
            return StreamStalled(
                f"The server closed the stream without a reading, {self._progress()}."
            )
        if self.elapsed - self._lag >= enough:
            return None
        lasted = self.elapsed
        if lasted >= enough:
            lasted = min(lasted, self.arrivals.lasted())
        if lasted >= enough:
            return None
        missing = self._duration - lasted
        return StreamEndedEarly(
            f"The server closed the stream {self._progress()}, {missing:.1f} s before its "
            f"{self._duration} s were over.",
            missing=missing,
        )

    def _overdue(self) -> StreamError | None:
        """Return what a missed deadline means; None if the stream is only open past its end."""
        if self.arrivals.count and self._at >= self._hang_up:
            return None
        if self._at < self._reading_deadline:
            return StreamStalled(
                f"The {self._duration} s of the stream are over without a reading: "
                f"{self._progress()}."
            )
        name = "stall_timeout" if self.arrivals.count else "first_reading_timeout"
        limit = getattr(self._options, name)
        return StreamStalled(
            f"No reading came within the {limit:g} s of {name}: {self._progress()}."
        )

    def _progress(self) -> str:
        events = counted(self.arrivals.count, "reading")
        if self.arrivals.malformed:
            events += f" and {counted(self.arrivals.malformed, 'malformed event')}"
        return f"{self.elapsed:.1f} s in, after {events}"


def counted(number: int, noun: str) -> str:
    """Return `number` and `noun`, in the plural where it belongs."""
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
