"""OAuth: trade a code, a password or a refresh token for a pair of tokens."""

from __future__ import annotations

import base64
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty
from typing import Any, Required, TypedDict, Unpack
from urllib.parse import urlencode, urlsplit

import httpx

from enphase_streaming.auth.tokens import TokenPair
from enphase_streaming.connection import Reader
from enphase_streaming.core import arguments
from enphase_streaming.core.answers import connection_failed, error_from_answer
from enphase_streaming.core.encoding import Body
from enphase_streaming.core.exchange import Failed, Head
from enphase_streaming.core.options import AUTHORIZE_URL, TOKEN_URL, USER_AGENT
from enphase_streaming.core.reading import parse_json
from enphase_streaming.errors import InvalidArgument, LoginRequired
from enphase_streaming.secrets import hide_locals, keep_out_of_logs, masked
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


class ApplicationSettings(TypedDict, total=False):
    """Keyword arguments of everything that requests tokens for an application."""

    client_id: Required[str]
    """From the developer portal."""
    client_secret: Required[str]
    """From the developer portal."""
    in_query: bool
    """Send the parameters in the query string, as published, instead of a form."""
    transport: httpx.BaseTransport | None
    """An httpx transport for the requests. It is not closed."""
    insecure_http: bool
    """Accept plain http to any host, for a test server on another machine."""


@hide_locals
def login_with_code(
    *,
    code: str,
    redirect_uri: str,
    token_url: str = TOKEN_URL,
    **application: Unpack[ApplicationSettings],
) -> TokenPair:
    """Trade the code from `authorize_url` for tokens (developer applications).

    Args:
        code: the code in the redirect. It can be used once.
        redirect_uri: the one that `authorize_url` was given.
        token_url: the token endpoint.
        application: `client_id`, `client_secret` and the rest of `ApplicationSettings`.

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
    return Application(**application).request_tokens(grant, token_url, datetime.now(UTC))


@hide_locals
def login_with_password(
    *,
    username: str,
    password: str,
    token_url: str = TOKEN_URL,
    **application: Unpack[ApplicationSettings],
) -> TokenPair:
    """Trade a site owner's user name and password for tokens (partner applications).

    Takes the other arguments, and raises the exceptions, of `login_with_code`.
    """
    if not username or not password:
        raise InvalidArgument("username and password are the site owner's; one is missing.")
    grant = TokenRequest(
        grant_type=TokenRequestGrantType.PASSWORD,
        username=arguments.text("username", username),
        password=arguments.text("password", password),
    )
    return Application(**application).request_tokens(grant, token_url, datetime.now(UTC))


@dataclass(eq=False, repr=False)
class Application:
    """`ApplicationSettings`, checked, and how a token request is sent with them.

    Raises `InvalidArgument` for a credential that is missing or malformed.
    """

    client_id: str
    client_secret: str
    in_query: bool = False
    transport: httpx.BaseTransport | None = None
    insecure_http: bool = False

    def __post_init__(self) -> None:
        portal = "It is in Enphase's developer portal, with your application."
        arguments.secret("client_id", self.client_id, portal)
        arguments.secret("client_secret", self.client_secret, portal)
        self._basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        self._grant: tuple[str | None, ...] = ()

    def secrets(self) -> tuple[str, ...]:
        """Return the client secret, plain and as it is sent, and what the last request traded."""
        return (self.client_secret, self._basic, *filter(None, self._grant))

    def request_tokens(self, grant: TokenRequest, token_url: str, now: datetime) -> TokenPair:
        """Send one token request. Raises what `login_with_code` raises."""
        kwargs = issue_token.get_kwargs(body=grant)
        kwargs["url"] = arguments.url("token_url", token_url, insecure_http=self.insecure_http)
        kwargs["headers"] |= {
            "Authorization": f"Basic {self._basic}",
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if self.in_query:
            kwargs["params"] = kwargs.pop("data")
        self._grant = (grant.code, grant.password, grant.refresh_token)
        keep_out_of_logs(self)
        http = new_client(token_url, self.transport, timeout=_TIMEOUT)
        try:
            head, body = _send(http, http.build_request(**kwargs))
        except Exception as error:  # a transport may raise anything
            raise connection_failed(error, urlsplit(token_url).netloc, self._mask) from error
        finally:
            if self.transport is None:
                http.close()
        if head.status_code == 200:
            return _pair(body, grant, now)
        refused = error_from_answer(head, body, now=now, mask=self._mask)
        if head.status_code in (400, 401, 403):
            raise LoginRequired(f"The tokens were refused ({refused}): log in again.") from refused
        raise refused

    def _mask(self, text: str) -> str:
        return masked(text, self.secrets())


def _send(http: httpx.Client, request: httpx.Request) -> tuple[Head, bytes]:
    """Return the whole answer to a request, which comes within `_TIMEOUT`.

    A thread sends the request while the caller waits on a queue, so that the deadline and Ctrl-C
    end the wait even if the server or the transport blocks.
    """
    deadline = time.monotonic() + _TIMEOUT
    reader = Reader(http, request, ahead=0)

    def receive() -> Any:
        try:
            found: Any = reader.inbox.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            raise TimeoutError(f"no complete answer within {_TIMEOUT:g} s") from None
        reader.permits.put(None)
        error = found.error if isinstance(found, Failed) else found
        if isinstance(error, BaseException):
            raise error
        return found

    try:
        reader.thread.start()
        head = receive()
        decoder, body = Body(head.content_encoding), bytearray()
        while isinstance(chunk := receive(), bytes):
            body += decoder.feed(chunk)
            if len(body) >= _MAX_BYTES:
                raise OSError(f"the answer is longer than {_MAX_BYTES} bytes")
        return head, bytes(body)
    finally:
        reader.leave()
        reader.join()


def _pair(body: bytes, grant: TokenRequest, now: datetime) -> TokenPair:
    # Not decoded into the generated model: a field of another type must not lose the new pair.
    answer = parse_json(body.decode(errors="replace"))
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
