"""The whole core of a watch with an exchange that never waits: what a shell does, without the I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from enphase_streaming.core.exchange import Failed, Head, Signal, Stopped, run_blocking
from enphase_streaming.core.policy import ManyWindows
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import Policy, Watch
from enphase_streaming.core.window import Window
from events import COUNT, START

_HEAD = Head(200, "text/event-stream", None, None)


class _Exchange:
    def __init__(self, windows: Iterable[Iterable[bytes]]) -> None:
        self._upcoming = iter(windows)
        self._chunks: Iterator[bytes] = iter(())
        self._at = 0.0

    def monotonic(self) -> float:
        return self._at

    def now(self) -> datetime:
        return START

    async def authorize(self, *, afresh: bool) -> Failed | None:
        return None

    async def open(self, deadline: float) -> Head | Failed:
        following = next(self._upcoming, None)
        if following is None:
            raise Stopped
        self._chunks = iter(following)
        return _HEAD

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        chunk = next(self._chunks, None)
        if chunk is None:
            self._at += COUNT
            return Signal.CLOSED
        return chunk

    async def wait(self, until: float) -> None:
        pass

    async def hang_up(self, reason: str) -> None:
        pass


def readings(windows: Iterable[Iterable[bytes]], policy: Policy | None = None) -> Iterator[Reading]:
    """Yield what a core hands over whose windows send these chunks, each up to its planned end."""
    core = Watch(
        lambda exchange, accept: Window(
            exchange,
            host="api.example",
            duration=COUNT,
            first_reading_timeout=20.0,
            stall_timeout=20.0,
            max_event_bytes=1_048_576,
            on_malformed="skip",
            mask=str,
            accept=accept,
        ),
        name="site",
        policy=policy or ManyWindows(),
        budget=None,
    )
    core.exchange = _Exchange(windows)
    try:
        while (reading := run_blocking(core.next())) is not None:
            yield reading
    except Stopped:
        return
