"""What an event costs the mock, in counts that are the same on every machine.

`make bench` measures the time; what is counted here keeps it from growing unnoticed.
"""

import asyncio
import selectors
import sys
from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TypeVarTuple

import enphase_streaming_mock
from enphase_streaming_mock import SCENARIOS, Engine, Reply, Request, ScaledClock
from enphase_streaming_mock.agenda import Agenda
from enphase_streaming_mock.engine import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from enphase_streaming_mock.exchange import End
from enphase_streaming_mock.playback import Playback

NOON = datetime(2026, 6, 21, 12, 0, 0, 250_000, tzinfo=UTC)
EVENTS = 300
Arguments = TypeVarTuple("Arguments")
PACKAGE = str(Path(enphase_streaming_mock.__file__).parent)
ACCESS = (("key", API_KEY), ("Authorization", f"Bearer {ACCESS_TOKEN}"))


class Loop(asyncio.SelectorEventLoop):
    """Counts its timers and tasks, and jumps to the next moment once all wait."""

    def __init__(self) -> None:
        super().__init__(Jump(self))
        self.now = 0.0
        self.timers = 0
        self.tasks = 0

    def time(self) -> float:
        return self.now

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self.timers += 1
        return super().call_at(when, callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        self.tasks += 1
        return super().create_task(coro, **options)


class Jump(selectors.SelectSelector):
    """Lets the time of a loop pass where others would wait."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.now += timeout or 0.0
        return super().select(0.0)


class Clock(ScaledClock):
    """The time of that loop."""

    def real(self, moment: float) -> float:
        return moment


class Transport(asyncio.Transport):
    """Counts what is written, and is read from at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes += 1

    def get_write_buffer_size(self) -> int:
        return 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return (0, 65_536)

    def is_closing(self) -> bool:
        return False


def second_of_two_streams() -> Reply:
    """A stream whose readings another one, opened within the same second, has asked for before."""
    engine = Engine(SCENARIOS["sunny-day"](), NOON)
    request = Request(
        "GET", f"/api/v4/systems/{SYSTEM_ID}/live_data", (*ACCESS, ("duration", str(EVENTS)))
    )
    first, second = engine.answer(request, NOON), engine.answer(request, NOON)
    assert first.steps is not None
    for _ in first.steps:
        pass
    return second


def calls_of(work: Callable[[], object]) -> int:
    """How often functions of the mock are entered meanwhile, generators that go on included."""
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(PACKAGE)

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_an_event_costs_the_engine_few_calls() -> None:
    reply = second_of_two_streams()
    steps = reply.steps
    assert steps is not None
    assert calls_of(lambda: sum(step.events for step in steps)) / EVENTS < 3


def test_an_event_costs_the_door_a_timer_a_write_no_task_and_few_calls() -> None:
    reply, loop, transport = second_of_two_streams(), Loop(), Transport()
    steps = reply.steps
    assert steps is not None

    async def play() -> None:
        playing = Playback(steps, transport, Clock(), 0.0, reply.record, Agenda())
        assert await playing.run() is End.CLEAN
        assert loop.tasks == 1  # this one

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        calls = calls_of(lambda: runner.run(play()))
    assert reply.record.events_sent == transport.writes == EVENTS
    assert loop.timers == EVENTS  # none for the first event, and one for the end
    assert calls / EVENTS < 6


def test_streams_that_are_due_at_once_share_a_timer() -> None:
    replies, loop, agenda = [second_of_two_streams() for _ in range(5)], Loop(), Agenda()

    async def play(reply: Reply) -> None:
        assert reply.steps is not None
        await Playback(reply.steps, Transport(), Clock(), 0.0, reply.record, agenda).run()

    async def scene() -> None:
        await asyncio.gather(*map(play, replies))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scene())
    assert [reply.record.events_sent for reply in replies] == [EVENTS] * 5
    assert loop.timers == EVENTS
