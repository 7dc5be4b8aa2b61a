"""One stream's steps, carried out on its connection as they fall due.

No timer and no coroutine an event: that is what lets one core hold thousands of streams.
"""

import asyncio
from collections.abc import Iterator

from enphase_streaming_mock.agenda import Agenda
from enphase_streaming_mock.clock import ScaledClock
from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.journal import RecordedRequest

# How often a client that reads slower than the stream is looked at again, in real seconds.
_PATIENCE = 0.1


class Playback:
    """Writes a reply's steps to a transport as HTTP chunks, counting them in `record`.

    `opened` is the clock's `monotonic()` that the steps' moments count from. While the transport's
    buffer is above its high-water mark nothing more is written: what a client does not read stays
    unmade in the engine and costs no memory.
    """

    __slots__ = (
        "_agenda", "_clock", "_ended", "_high_water", "_next", "_opened", "_record", "_steps",
        "_tick", "_transport",
    )  # fmt: skip

    def __init__(
        self,
        steps: Iterator[Step],
        transport: asyncio.Transport,
        clock: ScaledClock,
        opened: float,
        record: RecordedRequest,
        agenda: Agenda,
    ) -> None:
        self._steps = steps
        self._transport = transport
        self._clock = clock
        self._opened = opened
        self._record = record
        self._high_water = transport.get_write_buffer_limits()[1]
        self._agenda = agenda
        self._tick = 0
        self._ended: asyncio.Future[End | None] = asyncio.get_running_loop().create_future()
        self._next: Step | None = None

    async def run(self) -> End | None:
        """Return how the stream is to end, or None if `stop` was called.

        The end itself, such as the empty chunk, is left to the caller.
        """
        try:
            self.play(asyncio.get_running_loop().time())
            return await self._ended
        finally:
            self._agenda.drop(self._tick, self)

    def stop(self) -> None:
        """Break the stream off."""
        if not self._ended.done():
            self._ended.set_result(None)

    def play(self, now: float) -> None:
        """Write what is due, and note when to go on; with no step left there is silence."""
        if self._ended.done():
            return
        transport, step = self._transport, self._next
        try:
            step = step or next(self._steps, None)
            while step is not None:
                due = self._clock.real(self._opened + step.due)
                if due > now:
                    self._tick = self._agenda.add(due, self)
                    break
                if transport.is_closing():
                    # A client that left without reading: asyncio would hold on for what is unsent.
                    transport.abort()
                    break
                if transport.get_write_buffer_size() > self._high_water:
                    self._tick = self._agenda.add(now + _PATIENCE, self)
                    break
                _, data, events, end, raw = step
                if data:
                    # Counted first, so that whoever has read an event finds it counted.
                    self._record.events_sent += events
                    transport.write(data if raw else b"%x\r\n%b\r\n" % (len(data), data))
                if end is not None:
                    self._ended.set_result(end)
                    break
                step = next(self._steps, None)
            self._next = step
        except Exception as failure:  # noqa: BLE001  `run` raises it; a timer's would go unnoticed
            self._ended.set_exception(failure)
