"""`StreamingClient` and `AsyncStreamingClient`: checked settings, and streams made from them."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Generic, Self, SupportsIndex, TypeVar

import httpx

from enphase_streaming.auth.tokens import StaticAuth
from enphase_streaming.connection import LIMITS, Connection
from enphase_streaming.core import arguments
from enphase_streaming.core.arguments import MAXIMUM_DURATION, Duration
from enphase_streaming.core.budget import Budget
from enphase_streaming.core.options import (
    BASE_URL,
    TOKEN_URL,
    Auth,
    OnGap,
    OnMalformed,
    OnWait,
    Options,
    StreamOptions,
)
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import Watch
from enphase_streaming.errors import InvalidArgument, StreamDropped
from enphase_streaming.secrets import hide_locals, keep_out_of_logs
from enphase_streaming.stream import AsyncReadingStream, BaseStream, ReadingStream
from enphase_streaming.transports import new_async_client, new_client

Transport = TypeVar("Transport")
Stream = TypeVar("Stream", bound=BaseStream)


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


class BaseClient(Generic[Transport, Stream]):
    """What both clients share: everything but the transport of the bytes."""

    # Long, as is `watch`: each argument is declared, documented and checked in one place.
    @hide_locals
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
        transport: Transport | None = None,
        insecure_http: bool = False,
    ) -> None:
        """Make a client; nothing is sent yet. Use it in `with`, or close it.

        Every call of `live_data` and `snapshot`, and every window of `watch`, costs money on every
        plan.

        Args:
            api_key: the key of your application.
            access_token: the token of the site's owner; it lives for a day.
            auth: provides the tokens instead, such as `RefreshingAuth`.
            base_url: where the API is; https, or http on a loopback host.
            token_url: where tokens are issued; https, or http on a loopback host.
            first_reading_timeout: seconds from sending the request to the first reading.
            stall_timeout: seconds between two readings.
            max_event_bytes: the size limit of one event.
            monotonic: the clock for durations, in seconds.
            now: the clock for time stamps; aware.
            transport: an httpx transport to send through: a proxy, a private CA, a test's.
            insecure_http: accept plain http to any host, for a test server on another machine. It
                shows the key and the token to the network.

        Raises:
            InvalidArgument: for an argument that breaks its rule.
        """
        self._options = Options(
            api_key=arguments.secret(
                "api_key",
                api_key,
                "It is the API key of your application in Enphase's developer portal.",
            ),
            auth=_auth(access_token, auth),
            base_url=arguments.url("base_url", base_url, insecure_http=insecure_http),
            token_url=arguments.url("token_url", token_url, insecure_http=insecure_http),
            first_reading_timeout=arguments.seconds("first_reading_timeout", first_reading_timeout),
            stall_timeout=arguments.seconds("stall_timeout", stall_timeout),
            max_event_bytes=arguments.positive("max_event_bytes", max_event_bytes),
            monotonic=monotonic,
            now=now,
        )
        keep_out_of_logs(self._options)
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self._connect(
            self._options.base_url,
            transport,
            limits=LIMITS,
            timeout=httpx.Timeout(None, connect=first_reading_timeout),
            follow_redirects=False,
            # No cookie is kept: one site's answer must not change another site's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def _connect(self, url: str, transport: Transport | None, **settings: Any) -> None:
        raise NotImplementedError

    def _make(self, asked: StreamOptions) -> Stream:
        raise NotImplementedError

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Make a client from the ENPHASE_* variables, which docs/commands.md lists.

        The API key is that of ENPHASE_API_KEY, the access token that of ENPHASE_ACCESS_TOKEN or
        else the one that `enphase-streaming login` stored, and the API that of ENPHASE_BASE_URL.

        Args:
            options: further settings of the client. They replace what the variables say, which must
                be set all the same.

        Raises:
            InvalidArgument: a variable is missing or has a wrong value.
        """
        # Imported here as it needs everything that renews tokens.
        from enphase_streaming.environment import client_arguments

        found = client_arguments(os.environ)
        if "access_token" in options:
            del found["auth"]
        return cls(**found | options)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._options.base_url!r})"

    def live_data(
        self,
        system_id: SupportsIndex,
        duration: Duration = None,
        budget: Budget | None = None,
        *,
        on_malformed: OnMalformed = "skip",
    ) -> Stream:
        """Return the readings of a site for `duration` seconds.

        Entering it sends the one request and raises the exception of an error answer. The loop over
        it ends when the window is over, and raises a `StreamError` if the stream ended in any other
        way; `end` tells how, after both. A token that is refused is refreshed once, where `auth`
        can, and the request sent once more.

        Args:
            system_id: the number of the site.
            duration: whole seconds within the API's bounds; None for the API's default of 30.
            budget: counts each attempt before it is made.
            on_malformed: what to do with an event that is no JSON object: skip and count it, call
                this with the `MalformedEvent`, or `"raise"` it.

        Raises:
            InvalidArgument: before anything is sent.
        """
        return self._stream(
            system_id, duration, budget=budget, once=True, on_malformed=on_malformed
        )

    def watch(
        self,
        system_id: SupportsIndex,
        *,
        budget: Budget,
        duration: Duration = MAXIMUM_DURATION,
        wait_for_next_period: bool = False,
        on_gap: OnGap | None = None,
        on_wait: OnWait | None = None,
        on_malformed: OnMalformed = "skip",
    ) -> Stream:
        """Return the readings of a site for as long as `budget` lasts, window after window.

        The first request is sent when the first reading is asked for. A window that ends as
        planned is followed by the next at once, one that fails after a pause that grows from 2 s
        to 5 min. The loop ends when the budget is used up after a planned end; `end.reason` is
        `budget` then.

        Its loop raises the exception of any failure that a retry cannot recover from, the last
        exception after five attempts without a reading, and `BudgetExhausted` if the budget is
        used up while it recovers.

        Args:
            system_id: the number of the site.
            budget: counts each attempt before it is made.
            duration: the length of each window, in whole seconds within the API's bounds.
            wait_for_next_period: where the calls of the budget's period are used up, wait for the
                next period instead of ending. The budget needs `per` for this.
            on_gap: called when readings resume, with the moments between which they are missing
                and the exception that began the gap.
            on_wait: called before each pause with its seconds and the exception that caused it,
                None where the plan's calls a minute, or those of the period, are used up.
            on_malformed: as for `live_data`.

        Raises:
            InvalidArgument: before anything is sent.
        """
        if budget is None:
            raise InvalidArgument(
                "budget is required: every window costs money. Pass Budget(calls=…), "
                "Budget(dollars=…) or Budget.unlimited()."
            )
        if wait_for_next_period and getattr(budget, "per", None) is None:
            raise InvalidArgument(
                "wait_for_next_period needs a budget that renews: pass Budget(…, per='day')."
            )
        return self._stream(
            system_id,
            duration,
            budget=budget,
            once=False,
            wait_for_next_period=wait_for_next_period,
            on_malformed=on_malformed,
            on_gap=on_gap,
            on_wait=on_wait,
        )

    def _stream(self, system_id: SupportsIndex, duration: Duration, **asked: Any) -> Stream:
        options = StreamOptions(
            system_id=arguments.system_id(system_id),
            duration=arguments.whole_seconds(duration),
            **asked,
        )
        with self._lock:
            if self._closed:
                raise InvalidArgument("This client is closed; make a new one.")
            stream = self._make(options)
            self._streams.add(stream)
        return stream

    def _close_down(self) -> list[Stream]:
        """Return the streams that are left, and let no more be made."""
        with self._lock:
            self._closed = True
            return list(self._streams)


class StreamingClient(BaseClient[httpx.BaseTransport, ReadingStream]):
    """Live readings of solar sites. `AsyncStreamingClient` is the same, awaited."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every open stream, and close the transport."""
        for stream in self._close_down():
            stream.close()
        self._http.close()

    def snapshot(self, system_id: SupportsIndex, budget: Budget | None = None) -> Reading:
        """Return the first reading of a site, and hang up. Raises what `live_data` raises."""
        with self.live_data(system_id, budget=budget) as stream:
            for reading in stream:
                return reading
        raise StreamDropped("The client was closed before the first reading.")

    def _connect(self, url: str, transport: httpx.BaseTransport | None, **settings: Any) -> None:
        self._http = new_client(url, transport, **settings)

    def _make(self, asked: StreamOptions) -> ReadingStream:
        connection = Connection(self._http, self._options, asked)
        core = Watch(connection, self._options, asked)
        return ReadingStream(core, connection, self._options)


class AsyncStreamingClient(BaseClient[httpx.AsyncBaseTransport, AsyncReadingStream]):
    """Live readings of solar sites in asyncio: `StreamingClient`, awaited."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every open stream, and close the transport."""
        for stream in self._close_down():
            await stream.aclose()
        await self._http.aclose()

    async def snapshot(self, system_id: SupportsIndex, budget: Budget | None = None) -> Reading:
        """Return the first reading of a site, and hang up. Raises what `live_data` raises."""
        async with self.live_data(system_id, budget=budget) as stream:
            async for reading in stream:
                return reading
        raise StreamDropped("The client was closed before the first reading.")

    def _connect(
        self, url: str, transport: httpx.AsyncBaseTransport | None, **settings: Any
    ) -> None:
        self._http = new_async_client(url, transport, **settings)

    def _make(self, asked: StreamOptions) -> AsyncReadingStream:
        # Imported here because asyncio takes as long to import as all the rest.
        from enphase_streaming.aconnection import AsyncConnection

        connection = AsyncConnection(self._http, self._options, asked)
        core = Watch(connection, self._options, asked)
        return AsyncReadingStream(core, connection, self._options)


def _auth(access_token: str | None, auth: Auth | None) -> Auth:
    if auth is None:
        return StaticAuth(access_token)
    if access_token is not None:
        raise InvalidArgument("Pass either access_token or auth, not both.")
    if not callable(getattr(auth, "renew", None)):
        raise InvalidArgument(
            "auth must be a RefreshingAuth, or an object with its methods, got "
            f"{arguments.shown(auth)}."
        )
    return auth
