"""The iterator that `StreamingClient` hands out: it carries out the core's steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import httpx

from enphase_streaming.connection import Connection
from enphase_streaming.iteration import Iteration
from enphase_streaming.options import Options
from enphase_streaming.reading import Reading
from enphase_streaming.steps import (
    Answer,
    Authorize,
    Failed,
    HangUp,
    Open,
    Opened,
    Receive,
    Refresh,
    Result,
    Stopped,
    Wait,
)
from enphase_streaming.watch import Watch

_Step = TypeVar("_Step", Opened, Reading)


class ReadingStream(Iteration):
    """The readings of one stream, one by one; what `StreamingClient.live_data` returns.

    Entering it (or asking for the first reading) sends the request. Leaving it, or `close()` from
    any thread, ends it at once.
    """

    def __init__(
        self,
        core: Watch,
        request: Callable[[str], httpx.Request],
        http: httpx.Client,
        options: Options,
        *,
        open_on_enter: bool,
    ) -> None:
        super().__init__(core, request, options, open_on_enter=open_on_enter)
        self._connection = Connection(http, options.monotonic)
        self._running = threading.RLock()
        self._inside = False

    def __enter__(self) -> Self:
        self._check_not_over()
        if not self._opened:
            with suppress(StopIteration):
                self._next(Opened)
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
        self._connection.let_go()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Reading:
        return self._next(Reading)

    def close(self) -> None:
        """End the stream at once, from any thread. Harmless when it has ended."""
        self._stopped = True
        self._connection.stop()
        self._finish_if_idle()

    def _next(self, wanted: type[_Step]) -> _Step:
        """Carry out the core's steps up to the next such one; StopIteration without one."""
        try:
            with self._running:
                self._inside = True
                try:
                    return self._carry_out(wanted)
                finally:
                    self._inside = False
        finally:
            if self._stopped:
                self._finish_if_idle()

    def _carry_out(self, wanted: type[_Step]) -> _Step:
        options = self._options
        what: Answer = None
        self._begun = True
        try:
            while not self._stopped:
                step = self._steps.send(Result(what, options.monotonic(), options.now()))
                what = None
                if type(step) is Receive:
                    what = self._connection.receive(step.deadline)
                elif type(step) is Open:
                    request = self._request(self._token)
                    what = self._connection.open(request, step.deadline)
                elif type(step) is Opened:
                    self._opened = True
                elif type(step) is Authorize:
                    what = self._authorize(options.auth.current(options.now()), None)
                elif type(step) is Refresh:
                    what = self._authorize(None, self._token)
                elif type(step) is Wait:
                    self._connection.wait(step.until)
                elif type(step) is HangUp:
                    self._connection.hang_up()
                if type(step) is wanted:
                    return step
        except StopIteration:
            self._connection.hang_up()
        except BaseException:
            self._finish()
            raise
        raise StopIteration

    def _authorize(self, token: str | None, stale: str | None) -> Failed | None:
        if token is None:
            found = self._connection.run_in_thread(self._options.renewal(stale))
            if isinstance(found, Failed):
                return found
            token = found
        self._token = token
        return None

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
        self._connection.hang_up()

    def _end_core(self) -> None:
        with suppress(StopIteration, Stopped):
            self._steps.throw(Stopped(self._options.monotonic()))
