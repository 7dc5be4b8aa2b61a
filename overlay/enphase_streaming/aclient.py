"""`AsyncStreamingClient`: the stream in asyncio."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from types import TracebackType
from typing import Any, Self, SupportsIndex

import httpx

from enphase_streaming.astream import AsyncReadingStream
from enphase_streaming.auth import Auth
from enphase_streaming.budget import Budget
from enphase_streaming.connection import LIMITS
from enphase_streaming.endpoints import BASE_URL, TOKEN_URL
from enphase_streaming.errors import InvalidArgument, StreamDropped
from enphase_streaming.options import Duration, Options, utc_now
from enphase_streaming.policy import ManyWindows, OneWindow
from enphase_streaming.reading import Reading
from enphase_streaming.watch import OnGap, Watch
from enphase_streaming.window import OnMalformed


class AsyncStreamingClient:
    """Live readings of solar sites in asyncio: `StreamingClient`, awaited.

    Args:
        api_key: the key of your application.
        access_token: the token of the site's owner; it lives for a day.
        auth: gives the tokens instead, such as `RefreshingAuth`.
        base_url: where the API is; https, or http on a loopback host.
        token_url: where tokens are issued.
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
        auth: Auth | None = None,
        base_url: str = BASE_URL,
        token_url: str = TOKEN_URL,
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
            auth=auth,
            base_url=base_url,
            token_url=token_url,
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
        # Its thread starts with the first token that has to be renewed.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="enphase-auth")
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
        self._executor.shutdown(wait=False)

    def live_data(
        self,
        system_id: SupportsIndex,
        duration: Duration = None,
        budget: Budget | None = None,
        *,
        on_malformed: OnMalformed = "skip",
    ) -> AsyncReadingStream:
        """Return the readings of a site for `duration` seconds (30 to 300; None for the API's 30).

        Entering it sends the one request, and raises the exception of an error answer
        (`APIStatusError`, `NotAnEventStream`, `ConnectionFailed`). The loop over it ends when the
        window is over, and raises a `StreamError` if the stream ended in any other way; `end`
        tells how, after both. A token that is refused is refreshed once, where `auth` can, and
        the request sent once more. `budget` counts each attempt before it is made. An event that
        is no JSON object is skipped and counted; `on_malformed` may be a callable that is given
        the `MalformedEvent`, or `"raise"`.

        Raises `InvalidArgument` before anything is sent, `BudgetExhausted` and `LoginRequired`
        instead of sending.
        """
        return self._stream(
            *self._options.watch(
                system_id, duration, policy=OneWindow(), budget=budget, on_malformed=on_malformed
            ),
            open_on_enter=True,
        )

    async def snapshot(self, system_id: SupportsIndex, budget: Budget | None = None) -> Reading:
        """Return the first reading of a site, and hang up. Raises what `live_data` raises."""
        async with self.live_data(system_id, budget=budget) as stream:
            async for reading in stream:
                return reading
        raise StreamDropped("The client was closed before the first reading.")

    def watch(
        self,
        system_id: SupportsIndex,
        *,
        budget: Budget,
        duration: Duration = 300,
        on_gap: OnGap | None = None,
        on_malformed: OnMalformed = "skip",
    ) -> AsyncReadingStream:
        """Return the readings of a site for as long as `budget` lasts, window after window.

        The first request is sent when the first reading is asked for. A window that ends as
        planned is followed by the next at once; one that fails, after a pause that grows from 2 s
        to 5 min. `on_gap` is called with the moments between which readings are missing and the
        exception that began the gap, when readings come again. The loop ends when the budget is
        used up after a planned end; `end.reason` is `budget` then.

        Raises the exception of whatever trying again cannot mend, the last one after five
        attempts without a reading, `BudgetExhausted` if the budget ends inside a recovery, and
        `InvalidArgument` before anything is sent.
        """
        if budget is None:
            raise InvalidArgument(
                "watch() needs a budget: every window costs money. Give Budget(calls=…), "
                "Budget(dollars=…) or Budget.unlimited()."
            )
        return self._stream(
            *self._options.watch(
                system_id,
                duration,
                policy=ManyWindows(),
                budget=budget,
                on_malformed=on_malformed,
                on_gap=on_gap,
            ),
            open_on_enter=False,
        )

    def _stream(
        self, core: Watch, request: Callable[[str], dict[str, Any]], *, open_on_enter: bool
    ) -> AsyncReadingStream:
        stream = AsyncReadingStream(
            core,
            lambda token: self._http.build_request(**request(token)),
            self._http,
            self._options,
            self._executor,
            open_on_enter=open_on_enter,
        )
        self._streams.add(stream)
        return stream
