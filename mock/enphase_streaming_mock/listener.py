"""The engine behind aiohttp, on a real socket."""

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from enphase_streaming_mock.clock import Clock
from enphase_streaming_mock.control import PREFIX, Control, is_same_origin
from enphase_streaming_mock.engine import Engine, Reply
from enphase_streaming_mock.exchange import End, Pairs, Request
from enphase_streaming_mock.journal import Side
from enphase_streaming_mock.mock import Mock
from enphase_streaming_mock.validation import is_loopback

_ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")
# Connections that may arrive at once before the first of them is accepted.
_BACKLOG = 4096
# How often the console is brought up to date.
_FEED_SECONDS = 0.5


class Listener:
    """Serves a mock on a host and port, with its controls under `/_mock/`; port 0 is a free one.

    With `cors` pages of any origin may use the API, though never the controls.
    """

    # From `start` on.
    http: web.Server
    _accepting: asyncio.Server
    _is_stopping: bool

    def __init__(self, mock: Mock, host: str, port: int, cors: bool) -> None:
        self.cors = cors
        self.engine: Engine = mock.engine
        self.clock: Clock = mock.clock
        self.control: Control = Control(mock)
        self.host = host
        self.port: int = port

    async def start(self) -> None:
        """Bind and listen; `port` is then the real one. Raises OSError if it cannot be had."""
        self._is_stopping = False
        self.http = web.Server(
            self._handle,
            handler_cancellation=True,  # else only a failing write shows that a client has left
            access_log=None,
            logger=_logger(),
            auto_decompress=False,
            lingering_time=1.0,
        )
        # Kept before it serves, so that it is closed after any failure.
        self._accepting = await asyncio.get_running_loop().create_server(
            self.http, self.host, self.port, backlog=_BACKLOG, start_serving=False
        )
        self.port = self._accepting.sockets[0].getsockname()[1]
        await self._accepting.start_serving()

    async def stop(self) -> None:
        """Break off the open streams, close every connection and free the port."""
        # asyncio loses a connection that was accepted just before the server closes, so no more are
        # accepted first, and the last ones get the turns of the loop that they take to arrive.
        for sock in self._accepting.sockets:
            asyncio.get_running_loop().remove_reader(sock)
        for _ in range(3):
            await asyncio.sleep(0)
        self._accepting.close()
        self._is_stopping = True
        for connection in self.http.connections:
            if connection.transport is not None:
                connection.transport.abort()  # `close` would wait for clients that do not read
        self.http.pre_shutdown()
        await self.http.shutdown(timeout=1.0)
        await asyncio.sleep(0)  # asyncio closes the sockets themselves on its next turn

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        body = await http.read() if http.can_read_body else b""
        target = http.rel_url.raw_path_qs
        request = Request.received(http.method, target, http.raw_headers, body)
        if request.path == PREFIX.rstrip("/"):  # as it is typed
            return web.Response(status=308, headers={"Location": PREFIX})
        if request.path.startswith(PREFIX):
            if not (is_loopback(http.remote or "") and is_same_origin(request)):
                said = "Only this machine may use the controls, and no page but the console: open "
                said += "its address yourself, with a loopback host name, and not by a link."
                return web.json_response({"error": said}, status=403)
            status, headers, answer = self.control.answer(request)
            if not isinstance(answer, bytes):
                return await _feed(http, headers, answer)
            return web.Response(status=status, headers=headers, body=answer)
        if self.cors and request.method == "OPTIONS" and self.engine.endpoint(request):
            return web.Response(status=204, headers=_preflight(request))
        asked = self.clock.monotonic()
        reply = self.engine.answer(request, self.clock.now())
        if reply.hang_up is not None:
            _break_off(http.transport, reply.hang_up)
            return web.Response()
        try:
            if self.cors and reply.record.endpoint:
                reply.headers = (*reply.headers, _ANY_ORIGIN)
            # Again, if the clock has become slower meanwhile.
            while (wait := self.clock.delay(asked + reply.delay)) > 0:  # noqa: ASYNC110  no event
                await asyncio.sleep(wait)
            if reply.steps is None:
                return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
            return await self._stream(http, reply, asked)
        except (asyncio.CancelledError, ConnectionError):
            by: Side = "server" if self._is_stopping else "client"
            reply.record.close(by, self.clock.now(), broken=self._is_stopping)
            raise

    async def _stream(
        self, http: web.BaseRequest, reply: Reply, opened: float
    ) -> web.StreamResponse:
        """Send the steps of a reply as they fall due."""
        response = await _begin(http, reply.status, reply.headers)
        transport = http.transport
        if transport is None:
            raise ConnectionResetError("the client left before the stream began")
        for due, data, events, end, raw in reply.steps or ():
            # Not in a coroutine that both waits share: it would add to the cost of every event.
            while (wait := self.clock.delay(opened + due)) > 0:  # noqa: ASYNC110  no event
                await asyncio.sleep(wait)
            # Counted first, so that a client which has read an event finds it counted.
            reply.record.events_sent += events
            is_behind = transport.get_write_buffer_size() > 0 or transport.is_closing()
            if response.chunked and data and (raw or not is_behind):
                # The chunk that aiohttp would write, without the calls of its four layers.
                transport.write(data if raw else b"%x\r\n%b\r\n" % (len(data), data))
            elif data and not raw:
                await response.write(data)  # which waits for a client that reads more slowly
            if end is not None:
                # Noted first, so that a client which has read the end finds it noted.
                reply.record.close("server", self.clock.now(), broken=end is not End.CLEAN)
                if end is End.CLEAN:
                    await response.write_eof()
                else:
                    _break_off(transport, end)
                return response
        await asyncio.get_running_loop().create_future()  # the client's leaving cancels this
        return response


async def _begin(http: web.BaseRequest, status: int, headers: Pairs) -> web.StreamResponse:
    """Send the head of an answer whose body comes piece by piece."""
    response = web.StreamResponse(status=status, headers=headers)
    if http.version < HttpVersion11:
        response.force_close()  # HTTP/1.0 has no chunks: a body ends with its connection
    else:
        response.enable_chunked_encoding()
    await response.prepare(http)
    return response


async def _feed(
    http: web.BaseRequest, headers: Pairs, parts: Iterator[bytes]
) -> web.StreamResponse:
    """Send what the console has to show, until the page leaves."""
    response = await _begin(http, 200, headers)
    for part in parts:
        await response.write(part)
        await asyncio.sleep(_FEED_SECONDS)
    return response


def _preflight(request: Request) -> Pairs:
    """Return the answer to a browser that asks whether a page may send a request."""
    wanted = ", ".join(request.header("access-control-request-headers"))
    return (
        _ANY_ORIGIN,
        ("Access-Control-Allow-Methods", "GET, POST"),
        ("Access-Control-Allow-Headers", wanted),
        ("Access-Control-Max-Age", "600"),
    )


def _logger() -> logging.Logger:
    """Return what aiohttp logs to: defects of the mock, and not those of its clients."""

    def is_defect(record: logging.LogRecord) -> bool:
        cause = record.exc_info[1] if record.exc_info else None
        # The former quotes the request, in which a real key may stand.
        return not isinstance(cause, HttpProcessingError | ConnectionError)

    logger = logging.getLogger("enphase_streaming_mock")
    logger.filters[:] = [is_defect]
    return logger


def _break_off(transport: asyncio.Transport | None, end: End) -> None:
    """End a connection in the middle of an answer."""
    if transport is None:  # the client was faster
        return
    if end is End.CLOSE:
        transport.close()  # which still sends what was written
        return
    # Closing a socket that may not linger is how the sockets API asks for a reset.
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
