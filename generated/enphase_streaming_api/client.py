# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
"""The clients that operations are called with."""

import ssl
from typing import Any, Self

import httpx


class Client:
    """The address of the API, and one httpx client of each kind, created on first use.

    Args:
        base_url: The URL that the paths of the operations are appended to.
        headers: Headers of every request, such as further credentials.
        cookies: Cookies of every request.
        timeout: A time-out as of httpx. None, the default, has no limit, as streams need.
        verify_ssl: False for no verification, or an SSL context.
        follow_redirects: Off by default, as a redirect would send credentials elsewhere.
        httpx_args: More arguments of `httpx.Client` and `httpx.AsyncClient`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
        timeout: httpx.Timeout | float | None = None,
        verify_ssl: ssl.SSLContext | bool = True,
        follow_redirects: bool = False,
        httpx_args: dict[str, Any] | None = None,
    ) -> None:
        self._base_url = base_url
        self._httpx_args: dict[str, Any] = {
            "base_url": base_url,
            "headers": dict(headers or {}),
            "cookies": dict(cookies or {}),
            "timeout": timeout,
            "verify": verify_ssl,
            "follow_redirects": follow_redirects,
            **(httpx_args or {}),
        }
        self._client: httpx.Client | None = None
        self._async_client: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        # httpx masks the password of a URL. Everything else may contain a secret.
        return f"{type(self).__name__}({httpx.URL(self._base_url)!r})"

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use this httpx client instead, with its own settings."""
        self._client = client
        return self

    def get_httpx_client(self) -> httpx.Client:
        """Return the sync client, created on the first call."""
        if self._client is None:
            self._client = httpx.Client(**self._httpx_args)
        return self._client

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use this httpx client instead, with its own settings."""
        self._async_client = async_client
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the async client, created on the first call."""
        if self._async_client is None:
            self._async_client = httpx.AsyncClient(**self._httpx_args)
        return self._async_client

    def __enter__(self) -> Self:
        self.get_httpx_client().__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.get_httpx_client().__exit__(*exc_info)

    async def __aenter__(self) -> Self:
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self.get_async_httpx_client().__aexit__(*exc_info)


class AuthenticatedClient(Client):
    """A client that sends a token with every request.

    Args:
        token: The token, sent as `<auth_header_name>: <prefix> <token>`.
        prefix: `Bearer`, or `Basic` for a token that is the base64 of `id:secret`.
        auth_header_name: The name of the header.
        headers: Headers of every request, such as further credentials.
        others: More arguments of `Client`.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        prefix: str = "Bearer",
        auth_header_name: str = "Authorization",
        headers: dict[str, str] | None = None,
        **others: Any,
    ) -> None:
        authorization = f"{prefix} {token}" if prefix else token
        super().__init__(
            base_url, headers={**(headers or {}), auth_header_name: authorization}, **others
        )
