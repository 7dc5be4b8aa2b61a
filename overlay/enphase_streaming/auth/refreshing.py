"""`RefreshingAuth`: renew the access token before it expires."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import datetime

import httpx
import msgspec

from enphase_streaming.auth.oauth import Application
from enphase_streaming.auth.tokens import MemoryTokenStore, TokenPair, TokenStore
from enphase_streaming.core import arguments
from enphase_streaming.errors import (
    ConnectionFailed,
    InvalidArgument,
    LoginRequired,
    RateLimitError,
    ServiceUnavailableError,
)
from enphase_streaming.tracebacks import hide_locals
from enphase_streaming_api.models import TokenRequest, TokenRequestGrantType

_EARLIER_SECRETS = 8
"""How many earlier tokens stay masked: requests that carry them may be under way."""
_RETRY_AFTER = 60.0
"""Seconds until a failed renewal is tried again while the token is still valid."""

_log = logging.getLogger("enphase_streaming")


class RefreshingAuth:
    """Access tokens that renew themselves, for any number of clients, threads and tasks.

    A new pair is stored before it is used. If storing it fails, it is kept in memory and an error
    is logged.

    Args:
        client_id, client_secret: the application's, from the developer portal.
        refresh_token: used while the store is empty.
        store: where the pair is kept; in memory if None.
        in_query: send the parameters in the query string, as published, instead of a form.
        transport: an httpx transport for the token requests.

    Raises:
        InvalidArgument: a credential is missing or malformed.
    """

    can_refresh = True

    @hide_locals
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
        self._application = Application(
            client_id, client_secret, in_query=in_query, transport=transport
        )
        self._first = refresh_token and arguments.secret("refresh_token", refresh_token, "")
        self._store: TokenStore = MemoryTokenStore() if store is None else store
        self._pair: TokenPair | None = None
        self._earlier: deque[str] = deque(maxlen=_EARLIER_SECRETS)
        self._unsaved = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RefreshingAuth(store={self._store!r})"

    def current(self, now: datetime) -> str | None:
        """Return the token, or None if it is due for renewal."""
        return _valid(self._pair, None, now)

    @hide_locals
    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Return a token other than `stale`, refreshing only if no other thread or process has.

        Raises:
            LoginRequired: the refresh token is missing, spent or refused.
            ConnectionFailed: the token endpoint did not answer, or the store stayed locked, and
                no other token is valid.
            APIStatusError: the token endpoint failed, and no other token is valid.
            InvalidArgument: the store is damaged or cannot be used.
        """
        with self._lock:
            if token := _valid(self._pair, stale, now):
                return token
            try:
                with self._store.lock():
                    return self._renew(stale, token_url, now)
            except TimeoutError as error:
                raise ConnectionFailed(f"The token store cannot be locked: {error}") from error
            except OSError as error:
                raise InvalidArgument(f"The token store cannot be used: {error}") from error

    def secrets(self) -> tuple[str, ...]:
        """Return the texts to mask in messages and logs."""
        pair = self._pair
        known = [*self._application.secrets(), self._first, *self._earlier.copy()]
        if pair is not None:
            known += [pair.access_token, pair.refresh_token]
        return tuple(secret for secret in known if secret)

    def _renew(self, stale: str | None, token_url: str, now: datetime) -> str:
        pair = self._pair if self._unsaved else self._store.load() or self._pair
        if pair and (token := _valid(pair, stale, now)):
            self._adopt(pair)
            return token
        refresh_token = pair.refresh_token if pair else self._first
        if not refresh_token:
            raise LoginRequired("There is no refresh token: log in first.")
        _log.info("Refreshing the access token.")
        grant = TokenRequest(
            grant_type=TokenRequestGrantType.REFRESH_TOKEN, refresh_token=refresh_token
        )
        try:
            pair = self._application.request_tokens(grant, token_url=token_url, now=now)
        except (ConnectionFailed, RateLimitError, ServiceUnavailableError) as error:
            if pair is None or pair.access_token == stale or pair.expires_at <= now.timestamp():
                raise
            _log.warning("The access token is still valid; renewing it failed: %s", error)
            retry_at = min(now.timestamp() + _RETRY_AFTER, pair.expires_at)
            self._adopt(msgspec.structs.replace(pair, renew_at=retry_at))
            return pair.access_token
        self._save(pair)
        self._adopt(pair)
        return pair.access_token

    def _adopt(self, pair: TokenPair) -> None:
        if self._pair and self._pair.access_token != pair.access_token:
            self._earlier += [self._pair.access_token, self._pair.refresh_token]
        self._pair = pair

    def _save(self, pair: TokenPair) -> None:
        try:
            self._store.save(pair)
            self._unsaved = False
        except Exception as error:  # noqa: BLE001 - the old pair is spent, so the new one must survive any error of a store
            self._unsaved = True
            _log.error(
                "The new tokens could not be stored (%s). They are lost when this process ends, "
                "and a new login is needed then.",
                type(error).__name__,
            )


def _valid(pair: TokenPair | None, stale: str | None, now: datetime) -> str | None:
    if pair is None or pair.access_token == stale:
        return None
    return pair.access_token if pair.renew_at > now.timestamp() else None
