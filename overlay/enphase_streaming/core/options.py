"""The settings of a client and of one stream, each passed on whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from enphase_streaming.core import arguments
from enphase_streaming.core.budget import Budget
from enphase_streaming.errors import InvalidArgument, MalformedEvent
from enphase_streaming.secrets import hide_locals, masked
from enphase_streaming.version import __version__
from enphase_streaming_api.api.streaming import stream_system_live_data

BASE_URL = "https://api.enphaseenergy.com/api/v4"
TOKEN_URL = "https://api.enphaseenergy.com/oauth/token"
AUTHORIZE_URL = "https://api.enphaseenergy.com/oauth/authorize"
USER_AGENT = f"enphase-streaming/{__version__}"

OnGap = Callable[[datetime, datetime, Exception], None]
OnMalformed = Callable[[MalformedEvent], None] | Literal["skip", "raise"]
OnWait = Callable[[float, Exception | None], None]


class Auth(Protocol):
    """Provides access tokens. `current` never blocks; `renew` may, on a thread of its own."""

    can_refresh: bool

    def current(self, now: datetime) -> str | None:
        """Return a token that lasts another window, None if it has to be renewed first."""
        ...

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Return a token other than `stale`. Raises `LoginRequired` if there is none."""
        ...

    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no message."""
        ...


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False, repr=False, kw_only=True)
class Options:
    """A client's checked settings; `StreamingClient` documents them."""

    api_key: str
    auth: Auth
    base_url: str
    token_url: str
    first_reading_timeout: float
    stall_timeout: float
    max_event_bytes: int
    monotonic: Callable[[], float]
    now: Callable[[], datetime]

    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no message and no recording."""
        return (self.api_key, *self.auth.secrets())

    def mask(self, text: str) -> str:
        """Return `text` with this client's secrets masked."""
        return masked(text, self.secrets())

    def renewal(self, stale: str | None) -> Callable[[], str]:
        """Return a function that gets a token other than `stale`. It may block."""
        return hide_locals(lambda: self.auth.renew(stale, token_url=self.token_url, now=self.now()))

    def request(self, stream: StreamOptions, token: str) -> dict[str, Any]:
        """Return the arguments of httpx's `build_request`.

        Raises:
            InvalidArgument: for a token from the user's own `auth` that no header can carry. The
                exception that httpx would raise holds the token.
        """
        arguments.secret("access_token", token, "It is what auth returned.")
        kwargs = stream_system_live_data.get_kwargs(stream.system_id, duration=stream.duration)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What one stream was asked for, as `watch` documents it; `once` is true for `live_data`.

    Raises:
        InvalidArgument: for a budget or a callback that is none.
    """

    system_id: int
    duration: int | None
    budget: Budget | None
    once: bool
    wait_for_next_period: bool = False
    on_malformed: OnMalformed = "skip"
    on_gap: OnGap | None = None
    on_wait: OnWait | None = None

    def __post_init__(self) -> None:
        if self.on_malformed not in ("skip", "raise") and not callable(self.on_malformed):
            raise InvalidArgument(
                "on_malformed must be 'skip', 'raise' or a callable that takes a MalformedEvent, "
                f"got {arguments.shown(self.on_malformed)}."
            )
        arguments.function("on_gap", self.on_gap)
        arguments.function("on_wait", self.on_wait)
        if self.budget is not None and not isinstance(self.budget, Budget):
            raise InvalidArgument(
                "budget must be a Budget, such as Budget(calls=12), got "
                f"{arguments.shown(self.budget)}."
            )
