"""`StaticAuth`: an access token that is never renewed."""

from __future__ import annotations

from datetime import datetime

from enphase_streaming.core import arguments
from enphase_streaming.errors import LoginRequired
from enphase_streaming.secrets import hide_locals


class StaticAuth:
    """A single access token that cannot be renewed.

    Args:
        access_token: the token from the OAuth login of the site's owner; it lasts for a day.
    """

    can_refresh = False

    @hide_locals
    def __init__(self, access_token: str | None) -> None:
        self._token = arguments.secret(
            "access_token",
            access_token,
            "It comes from the OAuth login of the site's owner and lives for a day; auth= takes "
            "a RefreshingAuth that renews it.",
        )

    def current(self, now: datetime) -> str | None:
        """Return the token, expired or not."""
        return self._token

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Raise `LoginRequired`: renewal needs a refresh token."""
        raise LoginRequired("An access token alone cannot be renewed: log in again.")

    def secrets(self) -> tuple[str, ...]:
        """Return the token."""
        return (self._token,)
