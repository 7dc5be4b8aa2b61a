"""Which access token a request carries.

Nothing here ever sends a streaming request again: that is a counted call, and the core's to
decide.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from enphase_streaming.core import arguments
from enphase_streaming.errors import LoginRequired


class Auth(Protocol):
    """Gives tokens. `current` never blocks; `renew` may, and is called from a thread of its own."""

    can_refresh: bool

    def current(self, now: datetime) -> str | None:
        """Return a token that lasts another window, None if it has to be renewed first."""
        ...

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Return a token other than `stale`. Raises `LoginRequired` if none can be had."""
        ...

    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no message."""
        ...


class StaticAuth:
    """One access token, as long as it lasts."""

    can_refresh = False

    def __init__(self, access_token: str | None) -> None:
        self._token = arguments.secret(
            "access_token",
            access_token,
            "It comes from the OAuth login of the site's owner and lives for a day; auth= takes "
            "a RefreshingAuth that renews it.",
        )

    def current(self, now: datetime) -> str | None:
        """Return the token, whatever its age."""
        return self._token

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Raise `LoginRequired`: there is nothing to renew it with."""
        raise LoginRequired("An access token alone cannot be renewed: log in again.")

    def secrets(self) -> tuple[str, ...]:
        """Return the token."""
        return (self._token,)
