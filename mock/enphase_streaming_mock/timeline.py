"""When the events of one stream come, and in what pieces: the wire's options carried out."""

from collections.abc import Callable, Iterator
from itertools import count

from enphase_streaming_mock.exchange import Step
from enphase_streaming_mock.wire import Wire


def timeline(
    wire: Wire, duration: float, noise: Callable[[int], float]
) -> Iterator[tuple[float, float | None]]:
    """Yield a stream's moments in order; none lies beyond `duration`, which may be infinite.

    At the first number of a pair, in seconds after the request, something is sent: an event that
    was measured at the second number, or a keep-alive if that is None. `noise` gives the share of
    the wire's jitter, 0 to 1, by which the event of a number is late.
    """
    beats = _beats(wire, duration)
    beat = next(beats, None)
    last = 0.0
    for number in count():
        measured = wire.warm_up + number * wire.cadence
        if measured >= duration:
            break
        due = measured + wire.jitter * noise(number) if wire.jitter else measured
        if wire.stall_after is not None and number >= wire.stall_after:
            # Whatever falls into the latest stall is held back until that is over.
            stalled = number // wire.stall_after * wire.stall_after
            due = max(due, wire.warm_up + stalled * wire.cadence + wire.stall)
        if due > last:  # max() and min() would show in what an event costs
            last = due if due <= duration else duration
        while beat is not None and beat < last:
            yield beat, None
            beat = next(beats, None)
        yield last, measured
    while beat is not None:
        yield beat, None
        beat = next(beats, None)


def cut(wire: Wire, steps: Iterator[Step]) -> Iterator[Step]:
    """Split a body where the wire says; an event counts as sent with its last piece."""
    return _pieces(wire, steps) if wire.cut_at or wire.cut_every else steps


def _pieces(wire: Wire, steps: Iterator[Step]) -> Iterator[Step]:
    offset = 0
    for step in steps:
        if step.raw:
            yield step
            continue
        start = 0
        for bound in _bounds(wire, offset, len(step.data)):
            yield Step(step.due, step.data[start:bound])
            start = bound
        offset += len(step.data)
        yield step._replace(data=step.data[start:])


def _bounds(wire: Wire, offset: int, length: int) -> Iterator[int]:
    """Where to split `length` bytes that begin at `offset`; neither at their start nor end."""
    if wire.cut_every is not None:
        yield from range(wire.cut_every - offset % wire.cut_every, length, wire.cut_every)
    for cut_at in sorted(set(wire.cut_at)):
        if 0 < cut_at - offset < length:
            yield cut_at - offset


def _beats(wire: Wire, duration: float) -> Iterator[float]:
    if wire.keep_alive is None:
        return
    for number in count(1):
        if number * wire.keep_alive >= duration:
            return
        yield number * wire.keep_alive
