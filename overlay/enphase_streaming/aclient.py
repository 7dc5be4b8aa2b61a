"""`AsyncStreamingClient`: the stream in asyncio."""

from __future__ import annotations

import time
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self, SupportsIndex

import httpx

from enphase_streaming.aconnection import AsyncConnection
from enphase_streaming.connection import LIMITS
from enphase_streaming.errors import StreamDropped
from enphase_streaming.options import BASE_URL, Duration, Options, utc_now
from enphase_streaming.reading import Reading
from enphase_streaming.steps import Failed, Head, Open, Receive, Result, Signal, Stopped
from enphase_streaming.window import OnMalformed, StreamEnd, Window


class AsyncReadingStream:
    """The readings of one stream, one by one; what `AsyncStreamingClient.live_data` returns.

    Entering it (or asking for the first reading) sends the request. Leaving it, or `aclose()` from
    any task, ends it at once. One task at a time can ask for readings.
    """

    def __init__(
        self, window: Window, request: httpx.Request, http: httpx.AsyncClient, options: Options
    ) -> None:
        self._window = window
        self._request = request
        self._connection = AsyncConnection(http, options.monotonic)
        self._monotonic = options.monotonic
        self._now = options.now
        self._core = window.run()
        self._running = self._opened = self._stopped = False
        next(self._core)

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; None while it has not."""
        return self._window.end

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
        if self._opened and self.end is None:
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
        what: Head | bytes | Failed | Signal | None = None
        try:
            while not self._stopped:
                step = self._core.send(Result(what, self._monotonic(), self._now()))
                what = None
                if type(step) is Receive:
                    what = await self._connection.receive(step.deadline)
                elif type(step) is Reading:
                    return step
                elif type(step) is Open:
                    what = await self._connection.open(self._request, step.deadline)
                else:
                    self._opened = True
                    if only_open:
                        return None
        except StopIteration:
            await self._connection.hang_up()
        except BaseException:
            await self._finish()
            raise
        return None

    async def _finish(self) -> None:
        with suppress(StopIteration, Stopped):
            self._core.throw(Stopped(self._monotonic()))
        await self._connection.hang_up()


class AsyncStreamingClient:
    """Live readings of solar sites in asyncio: `StreamingClient`, awaited.

    Args:
        api_key: the key of your application.
        access_token: the token of the site's owner; it lives for a day.
        base_url: where the API is; https, or http on a loopback host.
        first_reading_timeout: seconds from sending the request to the first reading.
        stall_timeout: seconds between two readings.
        max_event_bytes: the most that one event may hold.
        monotonic: the clock that measures, in seconds.
        now: the clock that stamps; aware.
        transport: an httpx transport to send through: a proxy, a private CA, a test's.

    Every call of `live_data` and `snapshot` costs money on every plan. Raises `InvalidArgument`
    for an argument that breaks its rule.
    """

    def __init__(
        self,
        *,
        api_key: str,
        access_token: str | None = None,
        base_url: str = BASE_URL,
        first_reading_timeout: float = 20.0,
        stall_timeout: float = 20.0,
        max_event_bytes: int = 1_048_576,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._options = Options(
            api_key=api_key,
            access_token=access_token,
            base_url=base_url,
            first_reading_timeout=first_reading_timeout,
            stall_timeout=stall_timeout,
            max_event_bytes=max_event_bytes,
            monotonic=monotonic,
            now=now,
        )
        self._http = httpx.AsyncClient(
            transport=transport,
            limits=LIMITS,
            timeout=httpx.Timeout(None, connect=first_reading_timeout),
            follow_redirects=False,
        )
        self._streams: weakref.WeakSet[AsyncReadingStream] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._options.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every stream that is open, and let go of the transport."""
        for stream in list(self._streams):
            await stream.aclose()
        await self._http.aclose()

    def live_data(
        self,
        system_id: SupportsIndex,
        duration: Duration = None,
        *,
        on_malformed: OnMalformed = "skip",
    ) -> AsyncReadingStream:
        """Return the readings of a site for `duration` seconds (30 to 300; None for the API's 30).

        Entering it sends the one request, and raises the exception of an error answer
        (`APIStatusError`, `NotAnEventStream`, `ConnectionFailed`). The loop over it ends when the
        window is over, and raises a `StreamError` if the stream ended in any other way; `end`
        tells how, after both. An event that is no JSON object is skipped and counted;
        `on_malformed` may be a callable that is given the `MalformedEvent`, or `"raise"`.
        Raises `InvalidArgument` before anything is sent.
        """
        request = self._options.request(system_id, duration)
        window = self._options.window(duration, on_malformed)
        stream = AsyncReadingStream(
            window, self._http.build_request(**request), self._http, self._options
        )
        self._streams.add(stream)
        return stream

    async def snapshot(self, system_id: SupportsIndex) -> Reading:
        """Return the first reading of a site, and hang up. Raises what `live_data` raises."""
        async with self.live_data(system_id) as stream:
            async for reading in stream:
                return reading
        raise StreamDropped("The client was closed before the first reading.")
