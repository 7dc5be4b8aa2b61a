"""The iterator that `StreamingClient` hands out: it runs the core in the caller's own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from enphase_streaming.connection import BlockingExchange
from enphase_streaming.core.exchange import Stopped, run_blocking
from enphase_streaming.iteration import Iteration
from enphase_streaming.options import Options
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import Watch

_T = TypeVar("_T")


class ReadingStream(Iteration):
    """The readings of one stream, one by one; what `StreamingClient.live_data` returns.

    Entering it (or asking for the first reading) sends the request. Leaving it, or `close()` from
    any thread, ends it at once.
    """

    def __init__(
        self, core: Watch, exchange: BlockingExchange, options: Options, *, open_on_enter: bool
    ) -> None:
        super().__init__(core, exchange, options, open_on_enter=open_on_enter)
        self._exchange = exchange
        self._running = threading.RLock()
        self._inside = False

    def __enter__(self) -> Self:
        self._check_not_over()
        if self._open_on_enter and not self._begun:
            self._run(self._core.open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._end_core()
        if self._begun:
            self._exchange.stop()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Reading:
        reading = self._run(self._core.next)
        if reading is None:
            raise StopIteration
        return reading

    def close(self) -> None:
        """End the stream at once, from any thread. Harmless when it has ended."""
        self._stopped = True
        self._exchange.stop()
        self._finish_if_idle()

    def _run(self, method: Callable[[], Coroutine[Any, Any, _T]]) -> _T | None:
        try:
            with self._running:
                self._begun = self._inside = True
                try:
                    found = None if self._stopped else run_blocking(method())
                    if found is None:
                        self._finish()
                    return found
                except Stopped:
                    return None
                except BaseException:
                    self._finish()
                    raise
                finally:
                    self._inside = False
        finally:
            if self._stopped:
                self._finish_if_idle()

    def _finish_if_idle(self) -> None:
        # Whoever is inside sees _stopped before leaving, and comes here afterwards.
        if self._running.acquire(blocking=False):
            try:
                if not self._inside:
                    self._finish()
            finally:
                self._running.release()

    def _finish(self) -> None:
        self._end_core()
        if self._begun:
            run_blocking(self._exchange.hang_up("stopped"))
