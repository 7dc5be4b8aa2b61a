"""The iterator that `AsyncStreamingClient` hands out: it carries out the core's steps."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from types import TracebackType
from typing import Self

import httpx

from enphase_streaming.aconnection import AsyncConnection
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.options import Options
from enphase_streaming.reading import Reading
from enphase_streaming.recording import Recording
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
from enphase_streaming.window import StreamEnd


class AsyncReadingStream:
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
        self._core = core
        self._steps = core.run()
        self._request = request
        self._connection = AsyncConnection(http, options.monotonic)
        self._options = options
        self._executor = executor
        self._running = False
        self._token = ""
        self.recording: Recording | None = None
        self._begun = False
        self._opened = not open_on_enter
        self._stopped = False
        next(self._steps)

    def record(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Self:
        """Write every byte that arrives to a file as well, and return this stream.

        Call it first: `async with client.live_data(…).record("site.jsonl") as stream`.
        What names the site or its devices is masked; docs/recording.md says how. `recording`
        tells how much was written, and whether writing failed.

        Raises `InvalidArgument`, before anything is sent, if the file exists and `overwrite` is
        false, if it cannot be written, and if the stream has begun.
        """
        if self._begun or self.recording is not None:
            raise InvalidArgument("record() has to be called once, before the stream begins.")
        options = self._options
        self.recording = Recording(
            path,
            overwrite=overwrite,
            started=options.monotonic(),
            now=options.now(),
            hidden=options.secrets,
        )
        self._steps = self.recording.follow(self._steps)
        next(self._steps)
        return self

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; None while it has not."""
        return self._core.end

    async def __aenter__(self) -> Self:
        if not self._opened:
            await self._advance(only_open=True)
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
            self._connection.stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Reading:
        reading = await self._advance()
        if reading is None:
            raise StopAsyncIteration
        return reading

    async def aclose(self) -> None:
        """End the stream at once, from any task. Harmless when it has ended."""
        self._stopped = True
        self._connection.stop()
        if not self._running:
            await self._finish()

    async def _advance(self, *, only_open: bool = False) -> Reading | None:
        """Carry out the core's steps up to the next reading; None if there is none any more."""
        if self._running:
            raise RuntimeError("Another task is waiting for this stream's next reading.")
        self._running = True
        try:
            return await self._carry_out(only_open)
        finally:
            self._running = False
            if self._stopped:
                await self._finish()

    async def _carry_out(self, only_open: bool) -> Reading | None:
        options = self._options
        what: Answer = None
        self._begun = True
        try:
            while not self._stopped:
                step = self._steps.send(Result(what, options.monotonic(), options.now()))
                what = None
                if type(step) is Receive:
                    what = await self._connection.receive(step.deadline)
                elif type(step) is Reading:
                    return step
                elif type(step) is Open:
                    request = self._request(self._token)
                    what = await self._connection.open(request, step.deadline)
                elif type(step) is Opened:
                    self._opened = True
                    if only_open:
                        return None
                elif type(step) is Authorize:
                    what = await self._authorize(options.auth.current(options.now()), None)
                elif type(step) is Refresh:
                    what = await self._authorize(None, self._token)
                elif type(step) is Wait:
                    await self._connection.wait(step.until)
                elif type(step) is HangUp:
                    await self._connection.hang_up()
        except StopIteration:
            await self._connection.hang_up()
        except BaseException:
            await self._finish()
            raise
        return None

    async def _authorize(self, token: str | None, stale: str | None) -> Failed | None:
        if token is None:
            found = await self._connection.aside(self._executor, self._options.renewal(stale))
            if isinstance(found, Failed):
                return found
            token = found
        self._token = token
        return None

    async def _finish(self) -> None:
        with suppress(StopIteration, Stopped):
            self._steps.throw(Stopped(self._options.monotonic()))
        await self._connection.hang_up()
