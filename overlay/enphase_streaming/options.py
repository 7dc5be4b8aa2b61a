"""What both clients are made of: checked arguments, and the request that they send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, SupportsIndex

from enphase_streaming import arguments
from enphase_streaming.duration import DEFAULT, whole_seconds
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.version import __version__
from enphase_streaming.window import OnMalformed, Window
from enphase_streaming_api.api.streaming import stream_system_live_data

BASE_URL = "https://api.enphaseenergy.com/api/v4"

_USER_AGENT = f"enphase-streaming/{__version__}"


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
        base_url: str,
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
        self.access_token = arguments.secret(
            "access_token",
            access_token,
            "It comes from the OAuth login of the site's owner and lives for a day.",
        )
        self.base_url = arguments.url("base_url", base_url)
        self.first_reading_timeout = arguments.seconds(
            "first_reading_timeout", first_reading_timeout
        )
        self.stall_timeout = arguments.seconds("stall_timeout", stall_timeout)
        self.max_event_bytes = arguments.size("max_event_bytes", max_event_bytes)
        self.monotonic = monotonic
        self.now = now

    def mask(self, text: str) -> str:
        """Return `text` without this client's secrets, should a server have echoed one."""
        for secret in (self.api_key, self.access_token):
            text = text.replace(secret, "***")
        return text

    def request(self, system_id: SupportsIndex, duration: Duration) -> dict[str, Any]:
        """Return the arguments of httpx's `build_request`. Raises `InvalidArgument`."""
        seconds = whole_seconds(duration)
        arguments_ = stream_system_live_data.get_kwargs(
            arguments.system_id(system_id), duration=seconds
        )
        arguments_["url"] = self.base_url + arguments_["url"]
        arguments_["headers"] |= {
            "Authorization": f"Bearer {self.access_token}",
            "key": self.api_key,
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
            "Connection": "close",
            "User-Agent": _USER_AGENT,
        }
        return arguments_

    def window(self, duration: Duration, on_malformed: OnMalformed) -> Window:
        """Return the core of one stream. Raises `InvalidArgument`."""
        if on_malformed not in ("skip", "raise") and not callable(on_malformed):
            raise InvalidArgument(
                f"on_malformed is {arguments.shown(on_malformed)}; give 'skip', 'raise' or a "
                "callable that takes a MalformedEvent."
            )
        return Window(
            duration=whole_seconds(duration) or DEFAULT,
            first_reading_timeout=self.first_reading_timeout,
            stall_timeout=self.stall_timeout,
            max_event_bytes=self.max_event_bytes,
            on_malformed=on_malformed,
            mask=self.mask,
        )
