"""The whole core of a watch in a plain loop, which does what a shell does, without the I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from enphase_streaming.policy import ManyWindows
from enphase_streaming.reading import Reading
from enphase_streaming.steps import Answer, Head, Open, Receive, Result, Signal, Wait
from enphase_streaming.watch import Watch
from enphase_streaming.window import Window
from events import COUNT, START

_HEAD = Head(200, "text/event-stream", None, None)


def readings(windows: Iterable[Iterable[bytes]]) -> Iterator[Reading]:
    """Yield what a watch hands over; each window ends as planned, the watch after the last one.

    The core is always told the same moment as the present one, and its own time stands still
    within a window.
    """
    window = partial(
        Window,
        duration=COUNT,
        first_reading_timeout=20.0,
        stall_timeout=20.0,
        max_event_bytes=1_048_576,
        on_malformed="raise",
        mask=str,
    )
    policy = ManyWindows(lambda: 0.5)
    watch = Watch(lambda accept: window(accept=accept), name="site", policy=policy, budget=None)
    core = watch.run()
    step = next(core)
    upcoming = iter(windows)
    chunks: Iterator[bytes] = iter(())
    at = 0.0
    while True:
        what: Answer = None
        if type(step) is Receive:
            what = next(chunks, Signal.CLOSED)
            if what is Signal.CLOSED:
                at += COUNT
        elif type(step) is Reading:
            yield step
        elif type(step) is Open:
            following = next(upcoming, None)
            if following is None:
                return
            chunks, what = iter(following), _HEAD
        else:
            assert type(step) is not Wait, "a window did not end as planned"
        step = core.send(Result(what, at, START))
