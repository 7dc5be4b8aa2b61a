"""What both clients share: how they are made, and what they are asked for."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Generic, SupportsIndex, TypeVar

import httpx

from enphase_streaming.core import arguments
from enphase_streaming.auth.auth import Auth
from enphase_streaming.core.budget import Budget
from enphase_streaming.endpoints import BASE_URL, TOKEN_URL
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.iteration import Iteration
from enphase_streaming.options import Duration, Options, utc_now
from enphase_streaming.core.policy import ManyWindows, OneWindow
from enphase_streaming.core.watch import OnGap, OnWait, Watch
from enphase_streaming.core.window import OnMalformed

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
"""Any number of streams at once, and a fresh connection for each."""

Transport = TypeVar("Transport")
Stream = TypeVar("Stream", bound=Iteration)


class BaseClient(Generic[Transport, Stream]):
    """A client of either kind, but for how its bytes move."""

    _sends: str
    """The method that makes something a transport for this client."""

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
    ) -> None:
        """Make a client; nothing is sent yet. Use it in `with`, or close it.

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

        Every call of `live_data` and `snapshot`, and every window of `watch`, costs money on every
        plan. Raises `InvalidArgument` for an argument that breaks its rule.
        """
        if transport is not None and not hasattr(transport, self._sends):
            raise InvalidArgument(
                f"transport is {arguments.shown(transport)}; {type(self).__name__} needs one with "
                f"{self._sends}(), such as those of httpx."
            )
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
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self._connect(
            transport=transport,
            limits=LIMITS,
            timeout=httpx.Timeout(None, connect=first_reading_timeout),
            follow_redirects=False,
            # None is kept: what one site's answer sets has no place in another site's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def _connect(self, **settings: Any) -> None:
        raise NotImplementedError

    def _make(
        self, core: Watch, request: Callable[[str], dict[str, Any]], *, open_on_enter: bool
    ) -> Stream:
        raise NotImplementedError

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

    def watch(
        self,
        system_id: SupportsIndex,
        *,
        budget: Budget,
        duration: Duration = 300,
        on_gap: OnGap | None = None,
        on_wait: OnWait | None = None,
        on_malformed: OnMalformed = "skip",
    ) -> Stream:
        """Return the readings of a site for as long as `budget` lasts, window after window.

        The first request is sent when the first reading is asked for. A window that ends as
        planned is followed by the next at once; one that fails, after a pause that grows from 2 s
        to 5 min. `on_gap` is called with the moments between which readings are missing and the
        exception that began the gap, when readings come again. `on_wait` is called before each pause
        with its seconds and the exception that caused it, None where the plan's calls a minute are
        used up. The loop ends when the budget is
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
                on_wait=on_wait,
            ),
            open_on_enter=False,
        )

    def _stream(
        self, core: Watch, request: Callable[[str], dict[str, Any]], *, open_on_enter: bool
    ) -> Stream:
        with self._lock:
            if self._closed:
                raise InvalidArgument("This client is closed; make a new one.")
            stream = self._make(core, request, open_on_enter=open_on_enter)
            self._streams.add(stream)
        return stream

    def _to_end(self) -> list[Stream]:
        """Return the streams that there are, and let no more be made."""
        with self._lock:
            self._closed = True
            return list(self._streams)
