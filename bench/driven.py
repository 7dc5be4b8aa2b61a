"""The core of a watch with an exchange that never waits, as a client runs it without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

from enphase_streaming import Reading, StaticAuth
from enphase_streaming.core.exchange import Failed, Head, Signal, Stopped
from enphase_streaming.core.options import Options, StreamOptions
from enphase_streaming.core.recovery import Recovery
from enphase_streaming.core.watch import Watch
from enphase_streaming.stream import next_reading
from events import COUNT, START

_HEAD = Head(200, "text/event-stream")


class _Exchange:
    def __init__(self, windows: Iterable[Iterable[bytes]]) -> None:
        self._upcoming = iter(windows)
        self._chunks: Iterator[bytes] = iter(())
        self.at = 0.0
        # Written in C, as time.monotonic is.
        self.monotonic = partial(attrgetter("at"), self)

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
        return self.get(deadline)

    def get(self, deadline: float) -> bytes | Failed | Signal:
        chunk = next(self._chunks, None)
        if chunk is None:
            self.at += COUNT
            return Signal.CLOSED
        return chunk

    async def wait(self, until: float) -> None:
        pass

    async def run(self, work: Callable[[], Any], undo: Any) -> Any:
        return work()

    def later(self, work: Callable[[], object]) -> None:
        work()

    async def hang_up(self, reason: str) -> None:
        pass


def readings(
    windows: Iterable[Iterable[bytes]], recovery: Recovery | None = None
) -> Iterator[Reading]:
    """Yield the readings of windows with these chunks, each up to its planned end."""
    exchange = _Exchange(windows)
    options = Options(
        api_key="the-key",
        auth=StaticAuth("the-token"),
        base_url="https://api.example/api/v4",
        token_url="https://api.example/oauth/token",
        first_reading_timeout=20.0,
        stall_timeout=20.0,
        max_event_bytes=1_048_576,
        monotonic=exchange.monotonic,
        now=exchange.now,
    )
    core = Watch(
        exchange,
        options,
        StreamOptions(system_id=1765, duration=COUNT, budget=None, once=False),
        recovery,
    )
    try:
        while True:
            yield next_reading(core, exchange.get)
    except (StopIteration, Stopped):
        return
