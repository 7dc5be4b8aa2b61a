"""The iterators over a stream's readings: each runs the core on its own kind of connection."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar, TypeVarTuple

from enphase_streaming.connection import Connection
from enphase_streaming.core.exchange import Failed, Signal, Stopped
from enphase_streaming.core.options import Options
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import StreamEnd, Watch
from enphase_streaming.errors import InvalidArgument

if TYPE_CHECKING:
    from enphase_streaming.aconnection import AsyncConnection
    from enphase_streaming.recording.recording import Recording

_Arguments = TypeVarTuple("_Arguments")
_T = TypeVar("_T")


class BaseStream:
    """What both iterators share: the core, its recording, and how it ended."""

    def __init__(self, core: Watch, options: Options) -> None:
        self.recording: Recording | None = None
        self._core = core
        self._options = options
        self._begun = self._stopped = False

    def __repr__(self) -> str:
        state = "under way" if self._begun else "not begun"
        return f"<{type(self).__name__} of Site {self._core.asked.system_id}: {self.end or state}>"

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; None while it has not."""
        return self._core.end

    def record(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Self:
        """Also write every byte that arrives to a file, and return this stream.

        Call it first, as in `client.live_data(…).record("site.jsonl")`. Values that identify the
        site or its devices are replaced; docs/recording.md says how. `recording` tells how much
        was written, and whether writing failed.

        Raises:
            InvalidArgument: before anything is sent, if the file exists and `overwrite` is false,
                if it cannot be written, and if the stream has begun.
        """
        if self._begun or self.recording is not None:
            raise InvalidArgument("record() must be called once, before the stream begins.")
        # Imported here because few streams are recorded.
        from enphase_streaming.recording.recording import Recording

        options = self._options
        self.recording = self._core.observer = Recording(
            path,
            overwrite=overwrite,
            started=options.monotonic(),
            now=options.now(),
            hidden=options.secrets,
            max_event_bytes=options.max_event_bytes,
        )
        return self

    def _end_core(self, *, finalizing: bool = False) -> None:
        self._core.stop(finalizing=finalizing)
        if self.recording is not None:
            self.recording.ended("stopped", self._options.monotonic())
            self.recording.close()

    def _should_open(self) -> bool:
        if self._begun and self.end is not None:
            raise InvalidArgument("This stream is over; ask the client for another one.")
        return self._core.asked.once and not self._begun


class ReadingStream(BaseStream):
    """The readings of one stream, one by one; what `StreamingClient.live_data` returns.

    Entering it (or asking for the first reading) sends the request. Leaving it, or `close()` from
    any thread, ends it at once.
    """

    def __init__(self, core: Watch, connection: Connection, options: Options) -> None:
        super().__init__(core, options)
        self._connection = connection
        self._running = threading.RLock()
        self._inside = False

    def __enter__(self) -> Self:
        if self._should_open():
            with suppress(StopIteration):  # closed meanwhile
                self._run(lambda: run_blocking(self._core.advance()))
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._end_core(finalizing=True)
        if self._begun:
            self._connection.stop()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Reading:
        return self._run(next_reading, self._core, self._connection.get)

    def close(self) -> None:
        """End the stream at once, from any thread. Harmless when it has ended."""
        self._stopped = True
        self._connection.stop()
        self._finish_if_idle()

    def _run(self, work: Callable[[*_Arguments], _T], *arguments: *_Arguments) -> _T:
        try:
            with self._running:
                self._begun = self._inside = True
                try:
                    if self._stopped:
                        raise StopIteration
                    found = work(*arguments)
                    if self._core.end is not None:
                        self._finish()
                    return found
                except Stopped:
                    raise StopIteration from None
                except BaseException:
                    self._finish()
                    raise
                finally:
                    self._inside = False
        finally:
            if self._stopped:
                self._finish_if_idle()

    def _finish_if_idle(self) -> None:
        # A thread inside sees _stopped before it leaves, and comes here afterwards.
        if self._running.acquire(blocking=False):
            try:
                if not self._inside:
                    self._finish()
            finally:
                self._running.release()

    def _finish(self) -> None:
        self._end_core()
        if self._begun:
            run_blocking(self._connection.hang_up("stopped"))


class AsyncReadingStream(BaseStream):
    """The readings of one stream, one by one; what `AsyncStreamingClient.live_data` returns.

    Entering it (or asking for the first reading) sends the request. Leaving it, or `aclose()` from
    any task, ends it at once. One task at a time can ask for readings.
    """

    def __init__(self, core: Watch, connection: AsyncConnection, options: Options) -> None:
        super().__init__(core, options)
        self._connection = connection
        self._running = False

    async def __aenter__(self) -> Self:
        if self._should_open():
            with suppress(StopAsyncIteration):  # closed meanwhile
                await self._run(self._core.advance)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._begun and self.end is None:
            with suppress(RuntimeError):  # the event loop that would close it is gone
                self._connection.abandon()
            warnings.warn(
                f"{self!r} was not closed: use 'async with'",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Reading]:
        # Without `async`: one more coroutine would add to the cost of every event.
        return self._run(next_reading_async, self._core, self._connection.receive)

    async def aclose(self) -> None:
        """End the stream at once, from any task. Harmless when it has ended."""
        self._stopped = True
        self._connection.stop()
        if not self._running:
            await self._finish()

    async def _run(
        self, work: Callable[[*_Arguments], Awaitable[_T]], *arguments: *_Arguments
    ) -> _T:
        if self._running:
            raise RuntimeError("Another task is waiting for this stream's next reading.")
        self._running = self._begun = True
        finished = True
        try:
            if self._stopped:
                raise StopAsyncIteration
            found = await work(*arguments)
            finished = self._core.end is not None
            return found
        except Stopped:
            raise StopAsyncIteration from None
        finally:
            self._running = False
            # Also after an exception, such as the one that cancels this task.
            if finished or self._stopped:
                await self._finish()

    async def _finish(self) -> None:
        self._end_core()
        await self._connection.hang_up("stopped")


def next_reading(core: Watch, receive: Callable[[float], bytes | Failed | Signal]) -> Reading:
    """Run the core to its next reading. Raises StopIteration once it is over."""
    while (reading := core.ready()) is None:
        window = core.window
        if core.end is not None:
            raise StopIteration
        if window is None or (deadline := window.ask()) is None:
            run_blocking(core.advance())
        else:
            window.take(receive(deadline))
    return reading


async def next_reading_async(
    core: Watch, receive: Callable[[float], Awaitable[bytes | Failed | Signal]]
) -> Reading:
    """Do the same, awaiting. Raises StopAsyncIteration once it is over."""
    while (reading := core.ready()) is None:
        window = core.window
        if core.end is not None:
            raise StopAsyncIteration
        if window is None or (deadline := window.ask()) is None:
            await core.advance()
        else:
            window.take(await receive(deadline))
    return reading


def run_blocking(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that never suspends, since its connection blocks instead."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: _T = done.value
        return found
    coroutine.close()
    raise RuntimeError("A connection of the sync client suspended.")
