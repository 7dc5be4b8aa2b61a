"""The life of one stream, told to its core moment by moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from enphase_streaming import (
    Reading,
)
from enphase_streaming.core.arguments import DEFAULT_DURATION
from enphase_streaming.core.exchange import Failed, Head, Signal
from enphase_streaming.core.recovery import Recovery
from enphase_streaming.core.watch import StreamEnd, Watch
from stepping import (
    Authorize,
    Begin,
    HangUp,
    Open,
    Opened,
    Receive,
    Result,
    Step,
    Stopped,
    make_options,
    of_watch,
)

SENT_AT = 1000.0
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
STREAM = Head(200, "text/event-stream", None, None)
CLOSED, OVERDUE = Signal.CLOSED, Signal.OVERDUE
BREAK = Failed(OSError("connection reset"))
ENVELOPE = b'data:{"error":{"code":473}}\n\n'


def event(at: float | None, pv_power: int = 0) -> bytes:
    """An event measured `at` seconds after the request, or without a time."""
    about: dict[str, Any] = {"data": {"pv_power": pv_power}}
    if at is not None:
        about["timestamp_epoch"] = round((NOON.timestamp() + at) * 1000)
    return b"data:" + json.dumps(about).encode() + b"\n\n"


def events(first: int, last: int) -> bytes:
    """One event a second, both ends included."""
    return b"".join(event(at) for at in range(first, last + 1))


class Driven:
    """A watch of one window whose test is the exchange; moments are seconds after the request."""

    def __init__(self, duration: int = DEFAULT_DURATION, **options: Any) -> None:
        callbacks = {name: options.pop(name) for name in ("on_malformed",) if name in options}
        self.watch, self._core = of_watch(
            lambda asking: Watch(
                asking,
                make_options(**options),
                name="Site 1765",
                duration=duration,
                budget=None,
                recovery=Recovery(once=True),
                **callbacks,
            )
        )
        self.readings: list[Reading] = []
        self.error: BaseException | None = None
        self.step: Step | None = next(self._core)
        while isinstance(self.step, Begin | Authorize):
            self._advance(lambda: self._core.send(self._result(0, None)))
        assert isinstance(self.step, Open)

    def open(self, at: float = 0) -> Driven:
        self.tell(at, STREAM)
        assert isinstance(self.step, Opened)
        return self.tell(at, None)

    def tell(self, at: float, what: Any, *, away: float = 0) -> Driven:
        """Answer the core's step; the caller stays `away` seconds at each reading."""
        self._advance(lambda: self._core.send(self._result(at, what)))
        while isinstance(self.step, Reading | HangUp):
            if isinstance(self.step, Reading):
                self.readings.append(self.step)
                at += away
            self._advance(partial(self._core.send, self._result(at, None)))
        return self

    def tell_up_to_a_reading(self, at: float, what: bytes) -> Driven:
        self._advance(lambda: self._core.send(self._result(at, what)))
        assert isinstance(self.step, Reading)
        return self

    def stop(self, at: float) -> Driven:
        self._advance(lambda: self._core.throw(Stopped(SENT_AT + at)))
        return self

    def _advance(self, step: Callable[[], Step]) -> None:
        assert self.step is not None, "the core has ended"
        try:
            self.step = step()
        except StopIteration:
            self.step = None
        except BaseException as error:  # noqa: BLE001 - what the tests are about
            self.step, self.error = None, error

    def _result(self, at: float, what: Any) -> Result:
        return Result(what, SENT_AT + at, NOON + timedelta(seconds=at))

    @property
    def deadline(self) -> float:
        """Until when the core waits."""
        assert isinstance(self.step, Open | Receive)
        return self.step.deadline - SENT_AT

    @property
    def end(self) -> StreamEnd:
        assert self.step is None, "the core goes on"
        assert self.watch.end is not None
        return self.watch.end

    @property
    def reason(self) -> str:
        return self.end.reason
