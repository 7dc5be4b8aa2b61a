"""The transport for a large fleet: aiohttp under httpx, with every resend switched off.

It needs the extra `fleet`: `pip install 'enphase-streaming[fleet]'`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiohttp
import httpx

from enphase_streaming.transports import ssl_context


class FleetTransport(httpx.AsyncBaseTransport):
    """aiohttp's connections for httpx; `fleet_transport` makes one."""

    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        self._context = ssl_context(verify)
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request once, and return the head of its response."""
        if self._session is None:  # made here, since aiohttp asks for the running event loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True, ssl=self._context),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_send_once,),
                response_class=_Response,
                auto_decompress=False,
            )
        content = await request.aread()
        limit = request.extensions.get("timeout", {}).get("connect")
        try:
            response = await self._session.request(
                request.method,
                str(request.url),
                headers=request.headers,
                data=content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=limit),
            )
        except aiohttp.ClientConnectionError as error:
            raise httpx.ConnectError(str(error)) from error
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()


def fleet_transport(*, verify: ssl.SSLContext | bool = True) -> FleetTransport:
    """Return a transport for `AsyncStreamingClient` that spends less on each event than httpx's.

    It opens any number of connections, keeps no cookies, ignores the proxies of the environment,
    and sends every request once. aiohttp by itself sends a GET again when the server closes the
    connection before it answers: a call that no budget counts.

    Args:
        verify: an SSL context of your own; True for the authorities that httpx trusts.

    Raises:
        InvalidArgument: if SSL_CERT_FILE or SSL_CERT_DIR is unusable.
    """
    return FleetTransport(verify)


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.content.iter_any()

    async def aclose(self) -> None:
        self._response.close()


class _Response(aiohttp.ClientResponse):
    """A response that aborts its connection when it is closed, and ends when that ends."""

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        assert protocol is not None
        # aiohttp would keep the socket open until the server, too, has ended TLS.
        protocol.close = protocol.abort  # type: ignore[method-assign]  # no parameter sets it
        if protocol.closed is not None:
            protocol.closed.add_done_callback(self._end)
        return await super().start(connection)

    def _end(self, closed: asyncio.Future[None]) -> None:
        closed.exception()  # else the event loop logs that it was never retrieved
        content: aiohttp.StreamReader | None = self.content
        # After a malformed chunk, aiohttp closes the connection and lets the reader wait.
        if content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("The body is malformed."))


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise  # nothing was sent
    except aiohttp.ClientError as error:
        # aiohttp sends again after some of these, and after no exception of httpx.
        failure = httpx.RemoteProtocolError(str(error))
    # Not chained: the repr of aiohttp's exception may hold the request's headers.
    raise failure
