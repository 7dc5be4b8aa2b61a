"""The transport for a large fleet: aiohttp under httpx, with every resend switched off.

It needs the extra `fleet`: `pip install 'enphase-streaming[fleet]'`.
"""

from __future__ import annotations

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
        )

    transport = FleetTransport(verify=verify, client=session)
    return transport


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        # aiohttp sends again on these two and on no exception of httpx.
        raise httpx.RemoteProtocolError(str(error)) from error
