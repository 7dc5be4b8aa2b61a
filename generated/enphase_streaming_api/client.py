# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
"""What an operation is called with: where the API is, and who calls it."""

import ssl
from typing import Any, Self

import httpx


class Client:
    """Where the API is, and one httpx client of each kind, made when it is first needed.

    Args:
        base_url: What the paths of the operations are appended to.
        headers: Sent with every request. Credentials beside the token belong here.
        cookies: Sent with every request.
        timeout: As httpx takes it; None, the default, waits without limit, as a stream needs.
        verify_ssl: False, or a context of your own.
        follow_redirects: Off by default: a redirect would carry credentials elsewhere.
        httpx_args: Anything else that `httpx.Client` and `httpx.AsyncClient` take.
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
        # httpx masks the password of a URL. Everything else may be a secret.
        return f"{type(self).__name__}({httpx.URL(self._base_url)!r})"

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use this client, as it is configured: this object's own settings no longer count."""
        self._client = client
        return self

    def get_httpx_client(self) -> httpx.Client:
        """The sync client; made on the first call."""
        if self._client is None:
            self._client = httpx.Client(**self._httpx_args)
        return self._client

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use this client, as it is configured: this object's own settings no longer count."""
        self._async_client = async_client
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The async client; made on the first call."""
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
        token: Sent as `<auth_header_name>: <prefix> <token>`.
        prefix: `Bearer`; `Basic` with base64 of `id:secret` for an operation that wants that.
        auth_header_name: The header that carries the token.
        others: What `Client` takes. A second credential goes into `headers`.
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
