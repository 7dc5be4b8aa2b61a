"""OAuth grants: a code, a password or a refresh token traded for a pair of tokens."""

from __future__ import annotations

import base64
import math
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from enphase_streaming.auth.tokens import TokenPair
from enphase_streaming.core import arguments
from enphase_streaming.core.answers import connection_failed, error_from_answer
from enphase_streaming.core.options import AUTHORIZE_URL, TOKEN_URL, USER_AGENT
from enphase_streaming.errors import ConnectionFailed, InvalidArgument, LoginRequired
from enphase_streaming.secrets import keep_out_of_logs, masked
from enphase_streaming_api.api.tokens import issue_token
from enphase_streaming_api.models import TokenRequest, TokenRequestGrantType

_TIMEOUT = 30.0
_MOST_BYTES = 65_536
_LIFETIME = 86_400.0
"""How long an access token lives if the answer does not say, in seconds."""
_AHEAD = 600.0
"""How long before its expiry a token is replaced, in seconds, so that no window outlives it."""


def authorize_url(
    *, client_id: str, redirect_uri: str, state: str, base: str = AUTHORIZE_URL
) -> str:
    """Return the page where a site's owner lets an application in.

    The page sends the owner on to `redirect_uri?code=…&state=…`. `state` should be a random
    string; compare it when it comes back. Raises `InvalidArgument` for what no address can carry.
    """
    return f"{base}?" + urlencode(
        {
            "response_type": "code",
            "client_id": arguments.text("client_id", client_id),
            "redirect_uri": arguments.text("redirect_uri", redirect_uri),
            "state": arguments.text("state", state),
        }
    )


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
    """Trade the code of `authorize_url` for tokens (developer applications).

    `in_query` sends the parameters in the query string, as published, and not as a form.

    Raises `LoginRequired` if it is refused, and what `request_tokens` raises.
    """
    return request_tokens(
        TokenRequest(
            grant_type=TokenRequestGrantType.AUTHORIZATION_CODE,
            code=arguments.secret("code", code, "It is in the address that the owner was sent to."),
            redirect_uri=arguments.text("redirect_uri", redirect_uri),
        ),
        client_id=client_id,
        client_secret=client_secret,
        token_url=token_url,
        now=datetime.now(UTC),
        in_query=in_query,
        transport=transport,
    )


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
    """Trade a site owner's login for tokens (partner applications only).

    `in_query` sends the parameters in the query string, as published, and not as a form.

    Raises `LoginRequired` if it is refused, and what `request_tokens` raises.
    """
    if not username or not password:
        raise InvalidArgument("username and password are the site owner's; one is missing.")
    return request_tokens(
        TokenRequest(
            grant_type=TokenRequestGrantType.PASSWORD,
            username=arguments.text("username", username),
            password=arguments.text("password", password),
        ),
        client_id=client_id,
        client_secret=client_secret,
        token_url=token_url,
        now=datetime.now(UTC),
        in_query=in_query,
        transport=transport,
    )


def request_tokens(
    request: TokenRequest,
    *,
    client_id: str,
    client_secret: str,
    token_url: str,
    now: datetime,
    in_query: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> TokenPair:
    """Send one token request.

    Raises `LoginRequired` for a 400, 401 or 403, the exception of any other error status, and
    `ConnectionFailed` if no answer came.
    """
    portal = "It is in Enphase's developer portal, with your application."
    arguments.secret("client_id", client_id, portal)
    arguments.secret("client_secret", client_secret, portal)
    kwargs = issue_token.get_kwargs(body=request)
    kwargs["url"] = arguments.url("token_url", token_url)
    kwargs["headers"] |= {"User-Agent": USER_AGENT, "Accept": "application/json"}
    if in_query:
        kwargs["params"] = kwargs.pop("data")
    hidden = _Hidden(request, client_id, client_secret)
    keep_out_of_logs(hidden)
    try:
        status_code, retry_after, body = _exchange(kwargs, (client_id, client_secret), transport)
    except (httpx.HTTPError, OSError) as error:
        raise connection_failed(error, urlsplit(token_url).netloc, hidden.mask) from error
    if status_code == 200:
        return _pair(body, request, now)
    refused = error_from_answer(
        status_code, body, now=now, retry_after=retry_after, mask=hidden.mask
    )
    if status_code in (400, 401, 403):
        raise LoginRequired(f"The tokens were refused ({refused}): log in again.") from refused
    raise refused


def _exchange(
    kwargs: dict[str, Any], credentials: tuple[str, str], transport: httpx.BaseTransport | None
) -> tuple[int, str | None, bytes]:
    give_up = time.monotonic() + _TIMEOUT
    body = bytearray()
    with (
        httpx.Client(transport=transport, timeout=_TIMEOUT, follow_redirects=False) as http,
        http.stream(**kwargs, auth=httpx.BasicAuth(*credentials)) as response,
    ):
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise ConnectionFailed("The token endpoint's answer has no end.")
            if time.monotonic() > give_up:
                raise ConnectionFailed("The token endpoint's answer took too long.")
        return response.status_code, response.headers.get("retry-after"), bytes(body)


def _pair(body: bytes, request: TokenRequest, now: datetime) -> TokenPair:
    # Read by hand: a field of an unexpected type must not cost the pair that was just issued.
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    found = answer if isinstance(answer, dict) else {}
    access_token, refresh_token = found.get("access_token"), found.get("refresh_token")
    if not isinstance(access_token, str):
        raise LoginRequired("The token endpoint answered without an access token: log in again.")
    if not isinstance(refresh_token, str) or not refresh_token:
        refresh_token = request.refresh_token or ""
    lifetime = _lifetime(found.get("expires_in"))
    try:
        return TokenPair(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=now.timestamp() + lifetime,
            renew_at=now.timestamp() + lifetime - min(_AHEAD, lifetime / 2),
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


class _Hidden:
    """What one token request must not show, in whatever is said about it."""

    def __init__(self, request: TokenRequest, client_id: str, client_secret: str) -> None:
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        known = [client_secret, basic, request.code, request.password, request.refresh_token]
        self._secrets = tuple(secret for secret in known if secret)

    def secrets(self) -> tuple[str, ...]:
        return self._secrets

    def mask(self, text: str) -> str:
        return masked(text, self._secrets)
