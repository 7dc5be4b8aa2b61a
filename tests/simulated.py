"""A simulated API for the core of a watch: it answers every step, and time passes only in it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from enphase_streaming import Budget, Reading, StaticAuth, StreamEnd
from enphase_streaming.core.recovery import Recovery
from enphase_streaming.core.watch import OnGap, OnMalformed, OnWait, Watch
from stepping import (
    Answer,
    Authorize,
    Failed,
    HangUp,
    Head,
    Open,
    Opened,
    Receive,
    Refresh,
    Result,
    Signal,
    Step,
    Stopped,
    Wait,
    make_options,
    of_watch,
)

START = datetime(2026, 6, 21, 12, tzinfo=UTC)
STREAM = Head(200, "text/event-stream", None, None)


class Clock:
    """Seconds since `START`; only a test or a world moves them."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)


class _Auth(StaticAuth):
    def __init__(self, can_refresh: bool) -> None:
        super().__init__("the-token")
        self.can_refresh = can_refresh


Chunk = tuple[float, bytes | Callable[[], bytes]]


class Act(NamedTuple):
    """What the API does with one attempt.

    `chunks` are bytes and the seconds that pass before each; a callable makes them when its
    moment has come. After the last and `rest` more seconds comes `end`: an exception for a
    connection that breaks, `CLOSED` for a clean end, `OVERDUE` for silence until the deadline.
    """

    head: Head | Exception = STREAM
    chunks: Iterable[Chunk] = ()
    end: Exception | Signal = Signal.CLOSED
    rest: float = 0.0
    token: Exception | None = None


@dataclass
class World:
    """One site's watch and its surroundings, driven attempt by attempt.

    A second window while one is open fails the test, and so does an `Open` that the budget was
    not asked for.
    """

    budget: Budget
    clock: Clock = field(default_factory=Clock)
    duration: int = 30
    chance: Callable[[], float] = lambda: 1.0
    recovery: Recovery | None = None
    on_gap: OnGap | None = None
    on_wait: OnWait | None = None
    can_refresh: bool = True
    on_malformed: OnMalformed = "skip"
    first_reading_timeout: float = 20.0
    stall_timeout: float = 400.0
    refreshes: list[Exception | None] = field(default_factory=list)
    """What the coming refreshes meet; None, or nothing left, is a new token."""

    readings: list[Reading] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    """When each request was sent."""
    hung_up: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """How each window ended, as whoever hangs up is told."""
    renewed: list[float] = field(default_factory=list)
    error: BaseException | None = None
    is_open: bool = False
    over: bool = False

    def __post_init__(self) -> None:
        self.watch, self._core = of_watch(
            lambda asking: Watch(
                asking,
                make_options(
                    auth=_Auth(self.can_refresh),
                    first_reading_timeout=self.first_reading_timeout,
                    stall_timeout=self.stall_timeout,
                ),
                name="Site 1765",
                duration=self.duration,
                budget=self.budget,
                recovery=self.recovery or Recovery(chance=self.chance),
                on_malformed=self.on_malformed,
                on_gap=self.on_gap,
                on_wait=self.on_wait,
            )
        )
        self._step: Step = next(self._core)
        self._tell(None)

    @property
    def end(self) -> StreamEnd | None:
        return self.watch.end

    @property
    def reason(self) -> str | None:
        return self.end.reason if self.end else None

    @property
    def powers(self) -> list[int | None]:
        return [reading.pv_power for reading in self.readings]

    def event(self, pv_power: int, *, timed: bool = True) -> bytes:
        """A framed event of the present moment."""
        about: dict[str, Any] = {"data": {"pv_power": pv_power}}
        if timed:
            about["timestamp_epoch"] = round(self.clock.now().timestamp() * 1000)
        return b"data:" + json.dumps(about).encode() + b"\n\n"

    def play(self, *acts: Act) -> World:
        """Drive the watch through `acts`, up to where it wants the next attempt, or is over."""
        for act in acts:
            assert not self.over, f"the watch ended before {act}: {self.error!r}"
            assert isinstance(self._step, Authorize)
            self._play(act)
        return self

    def stop(self) -> None:
        """Do what a shell does when it is closed."""
        try:
            self._core.throw(Stopped(self.clock.time))
        except (StopIteration, Stopped):
            self.over = True

    def pass_to(self, kind: type[Step]) -> Step:
        """Take every step with success until one of `kind` is asked for; return that."""
        while not isinstance(self._step, kind):
            assert not self.over
            self._answer(STREAM if isinstance(self._step, Open) else None)
        return self._step

    def _play(self, act: Act) -> None:
        chunks = iter(act.chunks)
        self._answer(None if act.token is None else Failed(act.token))
        while not self.over and not isinstance(self._step, Authorize):
            if isinstance(self._step, Open):
                self._answer(Failed(act.head) if isinstance(act.head, Exception) else act.head)
            elif isinstance(self._step, Receive):
                self._answer(self._receive(self._step, chunks, act))
            else:
                self._answer(None)

    def _receive(self, step: Receive, chunks: Iterator[Chunk], act: Act) -> Answer:
        delay, chunk = next(chunks, (act.rest, None))
        if act.end is Signal.OVERDUE and chunk is None:
            delay = math.inf
        if self.clock.time + delay > step.deadline:
            self.clock.time = max(self.clock.time, step.deadline)
            return Signal.OVERDUE
        self.clock.time += delay
        if chunk is None:
            return Failed(act.end) if isinstance(act.end, Exception) else act.end
        return chunk if isinstance(chunk, bytes) else chunk()

    def _answer(self, what: Answer) -> None:
        """Take the present step, answer it with `what`, and tell the core."""
        step = self._step
        if isinstance(step, Open):
            assert not self.is_open, "two windows at once"
            self.is_open = True
            self.opened.append(self.clock.time)
        elif isinstance(step, HangUp):
            self.is_open = False
            self.hung_up.append(self.clock.time)
            self.reasons.append(step.reason)
        elif isinstance(step, Wait):
            assert step.until >= self.clock.time
            self.clock.time = step.until
        elif isinstance(step, Refresh):
            self.renewed.append(self.clock.time)
            error = self.refreshes.pop(0) if self.refreshes else None
            what = None if error is None else Failed(error)
        elif isinstance(step, Reading):
            self.readings.append(step)
        else:
            assert isinstance(step, Authorize | Opened | Receive)
        self._tell(what)

    def _tell(self, what: Answer) -> None:
        try:
            self._step = self._core.send(Result(what, self.clock.time, self.clock.now()))
        except StopIteration:
            self.over = True
        except Exception as error:  # noqa: BLE001 - what the tests are about
            self.over, self.error = True, error
