"""The iterator that `AsyncStreamingClient` hands out: it carries out the core's steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from enphase_streaming.aconnection import AsyncConnection
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


class AsyncReadingStream(Iteration):
    """The readings of one stream, one by one; what `AsyncStreamingClient.live_data` returns.

    Entering it (or asking for the first reading) sends the request. Leaving it, or `aclose()` from
    any task, ends it at once. One task at a time can ask for readings.
    """

    def __init__(
        self,
        core: Watch,
        request: Callable[[str], httpx.Request],
        http: httpx.AsyncClient,
        options: Options,
        executor: Executor,
        *,
        open_on_enter: bool,
    ) -> None:
        super().__init__(core, request, options, open_on_enter=open_on_enter)
        self._connection = AsyncConnection(http, options.monotonic)
        self._executor = executor
        self._running = False

    async def __aenter__(self) -> Self:
        self._check_not_over()
        if not self._opened:
            with suppress(StopAsyncIteration):
                await self._next(Opened)
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
                self._connection.stop()

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Reading]:
        return self._next(Reading)

    async def aclose(self) -> None:
        """End the stream at once, from any task. Harmless when it has ended."""
        self._stopped = True
        self._connection.stop()
        if not self._running:
            await self._finish()

    async def _next(self, wanted: type[_Step]) -> _Step:
        """Carry out the core's steps up to the next such one; StopAsyncIteration without one."""
        if self._running:
            raise RuntimeError("Another task is waiting for this stream's next reading.")
        self._running = self._begun = True
        options = self._options
        what: Answer = None
        try:
            while not self._stopped:
                step = self._steps.send(Result(what, options.monotonic(), options.now()))
                what = None
                if type(step) is Receive:
                    what = await self._connection.receive(step.deadline)
                elif type(step) is Open:
                    request = self._request(self._token)
                    what = await self._connection.open(request, step.deadline)
                elif type(step) is Opened:
                    self._opened = True
                elif type(step) is Authorize:
                    what = await self._authorize(options.auth.current(options.now()), None)
                elif type(step) is Refresh:
                    what = await self._authorize(None, self._token)
                elif type(step) is Wait:
                    await self._connection.wait(step.until)
                elif type(step) is HangUp:
                    await self._connection.hang_up()
                if type(step) is wanted:
                    return step
        except StopIteration:
            await self._connection.hang_up()
        except BaseException:
            await self._finish()
            raise
        finally:
            self._running = False
            if self._stopped:
                await self._finish()
        raise StopAsyncIteration

    async def _authorize(self, token: str | None, stale: str | None) -> Failed | None:
        if token is None:
            found = await self._connection.run_in_thread(
                self._executor, self._options.renewal(stale)
            )
            if isinstance(found, Failed):
                return found
            token = found
        self._token = token
        return None

    async def _finish(self) -> None:
        with suppress(StopIteration, Stopped):
            self._steps.throw(Stopped(self._options.monotonic()))
        await self._connection.hang_up()
