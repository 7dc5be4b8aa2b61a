"""One stream's steps, carried out on its connection as they fall due.

One timer a stream and no coroutine an event: that is what lets one core hold thousands of streams.
"""

import asyncio
from collections.abc import Iterator

from enphase_streaming_mock.clock import Clock
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

    def __init__(
        self,
        steps: Iterator[Step],
        transport: asyncio.Transport,
        clock: Clock,
        opened: float,
        record: RecordedRequest,
    ) -> None:
        self._steps = steps
        self._transport = transport
        self._clock = clock
        self._opened = opened
        self._record = record
        self._high_water = transport.get_write_buffer_limits()[1]
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[End | None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._next: Step

    async def run(self) -> End | None:
        """Return how the stream is to end, or None if `stop` was called.

        The end itself, such as the empty chunk, is left to the caller.
        """
        try:
            if not self._wait_for_next():
                self._play()
            return await self._ended
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def stop(self) -> None:
        """Break the stream off."""
        if not self._ended.done():
            self._ended.set_result(None)

    def _play(self) -> None:
        try:
            self._write_what_is_due()
        except Exception as failure:  # noqa: BLE001  `run` raises it; a timer's would go unnoticed
            self._ended.set_exception(failure)

    def _write_what_is_due(self) -> None:
        while not self._ended.done():
            if self._transport.is_closing():
                # A client that left without reading: asyncio would hold on for what is unsent.
                self._transport.abort()
                return
            if self._transport.get_write_buffer_size() > self._high_water:
                self._timer = self._loop.call_later(_PATIENCE, self._play)
                return
            _, data, events, end, raw = self._next
            if data:
                # Counted first, so that whoever has read an event finds it counted.
                self._record.events_sent += events
                self._transport.write(data if raw else b"%x\r\n%b\r\n" % (len(data), data))
            if end is not None:
                self._ended.set_result(end)
                return
            if self._wait_for_next():
                return

    def _wait_for_next(self) -> bool:
        """Take the next step; set the timer for it and return True unless it is due already."""
        step = next(self._steps, None)
        if step is None:  # held open in silence, until the client leaves or `stop` is called
            return True
        self._next = step
        delay = self._clock.delay(self._opened + step.due)
        if delay <= 0:
            return False
        self._timer = self._loop.call_later(delay, self._play)
        return True
