"""A core driven step by step: an exchange whose every method suspends until a test answers."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from datetime import datetime
from typing import Any

import msgspec

from enphase_streaming.core.exchange import Failed, Head, Signal
from enphase_streaming.core.exchange import Stopped as _Stopped
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import Watch
from enphase_streaming.core.window import Window


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


def of_watch(watch: Watch) -> Steps:
    """A watch's steps, and its readings between them."""
    asking = Asking()
    watch.exchange = asking

    async def run() -> None:
        try:
            await asking.ask(Begin())
            if await watch.open():
                await asking.ask(Opened())
            while (reading := await watch.next()) is not None:
                await asking.ask(reading)
        except Stopped as stop:
            asking.at = stop.at
            watch.stop()
            raise

    return steps(run())


def of_window(window: Window, asking: Asking, at: float) -> Steps:
    """A window's steps, and its readings between them."""
    asking.at = at

    async def run() -> None:
        try:
            await window.open(at)
            await asking.ask(Opened())
            while (reading := await window.next()) is not None:
                await asking.ask(reading)
        except Stopped as stop:
            window.stop(stop.at)
            raise

    return steps(run())
