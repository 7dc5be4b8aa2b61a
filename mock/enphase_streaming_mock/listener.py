"""The engine behind aiohttp, on a real socket."""

import asyncio
from urllib.parse import parse_qsl

from aiohttp import HttpVersion11, web

from enphase_streaming_mock.clock import Clock
from enphase_streaming_mock.engine import Engine
from enphase_streaming_mock.exchange import Reply, Request
from enphase_streaming_mock.playback import Playback

# Connections that may arrive at once before the first of them is accepted.
_BACKLOG = 4096


class Listener:
    """Serves one engine by one clock on a host and port; port 0 takes a free one."""

    def __init__(self, engine: Engine, clock: Clock, host: str, port: int) -> None:
        self.engine = engine
        self.clock = clock
        self.host = host
        self.port = port
        self._playing: set[Playback] = set()
        self._http: web.Server | None = None
        self._accepting: asyncio.Server | None = None

    async def start(self) -> None:
        """Bind and listen; `port` is then the real one. Raises OSError if it cannot be had."""
        self._http = web.Server(
            self._handle,
            handler_cancellation=True,  # else only a failing write shows that a client has left
            access_log=None,
            auto_decompress=False,
            lingering_time=1.0,
        )
        self._accepting = await asyncio.get_running_loop().create_server(
            self._http, self.host, self.port, backlog=_BACKLOG
        )
        self.port = self._accepting.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Break off the open streams, close every connection and free the port."""
        assert self._http is not None
        assert self._accepting is not None
        for playback in self._playing:
            playback.stop()
        # asyncio loses a connection that was accepted just before the server closes, so no more are
        # accepted first, and the last ones get the turns of the loop that they take to arrive.
        for sock in self._accepting.sockets:
            asyncio.get_running_loop().remove_reader(sock)
        for _ in range(3):
            await asyncio.sleep(0)
        self._accepting.close()
        transports = [each.transport for each in self._http.connections]
        self._http.pre_shutdown()
        await self._http.shutdown(timeout=1.0)
        for transport in transports:
            if transport is not None:
                transport.abort()  # aiohttp closes, which waits for clients that do not read
        await asyncio.sleep(0)  # asyncio closes the sockets themselves on its next turn

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        if http.version < HttpVersion11:
            return web.Response(status=505, text="The stream is chunked, so speak HTTP/1.1.\n")
        request = Request(
            http.method,
            http.rel_url.raw_path,
            tuple((_text(name), _text(value)) for name, value in http.raw_headers),
            tuple(parse_qsl(http.rel_url.raw_query_string, keep_blank_values=True)),
        )
        reply = self.engine.answer(request, self.clock.now())
        if reply.events is None:
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        return await self._stream(http, reply)

    async def _stream(self, http: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        assert reply.events is not None
        opened, record = self.clock.monotonic(), reply.record
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.enable_chunked_encoding()
        playback = None
        try:
            await response.prepare(http)
            if http.transport is None:
                raise ConnectionResetError("the client left before the stream began")
            playback = Playback(reply.events, http.transport, self.clock, opened, record)
            self._playing.add(playback)
            finished = await playback.run()
        except (asyncio.CancelledError, ConnectionError):
            record.close("client", self.clock.now())
            raise
        finally:
            self._playing.discard(playback)
        # Noted first, so that whoever has read the end finds it noted.
        record.close("server", self.clock.now())
        if finished:
            await response.write_eof()
        elif http.transport is not None:
            http.transport.abort()
        return response


def _text(raw: bytes) -> str:
    # Every byte has a meaning in this encoding, so no header is lost or refused on the way.
    return raw.decode("latin-1")
