"""The whole core of a watch in a plain loop, which does what a shell does, without the I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from enphase_streaming.policy import ManyWindows
from enphase_streaming.reading import Reading
from enphase_streaming.steps import Answer, Head, Open, Receive, Result, Signal
from enphase_streaming.watch import Policy, Watch
from enphase_streaming.window import Window
from events import COUNT, START

_HEAD = Head(200, "text/event-stream", None, None)


def readings(windows: Iterable[Iterable[bytes]], policy: Policy | None = None) -> Iterator[Reading]:
    """Yield what a core hands over whose windows send these chunks, each up to its planned end.

    It ends before it would open one more. The core is always told the same present moment, and
    its own time stands still within a window.
    """
    window = partial(
        Window,
        host="api.example",
        duration=COUNT,
        first_reading_timeout=20.0,
        stall_timeout=20.0,
        max_event_bytes=1_048_576,
        on_malformed="skip",
        mask=str,
    )
    core = Watch(
        lambda accept: window(accept=accept),
        name="site",
        policy=policy or ManyWindows(),
        budget=None,
    ).run()
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
        try:
            step = core.send(Result(what, at, START))
        except StopIteration:
            return
