"""The transport for a large fleet: aiohttp under httpx, with every resend switched off.

It needs the extra `fleet`: `pip install 'enphase-streaming[fleet]'`.
"""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import httpx
import httpx_aiohttp


class FleetTransport(httpx_aiohttp.AiohttpTransport):
    """aiohttp's connections for httpx; `fleet_transport` makes one."""

    sends_once = True


def fleet_transport(*, verify: ssl.SSLContext | bool = True) -> FleetTransport:
    """Return a transport for `AsyncStreamingClient` that spends less on each event than httpx's.

    It opens any number of connections, keeps no cookies, ignores the proxies of the environment,
    and sends every request once. aiohttp by itself sends a GET again when the server closes the
    connection before it answers: a call that no budget counts.

    Args:
        verify: an SSL context of your own; True for the authorities that httpx trusts.
    """

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                force_close=True,
                ssl=transport.ssl_context,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_send_once,),
            response_class=_Response,
        )

    transport = FleetTransport(verify=verify, client=session)
    return transport


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
