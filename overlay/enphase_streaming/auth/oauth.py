"""OAuth: trade a code, a password or a refresh token for a pair of tokens."""

from __future__ import annotations

import base64
import math
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from enphase_streaming.auth.tokens import TokenPair
from enphase_streaming.core import arguments
from enphase_streaming.core.answers import connection_failed, error_from_answer
from enphase_streaming.core.options import AUTHORIZE_URL, TOKEN_URL, USER_AGENT
from enphase_streaming.errors import InvalidArgument, LoginRequired
from enphase_streaming.secrets import keep_out_of_logs, masked
from enphase_streaming.tracebacks import hide_locals
from enphase_streaming.transports import new_client
from enphase_streaming_api.api.tokens import issue_token
from enphase_streaming_api.models import TokenRequest, TokenRequestGrantType

_TIMEOUT = 30.0
"""Seconds that a token request may take in total."""
_MAX_BYTES = 65_536
_LIFETIME = 86_400.0
"""Seconds that an access token lives if the answer does not say."""
_RENEW_AHEAD = 600.0
"""Seconds before its expiry that a token is replaced: longer than any window."""


def authorize_url(
    *, client_id: str, redirect_uri: str, state: str, base: str = AUTHORIZE_URL
) -> str:
    """Return the URL of the page where a site's owner grants an application access.

    The page redirects to `redirect_uri?code=…&state=…`. `state` should be a random string: compare
    it with the one in the redirect. Raises `InvalidArgument` for text that no URL can carry.
    """
    return f"{base}?" + urlencode(
        {
            "response_type": "code",
            "client_id": arguments.text("client_id", client_id),
            "redirect_uri": arguments.text("redirect_uri", redirect_uri),
            "state": arguments.text("state", state),
        }
    )


@hide_locals
def login_with_code(
    *,
    client_id: str,
    client_secret: str,
    code: str,
    redirect_uri: str,
    token_url: str = TOKEN_URL,
    in_query: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> TokenPair:
    """Trade the code from `authorize_url` for tokens (developer applications).

    Args:
        client_id, client_secret: the application's, from the developer portal.
        code: the code in the redirect. It can be used once.
        redirect_uri: the one that `authorize_url` was given.
        token_url: the token endpoint.
        in_query: send the parameters in the query string, as published, instead of a form.
        transport: an httpx transport for the request. It is not closed.

    Raises:
        InvalidArgument: an argument is missing or malformed; nothing was sent.
        LoginRequired: the code or the application was refused.
        ConnectionFailed: no answer, or not a whole one, within 30 seconds.
        APIStatusError: any other error status.
    """
    grant = TokenRequest(
        grant_type=TokenRequestGrantType.AUTHORIZATION_CODE,
        code=arguments.secret("code", code, "It is in the address that the owner was sent to."),
        redirect_uri=arguments.text("redirect_uri", redirect_uri),
    )
    application = Application(client_id, client_secret, in_query=in_query, transport=transport)
    return application.request_tokens(grant, token_url=token_url, now=datetime.now(UTC))


@hide_locals
def login_with_password(
    *,
    client_id: str,
    client_secret: str,
    username: str,
    password: str,
    token_url: str = TOKEN_URL,
    in_query: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> TokenPair:
    """Trade a site owner's user name and password for tokens (partner applications).

    Args:
        username, password: the site owner's. The other arguments are those of `login_with_code`.

    Raises what `login_with_code` raises.
    """
    if not username or not password:
        raise InvalidArgument("username and password are the site owner's; one is missing.")
    grant = TokenRequest(
        grant_type=TokenRequestGrantType.PASSWORD,
        username=arguments.text("username", username),
        password=arguments.text("password", password),
    )
    application = Application(client_id, client_secret, in_query=in_query, transport=transport)
    return application.request_tokens(grant, token_url=token_url, now=datetime.now(UTC))


class Application:
    """An application's credentials, and how it sends token requests.

    Raises `InvalidArgument` for a credential that is missing or malformed.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        in_query: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        portal = "It is in Enphase's developer portal, with your application."
        client_id = arguments.secret("client_id", client_id, portal)
        self._client_secret = arguments.secret("client_secret", client_secret, portal)
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._in_query = in_query
        self._transport = transport

    def secrets(self) -> tuple[str, ...]:
        """Return the client secret, plain and as it is sent."""
        return (self._client_secret, self._basic)

    def request_tokens(self, grant: TokenRequest, *, token_url: str, now: datetime) -> TokenPair:
        """Send one token request. Raises what `login_with_code` raises."""
        kwargs = issue_token.get_kwargs(body=grant)
        kwargs["url"] = arguments.url("token_url", token_url)
        kwargs["headers"] |= {
            "Authorization": f"Basic {self._basic}",
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Connection": "close",
        }
        if self._in_query:
            kwargs["params"] = kwargs.pop("data")
        http = new_client(token_url, self._transport, timeout=_TIMEOUT)
        exchange = _Exchange(
            http,
            http.build_request(**kwargs),
            secrets=(*self.secrets(), grant.code, grant.password, grant.refresh_token),
            own=self._transport is None,
        )
        outcome = exchange.run()
        if isinstance(outcome, Exception):
            host = urlsplit(token_url).netloc
            raise connection_failed(outcome, host, exchange.mask) from outcome
        response, body = outcome
        if response.status_code == 200:
            return _pair(body, grant, now)
        refused = error_from_answer(
            response.status_code,
            body,
            now=now,
            retry_after=response.headers.get("retry-after"),
            mask=exchange.mask,
        )
        if response.status_code in (400, 401, 403):
            raise LoginRequired(f"The tokens were refused ({refused}): log in again.") from refused
        raise refused


class _Exchange:
    """One token request, sent by a daemon thread while the caller waits on a queue.

    The wait ends with the answer, after `_TIMEOUT` or with Ctrl-C, even if the server or the
    transport blocks. A request that is abandoned before it was sent is never sent.
    """

    def __init__(
        self,
        http: httpx.Client,
        request: httpx.Request,
        secrets: Iterable[str | None],
        *,
        own: bool,
    ) -> None:
        self._http = http
        self._request = request
        self._secrets = tuple(filter(None, secrets))
        self._own = own
        self._outcomes: SimpleQueue[tuple[httpx.Response, bytes] | Exception] = SimpleQueue()
        self._abandoned = False
        self._stream: Any = None
        request.extensions = {**request.extensions, "trace": self._trace}
        keep_out_of_logs(self)

    def secrets(self) -> tuple[str, ...]:
        return self._secrets

    def mask(self, text: str) -> str:
        return masked(text, self._secrets)

    def run(self) -> tuple[httpx.Response, bytes] | Exception:
        """Return the response and its body, or what the transport raised."""
        try:
            threading.Thread(target=self._work, name="enphase-streaming", daemon=True).start()
            return self._outcomes.get(timeout=_TIMEOUT)
        except Empty:
            return TimeoutError(f"no complete answer within {_TIMEOUT:g} s")
        except RuntimeError as error:  # no thread can be started
            return error
        finally:
            self._abandoned = True
            self._hang_up()

    def _work(self) -> None:
        try:
            outcome: tuple[httpx.Response, bytes] | Exception = self._send()
        except Exception as error:  # noqa: BLE001 - returned by run()
            outcome = error
        finally:
            if self._own:
                self._http.close()
        self._outcomes.put(outcome)

    def _send(self) -> tuple[httpx.Response, bytes]:
        response = self._http.send(self._request, stream=True)
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if self._abandoned or len(body) > _MAX_BYTES:
                    raise OSError(f"the answer is longer than {_MAX_BYTES} bytes")
        finally:
            response.close()
        return response, bytes(body)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        # A connection of the user's transport may serve other requests as well.
        if self._own and event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]
        if self._abandoned:
            self._hang_up()
            if event.endswith("send_request_headers.started"):
                raise OSError("abandoned before the request was sent")

    def _hang_up(self) -> None:
        """End what the thread reads or writes, if the connection is known to be this request's."""
        if self._stream is not None:
            with suppress(OSError):  # closed already
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _pair(body: bytes, grant: TokenRequest, now: datetime) -> TokenPair:
    # Not decoded into the generated model: a field of another type must not lose the new pair.
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    fields = answer if isinstance(answer, dict) else {}
    access_token, refresh_token = fields.get("access_token"), fields.get("refresh_token")
    if not isinstance(access_token, str):
        raise LoginRequired("The token endpoint answered without an access token: log in again.")
    if not isinstance(refresh_token, str) or not refresh_token:
        refresh_token = grant.refresh_token or ""
    lifetime = _lifetime(fields.get("expires_in"))
    try:
        return TokenPair(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=now.timestamp() + lifetime,
            renew_at=now.timestamp() + lifetime - min(_RENEW_AHEAD, lifetime / 2),
        )
    except InvalidArgument:
        raise LoginRequired(
            "The token endpoint answered with tokens that no request can carry: log in again."
        ) from None


def _lifetime(expires_in: object) -> float:
    try:
        lifetime = float(str(expires_in))
    except ValueError:
        return _LIFETIME
    return lifetime if math.isfinite(lifetime) and lifetime > 0 else _LIFETIME
