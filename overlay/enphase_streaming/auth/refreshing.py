"""`RefreshingAuth`: renew the access token before it expires."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from datetime import datetime
from typing import TypeGuard, Unpack

import msgspec

from enphase_streaming.auth.oauth import Application, ApplicationSettings
from enphase_streaming.auth.tokens import MemoryTokenStore, TokenPair, TokenStore
from enphase_streaming.core import arguments
from enphase_streaming.errors import (
    ConnectionFailed,
    EnphaseStreamingError,
    InvalidArgument,
    LoginRequired,
    RateLimitError,
    ServiceUnavailableError,
)
from enphase_streaming.secrets import hide_locals
from enphase_streaming_api.models import TokenRequest, TokenRequestGrantType

_REMEMBERED = 10
"""How many tokens stay masked, two of a pair: requests that carry earlier ones may be under way."""
_RETRY_AFTER = 60.0
"""Seconds until a failed renewal is tried again while the token is still valid."""

_PASSING = (ConnectionFailed, InvalidArgument, RateLimitError, ServiceUnavailableError)
"""Failures that do not end the use of a token that is still valid."""

_log = logging.getLogger("enphase_streaming")


class RefreshingAuth:
    """Access tokens that renew themselves, for any number of clients, threads and tasks.

    A refresh token is spent only once the store is locked, and a new pair is stored before it is
    used. If storing it fails all the same, it is kept in memory and an error is logged.

    Args:
        refresh_token: used while the store is empty.
        store: where the pair is kept; in memory if None.
        application: `client_id`, `client_secret` and the rest of `ApplicationSettings`.

    Raises:
        InvalidArgument: a credential is missing or malformed.
    """

    can_refresh = True

    @hide_locals
    def __init__(
        self,
        *,
        refresh_token: str | None = None,
        store: TokenStore | None = None,
        **application: Unpack[ApplicationSettings],
    ) -> None:
        self._application = Application(**application)
        self._first = refresh_token and arguments.secret("refresh_token", refresh_token, "")
        self._store: TokenStore = MemoryTokenStore() if store is None else store
        self._pair: TokenPair | None = None
        self._known: deque[str] = deque(maxlen=_REMEMBERED)
        self._spent: TokenPair | None = None
        self._failure: EnphaseStreamingError | None = None
        # By process id: in a forked child, the parent's lock may be held by a thread it lacks.
        self._locks: dict[int, threading.Lock] = {}

    def __repr__(self) -> str:
        return f"RefreshingAuth(store={self._store!r})"

    def current(self, now: datetime) -> str | None:
        """Return the token, or None if it is due for renewal."""
        pair = self._pair
        return pair.access_token if _is_valid(pair, None, now) else None

    @hide_locals
    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Return a token other than `stale`, refreshing only if no other thread or process has.

        Calls that wait for a refresh in another thread share its failure.

        Raises:
            LoginRequired: the refresh token is missing, spent or refused.
            ConnectionFailed: the token endpoint did not answer, or the store stayed locked, and
                no other token is valid.
            APIStatusError: the token endpoint failed, and no other token is valid.
            InvalidArgument: the store is damaged, or cannot be used and no other token is valid.
        """
        earlier = self._failure
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            pair = self._pair
            if not _is_valid(pair, stale, now):
                if self._failure is not None and self._failure is not earlier:
                    raise self._failure
                try:
                    pair = self._renewed(stale, token_url, now)
                except EnphaseStreamingError as error:
                    self._failure = error
                    raise
                self._adopt(pair)
            return pair.access_token

    def secrets(self) -> tuple[str, ...]:
        """Return the texts to mask in messages and logs."""
        known = (*self._application.secrets(), self._first, *self._known.copy())
        return tuple(secret for secret in known if secret)

    def _renewed(self, stale: str | None, token_url: str, now: datetime) -> TokenPair:
        """Return the store's pair, a new one, or the old one if it outlives a failed renewal."""
        pair = self._newest()  # without the lock, which a read-only folder does not have
        if _is_valid(pair, stale, now):
            return pair
        try:
            return self._refreshed(stale, token_url, now)
        except _PASSING as error:
            if pair is None or pair.access_token == stale or pair.expires_at <= now.timestamp():
                raise
            _log.warning("The access token is still valid; renewing it failed: %s", error)
            retry_at = min(now.timestamp() + _RETRY_AFTER, pair.expires_at)
            return msgspec.structs.replace(pair, renew_at=retry_at)

    def _refreshed(self, stale: str | None, token_url: str, now: datetime) -> TokenPair:
        try:
            with self._store.lock():
                pair = self._newest()
                if _is_valid(pair, stale, now):
                    return pair  # of another process
                grant = TokenRequest(
                    grant_type=TokenRequestGrantType.REFRESH_TOKEN,
                    refresh_token=pair.refresh_token if pair else self._first,
                )
                if not grant.refresh_token:
                    raise LoginRequired("There is no refresh token: log in first.")
                _log.info("Refreshing the access token.")
                new = self._application.request_tokens(grant, token_url, now)
                self._spent = pair
                self._save(new)
                self._adopt(new)  # before the lock is released, which may fail
                return new
        except TimeoutError as error:
            raise ConnectionFailed(f"The token store cannot be locked: {error}") from error
        except OSError as error:
            raise InvalidArgument(f"The token store cannot be used: {error}") from error

    def _newest(self) -> TokenPair | None:
        """Return the store's pair, or the one in memory if the store's was spent for it."""
        stored = self._store.load()
        return self._pair if stored is None or stored == self._spent else stored

    def _adopt(self, pair: TokenPair) -> None:
        self._known += {pair.access_token, pair.refresh_token}.difference(self._known)
        self._pair = pair

    def _save(self, pair: TokenPair) -> None:
        try:
            self._store.save(pair)
        except Exception as error:  # noqa: BLE001 - the old pair is spent, so the new one must survive any error of a store
            _log.error(
                "The new tokens could not be stored (%s). They are lost when this process ends, "
                "and a new login is needed then.",
                type(error).__name__,
            )


def _is_valid(pair: TokenPair | None, stale: str | None, now: datetime) -> TypeGuard[TokenPair]:
    return pair is not None and pair.access_token != stale and pair.renew_at > now.timestamp()
