"""Which access token a request carries.

Nothing here ever sends a streaming request again: that is a counted call, and the core's to
decide.
"""

from __future__ import annotations

from datetime import datetime

from enphase_streaming.core import arguments
from enphase_streaming.errors import LoginRequired


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
