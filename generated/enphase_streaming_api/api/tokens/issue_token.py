# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from typing import Any

from ...client import AuthenticatedClient
from ...models.token_error import TokenError
from ...models.token_request import TokenRequest
from ...models.token_response import TokenResponse
from ...types import Response, parse

BOUNDS: dict[str, tuple[int | None, int | None]] = {}
"""Minimum and maximum of each bounded parameter, both inclusive; None where there is no bound."""

ANSWERS: dict[int, type[TokenError | TokenResponse]] = {
    200: TokenResponse,
    400: TokenError,
    401: TokenError,
}
"""The type of the body of each documented status."""


def get_kwargs(
    *,
    body: TokenRequest,
) -> dict[str, Any]:
    """Return the arguments of `build_request`, `request` or `stream` of an httpx client."""
    headers: dict[str, str] = {}
    _kwargs: dict[str, Any] = {
        "method": "POST",
        "url": "/oauth/token",
        "headers": headers,
    }
    _kwargs["data"] = body.to_dict()

    return _kwargs


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: TokenRequest,
) -> Response[TokenError | TokenResponse]:
    """Exchange a code, a password or a refresh token for a pair of tokens.

    The base URL is the bare origin, without the `/api/v4` of the other operation. Each answer
    has a new refresh token, and the one that was sent is spent. The publisher documents these
    parameters in the query string. Users report that a form body works, too; it keeps them
    out of logs.

    Return the whole response; `parsed` is None if it is not as documented.
    """

    response = client.get_httpx_client().request(**get_kwargs(body=body))
    return parse(response, ANSWERS)


def sync(
    *,
    client: AuthenticatedClient,
    body: TokenRequest,
) -> TokenError | TokenResponse | None:
    """Exchange a code, a password or a refresh token for a pair of tokens.

    The base URL is the bare origin, without the `/api/v4` of the other operation. Each answer
    has a new refresh token, and the one that was sent is spent. The publisher documents these
    parameters in the query string. Users report that a form body works, too; it keeps them
    out of logs.

    Return the parsed body, or None if it is not as documented.
    """

    return sync_detailed(body=body, client=client).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: TokenRequest,
) -> Response[TokenError | TokenResponse]:
    """Exchange a code, a password or a refresh token for a pair of tokens.

    The base URL is the bare origin, without the `/api/v4` of the other operation. Each answer
    has a new refresh token, and the one that was sent is spent. The publisher documents these
    parameters in the query string. Users report that a form body works, too; it keeps them
    out of logs.

    Return the whole response; `parsed` is None if it is not as documented.
    """

    response = await client.get_async_httpx_client().request(**get_kwargs(body=body))
    return parse(response, ANSWERS)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: TokenRequest,
) -> TokenError | TokenResponse | None:
    """Exchange a code, a password or a refresh token for a pair of tokens.

    The base URL is the bare origin, without the `/api/v4` of the other operation. Each answer
    has a new refresh token, and the one that was sent is spent. The publisher documents these
    parameters in the query string. Users report that a form body works, too; it keeps them
    out of logs.

    Return the parsed body, or None if it is not as documented.
    """

    return (await asyncio_detailed(body=body, client=client)).parsed
