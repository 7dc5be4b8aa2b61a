"""The drive of one stream, on a transport that only remembers."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from enphase_streaming_mock import RecordedRequest, ScaledClock
from enphase_streaming_mock.agenda import Agenda
from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.playback import Playback

HIGH_WATER = 1000


class Transport(asyncio.Transport):
    """Remembers what is written; its buffer fills until somebody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.reads = False
        self.left = False
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0 if self.reads else sum(map(len, self.written))

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return (0, HIGH_WATER)

    def is_closing(self) -> bool:
        return self.left

    def abort(self) -> None:
        self.aborted = True


def entry() -> RecordedRequest:
    return RecordedRequest("GET", "/", (), (), datetime(2026, 6, 21, tzinfo=UTC), 200)


def playback(
    events: Iterator[tuple[float, bytes]], transport: Transport, record: RecordedRequest
) -> Playback:
    clock = ScaledClock(1000)
    steps = (Step(due, data, 1, None if data else End.CLEAN) for due, data in events)
    return Playback(steps, transport, clock, clock.monotonic(), record, Agenda())


def test_each_item_is_one_write_and_one_chunk() -> None:
    async def scene() -> list[bytes]:
        transport = Transport()
        assert await playback(iter([(0, b"a"), (1, b"b" * 17), (2, b"")]), transport, entry()).run()
        return transport.written

    assert asyncio.run(scene()) == [b"1\r\na\r\n", b"11\r\n" + b"b" * 17 + b"\r\n"]


def test_nothing_is_written_before_it_is_due() -> None:
    async def scene() -> tuple[int, End | None]:
        transport = Transport()
        playing = playback(iter([(0, b"a"), (3600, b"b"), (7200, b"")]), transport, entry())
        running = asyncio.create_task(playing.run())
        await asyncio.sleep(0.01)
        playing.stop()
        return len(transport.written), await running

    assert asyncio.run(scene()) == (1, None)


def test_a_client_that_does_not_read_is_waited_for() -> None:
    made = 0

    def events() -> Iterator[tuple[float, bytes]]:
        nonlocal made
        for _ in range(300):
            made += 1
            yield 0.0, b"x" * 400
        yield 0.0, b""

    async def scene() -> tuple[int, End | None, int]:
        transport, record = Transport(), entry()
        running = asyncio.create_task(playback(events(), transport, record).run())
        await asyncio.sleep(0.01)
        held_back = made
        transport.reads = True
        return held_back, await running, record.events_sent

    assert asyncio.run(scene()) == (4, End.CLEAN, 300)


def test_a_client_that_left_with_bytes_unread_is_let_go_of() -> None:
    async def scene() -> bool:
        transport = Transport()
        transport.left = True
        playing = playback(iter([(0, b"a"), (1, b"")]), transport, entry())
        running = asyncio.create_task(playing.run())
        await asyncio.sleep(0)
        playing.stop()
        await running
        return transport.aborted and not transport.written

    assert asyncio.run(scene())


def test_a_failure_while_a_reading_is_made_reaches_the_door() -> None:
    def events() -> Iterator[tuple[float, bytes]]:
        yield 0.0, b"a"
        yield 1.0, b"b"
        raise ZeroDivisionError

    async def scene() -> None:
        await playback(events(), Transport(), entry()).run()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(scene())


def test_a_cancelled_playback_writes_no_more() -> None:
    async def scene() -> int:
        transport = Transport()
        events = ((float(second), b"a") for second in range(1000))
        running = asyncio.create_task(playback(events, transport, entry()).run())
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        written = len(transport.written)
        await asyncio.sleep(0.02)
        return len(transport.written) - written

    assert asyncio.run(scene()) == 0
