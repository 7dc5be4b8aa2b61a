"""A core driven step by step: an exchange whose every method suspends until a test answers."""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from datetime import datetime
from typing import Any

import msgspec

from enphase_streaming import StaticAuth
from enphase_streaming.core.exchange import Failed, Head, Signal
from enphase_streaming.core.exchange import Stopped as _Stopped
from enphase_streaming.core.options import Options
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import Watch


class Begin(msgspec.Struct, frozen=True):
    """Nothing to do."""


class Authorize(msgspec.Struct, frozen=True):
    """`authorize(afresh=False)`."""


class Refresh(msgspec.Struct, frozen=True):
    """`authorize(afresh=True)`."""


class Open(msgspec.Struct, frozen=True):
    deadline: float


class Opened(msgspec.Struct, frozen=True):
    """The core's `open` is done."""


class Receive(msgspec.Struct, frozen=True):
    deadline: float


class HangUp(msgspec.Struct, frozen=True):
    reason: str


class Wait(msgspec.Struct, frozen=True):
    until: float


Answer = Head | bytes | Failed | Signal | None


class Result(msgspec.Struct, frozen=True):
    what: Answer
    at: float
    now: datetime


class Stopped(_Stopped):
    def __init__(self, at: float) -> None:
        self.at = at


Step = Begin | Authorize | Open | Opened | Receive | HangUp | Wait | Refresh | Reading
Steps = Generator[Step, Result, None]


@types.coroutine
def _step(step: Step) -> Generator[Step, Result, Result]:
    return (yield step)


class Asking:
    """The exchange; its clock is what the test said last."""

    def __init__(self) -> None:
        self.at = 0.0
        self.moment: datetime

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return self.moment

    async def ask(self, step: Step) -> Any:
        result = await _step(step)
        self.at, self.moment = result.at, result.now
        return result.what

    async def authorize(self, *, afresh: bool) -> Failed | None:
        return await self.ask(Refresh() if afresh else Authorize())

    async def open(self, deadline: float) -> Head | Failed:
        return await self.ask(Open(deadline))

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        return await self.ask(Receive(deadline))

    async def wait(self, until: float) -> None:
        await self.ask(Wait(until))

    async def hang_up(self, reason: str) -> None:
        await self.ask(HangUp(reason))


def steps(coroutine: Coroutine[Any, Any, Any]) -> Steps:
    return coroutine.__await__()  # type: ignore[return-value]


class TestOptions(Options):
    """A client's settings, with a mask for one secret: hush."""

    __test__ = False

    def mask(self, text: str) -> str:
        return text.replace("hush", "***")


def make_options(**changes: Any) -> Options:
    """Settings as a client makes them, on clocks that are never read."""
    defaults: dict[str, Any] = {
        "api_key": "the-key",
        "auth": StaticAuth("the-token"),
        "base_url": "https://api.example/api/v4",
        "token_url": "https://api.example/oauth/token",
        "first_reading_timeout": 20.0,
        "stall_timeout": 20.0,
        "max_event_bytes": 1000,
        "monotonic": None,
        "now": None,
    }
    return TestOptions(**defaults | changes)


def of_watch(make: Callable[[Asking], Watch]) -> tuple[Watch, Steps]:
    """A watch, its steps, and its readings between them."""
    asking = Asking()
    watch = make(asking)

    async def run() -> None:
        try:
            await asking.ask(Begin())
            await watch.open()
            if watch.end is None:
                await asking.ask(Opened())
            while (reading := await watch.next()) is not None:
                await asking.ask(reading)
        except Stopped as stop:
            asking.at = stop.at
            watch.stop()
            raise

    return watch, steps(run())
