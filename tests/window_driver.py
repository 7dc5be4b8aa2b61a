"""The life of one stream, told to its core moment by moment."""

from __future__ import annotations

import json
from typing import Any

from enphase_streaming import Reading
from enphase_streaming.core.arguments import DEFAULT_DURATION
from enphase_streaming.core.exchange import Failed, Signal
from enphase_streaming.core.options import StreamOptions
from enphase_streaming.core.watch import StreamEnd, Watch
from simulated import START, STREAM, Answer, Clock, Run, SimulatedExchange, following, make_options

CLOSED, OVERDUE = Signal.CLOSED, Signal.OVERDUE
BREAK = Failed(OSError("connection reset"))
ENVELOPE = b'data:{"error":{"code":473}}\n\n'

_SENT_AT = 1000.0


def event(at: float | None, pv_power: int = 0) -> bytes:
    """Return an event measured `at` seconds after the request, or without a time."""
    about: dict[str, Any] = {"data": {"pv_power": pv_power}}
    if at is not None:
        about["timestamp_epoch"] = epoch(at)
    return b"data:" + json.dumps(about).encode() + b"\n\n"


def epoch(at: float) -> int:
    """Return the milliseconds since 1970 of a moment `at` seconds after the request."""
    return round((START.timestamp() + _SENT_AT + at) * 1000)


def events(first: int, last: int) -> bytes:
    """Return one event a second, both ends included."""
    return b"".join(event(at) for at in range(first, last + 1))


class Driven:
    """A watch of one window; moments are seconds after its request.

    Args:
        duration: of the window.
        on_malformed: as `live_data` takes it; None for the watch's own default.
        options: a client's settings.
    """

    def __init__(
        self, duration: int = DEFAULT_DURATION, *, on_malformed: Any = None, **options: Any
    ) -> None:
        given: dict[str, Any] = {} if on_malformed is None else {"on_malformed": on_malformed}
        self.clock = Clock(_SENT_AT)
        self._exchange = SimulatedExchange(self.clock)
        self.watch = Watch(
            self._exchange,
            make_options(**options),
            StreamOptions(system_id=1765, duration=duration, budget=None, once=True, **given),
        )
        self.readings: list[Reading] = []
        self._run = Run(self.watch.advance())
        self._run.answer(None)  # a token
        assert self._run.call is not None
        assert self._run.call.method == "open"

    @property
    def error(self) -> Exception | None:
        return self._run.error

    @property
    def deadline(self) -> float:
        """Until when the core waits."""
        assert self._run.call is not None
        assert self._run.call.method in ("open", "receive")
        deadline: float = self._run.call.argument
        return deadline - _SENT_AT

    @property
    def is_open(self) -> bool:
        return self.watch.end is None

    @property
    def end(self) -> StreamEnd:
        assert self.watch.end is not None, "the stream goes on"
        return self.watch.end

    @property
    def reason(self) -> str:
        return self.end.reason

    def open(self, at: float = 0) -> Driven:
        """Answer the request with a stream, and ask for its first reading."""
        return self.tell(at, STREAM)

    def tell(self, at: float, what: Answer, *, away: float = 0) -> Driven:
        """Return `what` from the core's call; the caller stays `away` seconds at each reading."""
        return self.tell_only(at, what)._ask(away)

    def tell_only(self, at: float, what: Answer) -> Driven:
        """Return `what` from the core's call; the caller does not ask for another reading."""
        self.clock.time = _SENT_AT + at
        self._run.answer(what)
        return self._hang_up()

    def ask(self, at: float) -> Driven:
        """Ask for the next reading."""
        self.clock.time = _SENT_AT + at
        return self._ask(0)

    def stop(self, at: float) -> Driven:
        """Close the stream."""
        self.clock.time = _SENT_AT + at
        if self._run.call is not None:
            self._run.stop()
        self.watch.stop()
        return self

    def _ask(self, away: float) -> Driven:
        while self._run.call is None and self._run.error is None and self.is_open:
            reading: Reading | None = self._run.result
            if reading is not None:
                self.readings.append(reading)
                self.clock.time += away
            self._run = Run(following(self.watch, self._exchange))
            self._hang_up()
        return self

    def _hang_up(self) -> Driven:
        while self._run.call is not None and self._run.call.method == "hang_up":
            self._run.answer(None)
        return self
