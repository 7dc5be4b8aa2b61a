"""A simulated API for the core: tests answer the calls of its exchange, and move its clock."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from enphase_streaming import Budget, Reading, StaticAuth, StreamEnd
from enphase_streaming.core.exchange import Failed, Head, Signal, Stopped
from enphase_streaming.core.options import OnGap, OnMalformed, OnWait, Options, StreamOptions
from enphase_streaming.core.recovery import Recovery
from enphase_streaming.core.watch import Watch
from enphase_streaming.stream import next_reading_async

START = datetime(2026, 6, 21, 12, tzinfo=UTC)
STREAM = Head(200, "text/event-stream")
SECRET = "hush-hush"
"""The API key of every client here: it must be masked wherever it is shown."""

Answer = Head | bytes | Failed | Signal | None
Method = Literal["authorize", "refresh", "open", "receive", "wait", "hang_up"]


class Clock:
    """Seconds since `START`; only tests move it."""

    def __init__(self, time: float = 0.0) -> None:
        self.time = time

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)


class Call(NamedTuple):
    """A call of the core to its exchange; `argument` is a deadline, a moment or a reason."""

    method: Method
    argument: Any = None


@types.coroutine
def _suspend(call: Call) -> Generator[Call, Any, Any]:
    return (yield call)


class SimulatedExchange:
    """An exchange that suspends the core at each call, until the test answers it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        return self._clock.time

    def now(self) -> datetime:
        return self._clock.now()

    async def authorize(self, *, afresh: bool) -> Failed | None:
        answer: Failed | None = await _suspend(Call("refresh" if afresh else "authorize"))
        return answer

    async def open(self, deadline: float) -> Head | Failed:
        answer: Head | Failed = await _suspend(Call("open", deadline))
        return answer

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        answer: bytes | Failed | Signal = await _suspend(Call("receive", deadline))
        return answer

    async def wait(self, until: float) -> None:
        await _suspend(Call("wait", until))

    async def run(self, work: Callable[[], Any], undo: Any) -> Any:
        return work()

    def later(self, work: Callable[[], object]) -> None:
        work()

    async def hang_up(self, reason: str) -> None:
        await _suspend(Call("hang_up", reason))


async def following(watch: Watch, exchange: SimulatedExchange) -> Reading | None:
    """Return a watch's next reading, None once it is over."""
    try:
        return await next_reading_async(watch, exchange.receive)
    except StopAsyncIteration:
        return None


class Run:
    """A coroutine of the core, run from call to call.

    `call` is the one that waits for an answer; None once the coroutine returned `result`, or
    raised `error`.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.call: Call | None = None
        self.result: Any = None
        self.error: Exception | None = None
        self._coroutine = coroutine
        self.answer(None)

    def answer(self, what: Answer) -> None:
        """Return `what` from the call, and run up to the next."""
        try:
            self.call = self._coroutine.send(what)
        except StopIteration as done:
            self.call, self.result = None, done.value
        except Exception as error:  # noqa: BLE001 - what the tests are about
            self.call, self.error = None, error

    def stop(self) -> None:
        """Raise `Stopped` from the call, as an exchange does once the caller has closed."""
        self.call = None
        with suppress(Stopped):
            self._coroutine.throw(Stopped())


def make_options(**changes: Any) -> Options:
    """Return a client's settings; their clocks are never read, since the exchange has its own."""
    defaults: dict[str, Any] = {
        "api_key": SECRET,
        "auth": StaticAuth("the-token"),
        "base_url": "https://api.example/api/v4",
        "token_url": "https://api.example/oauth/token",
        "first_reading_timeout": 20.0,
        "stall_timeout": 20.0,
        "max_event_bytes": 1000,
        "monotonic": None,
        "now": None,
    }
    return Options(**defaults | changes)


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
    `token` is why no token could be provided.
    """

    head: Head | Exception = STREAM
    chunks: Iterable[Chunk] = ()
    end: Exception | Signal = Signal.CLOSED
    rest: float = 0.0
    token: Exception | None = None


@dataclass
class World:
    """One site's watch and the API that it calls, driven attempt by attempt.

    A second window while one is open fails the test.
    """

    budget: Budget
    clock: Clock = field(default_factory=Clock)
    duration: int | None = 30
    chance: Callable[[], float] = lambda: 1.0
    recovery: Recovery | None = None
    wait_for_next_period: bool = False
    on_gap: OnGap | None = None
    on_wait: OnWait | None = None
    can_refresh: bool = True
    on_malformed: OnMalformed = "skip"
    first_reading_timeout: float = 20.0
    stall_timeout: float = 400.0
    refreshes: list[Exception | None] = field(default_factory=list)
    """Why the coming refreshes fail; None, or nothing left, is a new token."""

    readings: list[Reading] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    """When each request was sent."""
    hung_up: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """How each window ended, as the exchange is told."""
    renewed: list[float] = field(default_factory=list)
    """When each refresh began."""
    is_open: bool = False
    over: bool = False

    def __post_init__(self) -> None:
        # By default it does not wait: that is the watch's own default.
        waits: dict[str, Any] = {"wait_for_next_period": True} if self.wait_for_next_period else {}
        self._exchange = SimulatedExchange(self.clock)
        self.watch = Watch(
            self._exchange,
            make_options(
                auth=_Auth(self.can_refresh),
                first_reading_timeout=self.first_reading_timeout,
                stall_timeout=self.stall_timeout,
            ),
            StreamOptions(
                system_id=1765,
                duration=self.duration,
                budget=self.budget,
                once=False,
                on_malformed=self.on_malformed,
                on_gap=self.on_gap,
                on_wait=self.on_wait,
                **waits,
            ),
            self.recovery or Recovery(chance=self.chance),
        )
        self._run = Run(following(self.watch, self._exchange))
        self._collect()

    @property
    def end(self) -> StreamEnd | None:
        return self.watch.end

    @property
    def error(self) -> Exception | None:
        return self._run.error

    @property
    def reason(self) -> str | None:
        return self.end.reason if self.end else None

    @property
    def powers(self) -> list[int | None]:
        return [reading.pv_power for reading in self.readings]

    def event(self, pv_power: int, *, timed: bool = True) -> bytes:
        """Return a framed event of the present moment."""
        about: dict[str, Any] = {"data": {"pv_power": pv_power}}
        if timed:
            about["timestamp_epoch"] = round(self.clock.now().timestamp() * 1000)
        return b"data:" + json.dumps(about).encode() + b"\n\n"

    def play(self, *acts: Act) -> World:
        """Run the watch through `acts`, up to its next attempt or to its end."""
        for act in acts:
            assert not self.over, f"the watch ended before {act}: {self.error!r}"
            assert self._run.call == Call("authorize")
            self._play(act)
        return self

    def pass_to(self, method: Method) -> Call:
        """Let every call succeed until one of `method` is made; return that."""
        while True:
            assert not self.over
            call = self._run.call
            assert call is not None
            if call.method == method:
                return call
            self.answer(STREAM if call.method == "open" else None)

    def answer(self, what: Answer) -> None:
        """Let the watch's present call happen, return `what` from it, and run up to the next."""
        call = self._run.call
        assert call is not None
        match call.method:
            case "open":
                assert not self.is_open, "two windows at once"
                self.is_open = True
                self.opened.append(self.clock.time)
            case "hang_up":
                self.is_open = False
                self.hung_up.append(self.clock.time)
                self.reasons.append(call.argument)
            case "wait":
                assert call.argument >= self.clock.time
                self.clock.time = call.argument
            case "refresh":
                self.renewed.append(self.clock.time)
                error = self.refreshes.pop(0) if self.refreshes else None
                what = None if error is None else Failed(error)
        self._run.answer(what)
        self._collect()

    def stop(self) -> None:
        """Close the watch, as the iterators of the clients do."""
        self._run.stop()
        self.watch.stop()
        self.over = True

    def _play(self, act: Act) -> None:
        chunks = iter(act.chunks)
        self.answer(None if act.token is None else Failed(act.token))
        while not self.over and self._run.call != Call("authorize"):
            call = self._run.call
            assert call is not None
            if call.method == "open":
                self.answer(Failed(act.head) if isinstance(act.head, Exception) else act.head)
            elif call.method == "receive":
                self.answer(self._receive(call.argument, chunks, act))
            else:
                self.answer(None)

    def _receive(self, deadline: float, chunks: Iterator[Chunk], act: Act) -> Answer:
        delay, chunk = next(chunks, (act.rest, None))
        if act.end is Signal.OVERDUE and chunk is None:
            delay = math.inf
        if self.clock.time + delay > deadline:
            self.clock.time = max(self.clock.time, deadline)
            return Signal.OVERDUE
        self.clock.time += delay
        if chunk is None:
            return Failed(act.end) if isinstance(act.end, Exception) else act.end
        return chunk if isinstance(chunk, bytes) else chunk()

    def _collect(self) -> None:
        """Ask for readings until the watch waits for an answer, or is over."""
        while self._run.call is None:
            reading: Reading | None = self._run.result
            if reading is None:
                self.over = True
                return
            self.readings.append(reading)
            self._run = Run(following(self.watch, self._exchange))
