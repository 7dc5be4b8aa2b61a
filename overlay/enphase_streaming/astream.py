"""The iterator that `AsyncStreamingClient` hands out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from enphase_streaming.aconnection import AsyncExchange
from enphase_streaming.core.exchange import Stopped
from enphase_streaming.iteration import Iteration
from enphase_streaming.options import Options
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import Watch

_T = TypeVar("_T")


class AsyncReadingStream(Iteration):
    """The readings of one stream, one by one; what `AsyncStreamingClient.live_data` returns.

    Entering it (or asking for the first reading) sends the request. Leaving it, or `aclose()` from
    any task, ends it at once. One task at a time can ask for readings.
    """

    def __init__(
        self, core: Watch, exchange: AsyncExchange, options: Options, *, open_on_enter: bool
    ) -> None:
        super().__init__(core, exchange, options, open_on_enter=open_on_enter)
        self._exchange = exchange
        self._running = False

    async def __aenter__(self) -> Self:
        self._check_not_over()
        if self._open_on_enter and not self._begun:
            await self._run(self._core.open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._begun and self.end is None:
            warnings.warn(
                f"{self!r} was not closed: use 'async with'",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
            with suppress(RuntimeError):  # the loop that would close it is over
                self._exchange.let_go()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Reading:
        reading = await self._run(self._core.next)
        if reading is None:
            raise StopAsyncIteration
        return reading

    async def aclose(self) -> None:
        """End the stream at once, from any task. Harmless when it has ended."""
        self._stopped = True
        self._exchange.stop()
        if not self._running:
            await self._finish()

    async def _run(self, method: Callable[[], Coroutine[Any, Any, _T]]) -> _T | None:
        if self._running:
            raise RuntimeError("Another task is waiting for this stream's next reading.")
        self._running = self._begun = True
        found = None
        try:
            if not self._stopped:
                found = await method()
            return found
        except Stopped:
            return None
        finally:
            self._running = False
            # Stopped, over, or an exception on its way: also the one that cancels this task.
            if found is None or self._stopped:
                await self._finish()

    async def _finish(self) -> None:
        self._end_core()
        await self._exchange.hang_up("stopped")
