"""Tokens that renew themselves: the pair at hand, traded for the next one when it is due."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import datetime

import httpx
import msgspec

from enphase_streaming.auth.oauth import request_tokens
from enphase_streaming.auth.tokens import MemoryTokenStore, TokenPair, TokenStore
from enphase_streaming.core import arguments
from enphase_streaming.errors import (
    ConnectionFailed,
    InvalidArgument,
    LoginRequired,
    RateLimitError,
    ServiceUnavailableError,
)
from enphase_streaming_api.models import TokenRequest, TokenRequestGrantType

_REMEMBERED = 8
"""How many secrets of earlier pairs are still hidden: requests that carry them may be under way."""

_NEXT_TRY = 60.0
"""Seconds until a renewal that failed is tried again, while the token still lasts."""

_log = logging.getLogger("enphase_streaming")


class RefreshingAuth:
    """Tokens that renew themselves, for any number of clients, threads and tasks.

    Args:
        client_id, client_secret: the application's, from the developer portal.
        refresh_token: what to start from where the store is empty.
        store: where the pair is kept; in memory if None.
        in_query: send the parameters in the query string, as published, and not as a form.
        transport: an httpx transport for the token requests.

    A pair is stored before it is used. Where that fails, it is kept in memory and the log says
    so. Raises `InvalidArgument` for credentials that are missing or odd.
    """

    can_refresh = True

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        refresh_token: str | None = None,
        store: TokenStore | None = None,
        in_query: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        portal = "It is in Enphase's developer portal, with your application."
        self._client_id = arguments.secret("client_id", client_id, portal)
        self._client_secret = arguments.secret("client_secret", client_secret, portal)
        self._first = refresh_token and arguments.secret("refresh_token", refresh_token, "")
        self._store: TokenStore = MemoryTokenStore() if store is None else store
        self._in_query = in_query
        self._transport = transport
        self._pair: TokenPair | None = None
        self._earlier: deque[str] = deque(maxlen=_REMEMBERED)
        self._unsaved = False
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"RefreshingAuth(store={self._store!r})"

    def current(self, now: datetime) -> str | None:
        """Return the token if it is not due to be replaced."""
        return _lasting(self._pair, None, now)

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Return a token other than `stale`, refreshing only if nobody else just has.

        Raises `LoginRequired` if the refresh token is missing, spent or refused,
        `ConnectionFailed` and `APIStatusError` if the token endpoint fails and no other token
        lasts, `InvalidArgument` if the store is damaged.
        """
        with self._one_at_a_time:
            if token := _lasting(self._pair, stale, now):
                return token
            try:
                with self._store.lock():
                    return self._renew(stale, token_url, now)
            except TimeoutError as error:
                raise ConnectionFailed(f"The token store cannot be locked: {error}") from error
            except OSError as error:
                raise InvalidArgument(f"The token store cannot be used: {error}") from error

    def secrets(self) -> tuple[str, ...]:
        """Return every secret that is known here at the moment."""
        pair = self._pair
        known = [self._client_secret, self._first, *self._earlier.copy()]
        if pair is not None:
            known += [pair.access_token, pair.refresh_token]
        return tuple(secret for secret in known if secret)

    def _renew(self, stale: str | None, token_url: str, now: datetime) -> str:
        pair = self._pair if self._unsaved else self._store.load() or self._pair
        if pair and (token := _lasting(pair, stale, now)):
            self._adopt(pair)
            return token
        refresh_token = pair.refresh_token if pair else self._first
        if not refresh_token:
            raise LoginRequired("There is no refresh token: log in first.")
        _log.info("Refreshing the access token.")
        try:
            pair = self._trade(refresh_token, token_url, now)
        except (ConnectionFailed, RateLimitError, ServiceUnavailableError) as error:
            if pair is None or pair.access_token == stale or pair.expires_at <= now.timestamp():
                raise
            _log.warning("The access token cannot be renewed yet, and still lasts: %s", error)
            next_try = min(now.timestamp() + _NEXT_TRY, pair.expires_at)
            self._adopt(msgspec.structs.replace(pair, renew_at=next_try))
            return pair.access_token
        self._save(pair)
        self._adopt(pair)
        return pair.access_token

    def _trade(self, refresh_token: str, token_url: str, now: datetime) -> TokenPair:
        return request_tokens(
            TokenRequest(
                grant_type=TokenRequestGrantType.REFRESH_TOKEN, refresh_token=refresh_token
            ),
            client_id=self._client_id,
            client_secret=self._client_secret,
            token_url=token_url,
            now=now,
            in_query=self._in_query,
            transport=self._transport,
        )

    def _adopt(self, pair: TokenPair) -> None:
        if self._pair and self._pair.access_token != pair.access_token:
            self._earlier += [self._pair.access_token, self._pair.refresh_token]
        self._pair = pair

    def _save(self, pair: TokenPair) -> None:
        try:
            self._store.save(pair)
            self._unsaved = False
        except Exception as error:  # noqa: BLE001 - the old pair is spent: whatever a store raises, the new one must live on
            self._unsaved = True
            _log.error(
                "The new tokens could not be stored (%s) and live in memory only: when this "
                "process ends, a new login is needed.",
                type(error).__name__,
            )


def _lasting(pair: TokenPair | None, stale: str | None, now: datetime) -> str | None:
    if pair is None or pair.access_token == stale:
        return None
    return pair.access_token if pair.renew_at > now.timestamp() else None
