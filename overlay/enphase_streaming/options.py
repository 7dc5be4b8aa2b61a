"""What both clients are made of: checked arguments, the request that they send, their core."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, SupportsIndex
from urllib.parse import urlsplit

from enphase_streaming.core import arguments
from enphase_streaming.auth.auth import Auth, StaticAuth
from enphase_streaming.core.budget import Budget
from enphase_streaming.core.duration import DEFAULT, whole_seconds
from enphase_streaming.endpoints import USER_AGENT
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.core.exchange import Exchange
from enphase_streaming.secrets import keep_out_of_logs, masked
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import OnGap, OnWait, Policy, Watch
from enphase_streaming.core.window import OnMalformed, Window
from enphase_streaming_api.api.streaming import stream_system_live_data


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


Duration = SupportsIndex | timedelta | None


class Options:
    """The checked arguments of a client. Raises `InvalidArgument` for one that breaks its rule."""

    def __init__(
        self,
        *,
        api_key: str,
        access_token: str | None,
        auth: Auth | None,
        base_url: str,
        token_url: str,
        first_reading_timeout: float,
        stall_timeout: float,
        max_event_bytes: int,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self.api_key = arguments.secret(
            "api_key",
            api_key,
            "It is the API key of your application in Enphase's developer portal.",
        )
        if auth is not None and access_token is not None:
            raise InvalidArgument("access_token and auth are both given; give one of them.")
        if auth is not None and not callable(getattr(auth, "renew", None)):
            raise InvalidArgument(
                f"auth is {arguments.shown(auth)}; give a RefreshingAuth, or an object with its "
                "methods."
            )
        self.auth = StaticAuth(access_token) if auth is None else auth
        self.token_url = arguments.url("token_url", token_url)
        self.base_url = arguments.url("base_url", base_url)
        self.first_reading_timeout = arguments.seconds(
            "first_reading_timeout", first_reading_timeout
        )
        self.stall_timeout = arguments.seconds("stall_timeout", stall_timeout)
        self.max_event_bytes = arguments.size("max_event_bytes", max_event_bytes)
        self.monotonic = monotonic
        self.now = now
        keep_out_of_logs(self)

    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no message and no recording."""
        return (self.api_key, *self.auth.secrets())

    def mask(self, text: str) -> str:
        """Return `text` without this client's secrets, should a server have echoed one."""
        return masked(text, self.secrets())

    def renewal(self, stale: str | None) -> Callable[[], str]:
        """Return what gets a token other than `stale`. It may block."""
        return lambda: self.auth.renew(stale, token_url=self.token_url, now=self.now())

    def request(self, system_id: int, duration: int | None, token: str) -> dict[str, Any]:
        """Return the arguments of httpx's `build_request`.

        Raises `InvalidArgument` for a token of the user's own `auth` that no header can carry:
        httpx would raise an exception that holds it.
        """
        arguments.secret("access_token", token, "It is what auth gave.")
        kwargs = stream_system_live_data.get_kwargs(system_id, duration=duration)
        kwargs["url"] = self.base_url + kwargs["url"]
        kwargs["headers"] |= {
            "Authorization": f"Bearer {token}",
            "key": self.api_key,
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
            "Connection": "close",
            "User-Agent": USER_AGENT,
        }
        return kwargs

    def watch(
        self,
        system_id: SupportsIndex,
        duration: Duration,
        *,
        policy: Policy,
        budget: Budget | None,
        on_malformed: OnMalformed,
        on_gap: OnGap | None = None,
        on_wait: OnWait | None = None,
    ) -> tuple[Watch, Callable[[str], dict[str, Any]]]:
        """Return the core of a stream or a watch, and what makes a request of a token.

        Raises `InvalidArgument`.
        """
        site = arguments.system_id(system_id)
        seconds = whole_seconds(duration)
        if on_malformed not in ("skip", "raise") and not callable(on_malformed):
            raise InvalidArgument(
                f"on_malformed is {arguments.shown(on_malformed)}; give 'skip', 'raise' or a "
                "callable that takes a MalformedEvent."
            )
        if on_gap is not None and not callable(on_gap):
            raise InvalidArgument(f"on_gap is {arguments.shown(on_gap)}; give a callable or None.")
        if on_wait is not None and not callable(on_wait):
            raise InvalidArgument(
                f"on_wait is {arguments.shown(on_wait)}; give a callable or None."
            )
        if budget is not None and not isinstance(budget, Budget):
            raise InvalidArgument(
                f"budget is {arguments.shown(budget)}; give a Budget, such as Budget(calls=12)."
            )

        def window(exchange: Exchange, accept: Callable[[Reading], bool]) -> Window:
            return Window(
                exchange,
                host=urlsplit(self.base_url).netloc,
                duration=DEFAULT if seconds is None else seconds,
                first_reading_timeout=self.first_reading_timeout,
                stall_timeout=self.stall_timeout,
                max_event_bytes=self.max_event_bytes,
                on_malformed=on_malformed,
                mask=self.mask,
                accept=accept,
            )

        core = Watch(
            window,
            name=f"Site {site}",
            policy=policy,
            budget=budget,
            on_gap=on_gap,
            on_wait=on_wait,
            can_refresh=self.auth.can_refresh,
        )
        return core, lambda token: self.request(site, seconds, token)
