"""One stream of readings as timed steps: when events are sent, their bytes, and in which chunks."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.wire import Wire

_SECOND = timedelta(seconds=1)


def stream(
    site: Site, system_id: int, wire: Wire, start: datetime, opened: datetime, duration: float
) -> Iterator[Step]:
    """Yield the steps of a stream of `duration` seconds, which may be infinite.

    `start` is the site's second 0, `opened` the moment of the request (both aware). Every system of
    an account has the site's day.
    """
    before = wire.preamble
    for due, measured in timeline(wire, duration, lambda n: site.scenario.noise("jitter", n)):
        if measured is None:
            yield Step(due, before + wire.heartbeat)
        else:
            moment = opened + timedelta(seconds=measured)
            reading = site.report((moment - start) // _SECOND)
            reading["system_id"] = system_id
            yield Step(due, before + wire.event(reading, moment), 1)
        before = b""
    yield Step(duration, end=End.CLEAN)


def timeline(
    wire: Wire, duration: float, noise: Callable[[int], float]
) -> Iterator[tuple[float, float | None]]:
    """Yield the moments at which a stream sends something, in seconds after the request.

    The second number of a pair is when the event was measured, None for a keep-alive. `noise`
    returns the share of the wire's jitter, 0 to 1, by which the event of a number is late.
    """
    last, beats = 0.0, 1
    for number in count():
        measured = wire.warm_up + number * wire.cadence
        is_over = measured >= duration
        due = duration if is_over else measured
        if wire.jitter and not is_over:
            due += wire.jitter * noise(number)
        if wire.stall_after is not None and number >= wire.stall_after:
            stalled = number // wire.stall_after * wire.stall_after
            due = max(due, wire.warm_up + stalled * wire.cadence + wire.stall)
        last = min(max(due, last), duration)
        while wire.keep_alive is not None and beats * wire.keep_alive < last:
            yield beats * wire.keep_alive, None
            beats += 1
        if is_over:
            return
        yield last, measured


def cut(wire: Wire, steps: Iterator[Step]) -> Iterator[Step]:
    """Split the body where the wire says; an event counts as sent with its last piece."""
    return _pieces(wire, steps) if wire.cut_at or wire.cut_every else steps


def _pieces(wire: Wire, steps: Iterator[Step]) -> Iterator[Step]:
    offset = 0
    for step in steps:
        start = 0
        for bound in () if step.raw else _bounds(wire, offset, len(step.data)):
            yield Step(step.due, step.data[start:bound])
            start = bound
        offset += 0 if step.raw else len(step.data)
        yield step._replace(data=step.data[start:])


def _bounds(wire: Wire, offset: int, length: int) -> Iterator[int]:
    """Yield where to split `length` bytes that begin at `offset` of the body."""
    if wire.cut_every is not None:
        yield from range(wire.cut_every - offset % wire.cut_every, length, wire.cut_every)
    for cut_at in sorted(set(wire.cut_at)):
        if 0 < cut_at - offset < length:
            yield cut_at - offset
