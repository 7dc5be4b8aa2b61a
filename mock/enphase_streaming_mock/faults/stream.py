"""Faults within a stream: its steps become those of a bad one."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.faults.fault import DocumentedError, Effect
from enphase_streaming_mock.gateway.responses import error_body
from enphase_streaming_mock.journal import RecordedRequest
from enphase_streaming_mock.wire import Wire

# A large event is sent in pieces of this size: a client that reads slowly holds the rest back, and
# it is never in memory as a whole.
_PIECE = 64 * 1024
# What every event has, with any reading; a recorded one may have spaces.
_TYPE = re.compile(rb'"type"\s*:\s*"response"')


@dataclass(frozen=True, slots=True)
class Scene:
    """The stream that a fault strikes: how it is written, when it was opened (aware), how long it
    was to last (s), and a callback that expires its access token at a given time.
    """

    wire: Wire
    opened: datetime
    duration: float
    expire: Callable[[datetime], None]


class Running:
    """The steps of an open stream, which a fault may still strike."""

    def __init__(self, steps: Iterator[Step], scene: Scene, record: RecordedRequest) -> None:
        self._steps = steps
        self._scene = scene
        self.record = record

    def __iter__(self) -> "Running":
        return self

    def __next__(self) -> Step:
        return next(self._steps)

    def strike(self, fault: "Strike") -> None:
        """Let a fault change what comes from here on."""
        self._steps = fault.apply(self._steps, self._scene)


class StreamFault(Effect):
    """A fault within a stream; it waits for a request that opens one."""

    def duration(self, asked: float) -> float:
        """Return how long the stream lasts, in seconds."""
        return asked

    def apply(self, steps: Iterator[Step], scene: Scene) -> Iterator[Step]:
        """Return the steps that are sent instead."""
        return steps


class Overrun(StreamFault):
    """Events go on for `seconds` after the stream's duration, or for ever."""

    seconds: float | None = None

    def duration(self, asked: float) -> float:
        """Return how long the stream lasts, in seconds."""
        return asked + (self.seconds or math.inf)


class Strike(StreamFault):
    """A fault that strikes at one place of the stream.

    That is when the next event would be sent after `after_events` of them, 0 by default, or at
    exactly `after_bytes` of the body. One that `sends_lines` of its own waits until the event under
    way is complete; one that `spoils_event` changes a single event, and the stream goes on.
    """

    sends_lines = False
    spoils_event = False
    after_events: int | None = None
    after_bytes: int | None = None

    def apply(self, steps: Iterator[Step], scene: Scene) -> Iterator[Step]:
        """Yield the steps up to where the fault strikes, then what it makes of the rest."""
        events = sent = 0
        for step in steps:
            if self.after_bytes is None:
                due = events >= (self.after_events or 0) and (
                    step.events > 0 or step.end is not None
                )
            else:
                left = self.after_bytes - sent
                due = left <= 0
                if not self.sends_lines and 0 < left < len(step.data):
                    yield Step(step.due, step.data[:left])
                    step, due = step._replace(data=step.data[left:]), True
            if due and not (self.spoils_event and not _TYPE.search(step.data)):
                yield from self._strike(step, scene)
                if self.spoils_event:
                    yield from steps
                return
            yield step
            events += step.events
            sent += len(step.data)

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        """Yield what is sent in the place of `step`; by default nothing more is ever sent."""
        return iter(())


class _Ending(Strike):
    end: ClassVar[End]

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        yield Step(step.due, end=self.end)


class Reset(_Ending):
    """The connection is reset (RST)."""

    end = End.RESET


class Drop(_Ending):
    """The connection is closed (FIN) without the last chunk."""

    end = End.CLOSE


class Close(_Ending):
    """The stream ends cleanly, too early."""

    end = End.CLEAN


class IncompleteChunk(Strike):
    """A chunk is shorter than announced, then FIN."""

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        event = _event(step, scene)
        data = b"%x\r\n" % len(event) + event[: len(event) // 2]
        yield Step(step.due, data, end=End.CLOSE, raw=True)


class BadChunkSize(Strike):
    """A chunk's size is no number, then FIN."""

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        data = b"size?\r\n" + _event(step, scene) + b"\r\n"
        yield Step(step.due, data, end=End.CLOSE, raw=True)


class TruncatedEvent(Strike):
    """One event is cut off, then the stream ends cleanly."""

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        event = _event(step, scene)
        yield Step(step.due, event[: len(event) // 2], end=End.CLEAN)


class Silence(Strike):
    """Nothing more comes, and the connection stays open."""


class Comments(Strike):
    """Only comments come, one each `seconds`."""

    sends_lines = True
    seconds: float = 1.0

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        due = step.due
        while due < scene.duration:
            yield Step(due, scene.wire.heartbeat)
            due += self.seconds
        yield Step(scene.duration, end=End.CLEAN)


class ErrorEvent(DocumentedError, Strike):
    """An event holds the documented error `code`, then the stream ends cleanly."""

    sends_lines = True
    code: int = 550

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        yield _error_event(self.refusal, step, scene)


class TokenExpiry(Strike):
    """The access token expires: an event holds that 401, then the stream ends cleanly."""

    sends_lines = True

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        scene.expire(scene.opened + timedelta(seconds=step.due))
        yield _error_event(load_contract().refusal("accessTokenExpired"), step, scene)


class _Spoiled(Strike):
    sends_lines = spoils_event = True


class MalformedJson(_Spoiled):
    """One event holds half a JSON text."""

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        yield step._replace(data=_TYPE.sub(b'"type":', step.data, count=1))


class InvalidUtf8(_Spoiled):
    """One event holds bytes that are no UTF-8."""

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        spoiled = b'"type":"resp\xff\xc3\xa9\xc3onse"'
        yield step._replace(data=_TYPE.sub(spoiled, step.data, count=1))


class OversizedEvent(_Spoiled):
    """One event of `size` bytes."""

    size: int = 2 * 1024 * 1024

    def _strike(self, step: Step, scene: Scene) -> Iterator[Step]:
        before, kind, after = re.split(rb"(%b)" % _TYPE.pattern, step.data, maxsplit=1)
        before, after = before + b'"padding":"', b'",' + kind + after
        padding = max(0, self.size - len(before + after))
        yield Step(step.due, before)
        for start in range(0, padding, _PIECE):
            yield Step(step.due, b"x" * min(_PIECE, padding - start))
        yield step._replace(data=after)


def _event(step: Step, scene: Scene) -> bytes:
    """Return the event that a fault strikes; at the end of a stream there is none left."""
    return step.data or scene.wire.frame("{}", scene.opened)


def _error_event(refusal: Refusal, step: Step, scene: Scene) -> Step:
    moment = scene.opened + timedelta(seconds=step.due)
    event = scene.wire.frame(error_body(refusal.envelope, moment), moment)
    return Step(step.due, event, 1, End.CLEAN)
