"""The engine behind aiohttp, on a real socket."""

import asyncio
import logging
import socket
import struct
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import parse_qsl

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from enphase_streaming_mock.agenda import Agenda
from enphase_streaming_mock.clock import ScaledClock
from enphase_streaming_mock.control import PREFIX, Control
from enphase_streaming_mock.engine import Engine
from enphase_streaming_mock.exchange import End, Reply, Request
from enphase_streaming_mock.playback import Playback

# Connections that may arrive at once before the first of them is accepted.
_BACKLOG = 4096


class Listener:
    """Serves one engine by one clock on a host and port; port 0 takes a free one.

    `control` answers what is asked under `/_mock/`.
    """

    def __init__(
        self, engine: Engine, clock: ScaledClock, host: str, port: int, control: Control
    ) -> None:
        self.control = control
        self.engine = engine
        self.clock = clock
        self.host = host
        self.port = port
        self._agenda = Agenda()
        self._playing: set[Playback] = set()
        self._http: web.Server | None = None
        self._accepting: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._shut = asyncio.Event()

    async def start(self) -> None:
        """Bind and listen; `port` is then the real one. Raises OSError if it cannot be had."""
        self._http = web.Server(
            self._handle,
            handler_cancellation=True,  # else only a failing write shows that a client has left
            access_log=None,
            logger=_logger(),
            auto_decompress=False,
            lingering_time=1.0,
        )
        await self._accept()
        loop = asyncio.get_running_loop()

        def refuse() -> None:
            loop.call_soon_threadsafe(self._refuse)

        self.engine.faults.on_refuse = refuse
        if self.engine.faults.refusing(self.clock.now()):
            self._refuse()

    async def _accept(self) -> None:
        assert self._http is not None
        # Kept before it serves, so that it is closed whatever happens then.
        self._accepting = await asyncio.get_running_loop().create_server(
            self._http, self.host, self.port, backlog=_BACKLOG, start_serving=False
        )
        self.port = self._accepting.sockets[0].getsockname()[1]
        await self._accepting.start_serving()

    async def _stop_accepting(self) -> None:
        """Close the port, but no connection."""
        assert self._accepting is not None
        # asyncio loses a connection that was accepted just before the server closes, so no more are
        # accepted first, and the last ones get the turns of the loop that they take to arrive.
        for sock in self._accepting.sockets:
            asyncio.get_running_loop().remove_reader(sock)
        for _ in range(3):
            await asyncio.sleep(0)
        self._accepting.close()

    def _refuse(self) -> None:
        """Close the port if connections are refused now, and open it when they no longer are."""
        if self._reopening is not None:
            self._reopening.cancel()
        self._shut.clear()
        self._reopening = asyncio.create_task(self._reopen(self.engine.faults.refused_until))

    async def _reopen(self, moment: datetime | None) -> None:
        await self._stop_accepting()
        self._shut.set()
        if moment is not None:
            await asyncio.sleep((moment - self.clock.now()).total_seconds() / self.clock.speed)
        await self._accept()

    async def settle(self) -> None:
        """Return once the port is open or closed as the faults have it."""
        await asyncio.sleep(0)
        if self._reopening is not None and self.engine.faults.refused_until is None:
            await self._reopening
        elif self._reopening is not None:
            await self._shut.wait()

    async def stop(self) -> None:
        """Break off the open streams, close every connection and free the port."""
        assert self._http is not None
        assert self._accepting is not None
        self.engine.faults.on_refuse = lambda: None
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        for playback in self._playing:
            playback.stop()
        await self._stop_accepting()
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
            await http.read() if http.can_read_body else b"",
        )
        if request.path.startswith(PREFIX):
            if not ip_address(http.remote or "0.0.0.0").is_loopback:
                return web.Response(status=403, text="The controls are for this machine only.\n")
            # On another thread, since what is set may have to wait for this one.
            status, headers, body = await asyncio.to_thread(self.control.answer, request)
            return web.Response(status=status, headers=headers, body=body)
        asked = self.clock.monotonic()
        reply = self.engine.answer(request, self.clock.now())
        if reply.hang_up is not None:
            _break_off(http.transport, reply.hang_up)
            return web.Response()
        if reply.delay:
            try:
                await asyncio.sleep(self.clock.delay(asked + reply.delay))
            except asyncio.CancelledError:
                reply.record.close("client", self.clock.now())
                raise
        if reply.steps is None:
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        return await self._stream(http, reply, asked)

    async def _stream(
        self, http: web.BaseRequest, reply: Reply, opened: float
    ) -> web.StreamResponse:
        assert reply.steps is not None
        record = reply.record
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.enable_chunked_encoding()
        playback = None
        try:
            await response.prepare(http)
            if http.transport is None:
                raise ConnectionResetError("the client left before the stream began")
            playback = Playback(
                reply.steps, http.transport, self.clock, opened, record, self._agenda
            )
            self._playing.add(playback)
            ended = await playback.run()
        except (asyncio.CancelledError, ConnectionError):
            record.close("client", self.clock.now())
            raise
        finally:
            self._playing.discard(playback)
        # Noted first, so that whoever has read the end finds it noted.
        record.close("server", self.clock.now(), broken=ended is not End.CLEAN)
        if ended is End.CLEAN:
            await response.write_eof()
        else:
            _break_off(http.transport, ended)
        return response


def _logger() -> logging.Logger:
    """What aiohttp logs to: defects of the mock, and not those of its clients."""

    def is_defect(record: logging.LogRecord) -> bool:
        cause = record.exc_info[1] if record.exc_info else None
        # The former quotes the request, in which a real key may stand.
        return not isinstance(cause, HttpProcessingError | ConnectionError)

    logger = logging.getLogger("enphase_streaming_mock")
    logger.filters[:] = [is_defect]
    return logger


def _break_off(transport: asyncio.Transport | None, end: End | None) -> None:
    """End a connection in the middle of an answer."""
    if transport is None:  # the client was faster
        return
    if end is End.CLOSE:
        transport.close()  # which still sends what was written
        return
    if end is End.RESET:
        # Closing a socket that may not linger is how the sockets API asks for a reset.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _text(raw: bytes) -> str:
    # Every byte has a meaning in this encoding, so no header is lost or refused on the way.
    return raw.decode("latin-1")
