"""The mock behind httpx, without a socket: `httpx.Client(transport=mock.transport())`.

It streams at the pace of the mock's clock, and what goes wrong raises the exception that httpx
itself would raise: the bytes go through h11, by which httpx reads them from a socket.
"""

import asyncio
import errno
import math
import os
import re
import time
import weakref
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Protocol

import h11
import httpx

from enphase_streaming_mock.clock import Clock
from enphase_streaming_mock.engine import Engine, Reply
from enphase_streaming_mock.exchange import End, Request

# How often a client that waits looks at the clock again, in real seconds.
_NAP = 0.005


class Served(Protocol):
    """What a transport needs of a `Mock`."""

    clock: Clock
    engine: Engine


class MockTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends the requests of an httpx client, for any host, to a `Mock`; sync and asyncio.

    httpx's read time-out is measured by the mock's clock. Closing the transport, or the client
    that has it, breaks off what is still open; it may be used again.
    """

    def __init__(self, mock: Served) -> None:
        self.mock = mock
        self._open: weakref.WeakSet[_Exchange] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<MockTransport to {self.mock!r}>"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an `httpx.Client`."""
        request.read()
        exchange = self._exchange(request)
        for moment in exchange.head():
            exchange.wait(moment)
        return exchange.response()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an `httpx.AsyncClient`."""
        await request.aread()
        exchange = self._exchange(request)
        try:
            for moment in exchange.head():
                await exchange.wait_async(moment)
        except asyncio.CancelledError:
            exchange.close()
            raise
        return exchange.response()

    def close(self) -> None:
        """Break off every exchange that is open."""
        for exchange in list(self._open):
            exchange.close()

    async def aclose(self) -> None:
        """Break off every exchange that is open."""
        self.close()

    def mount(self, router: Any) -> Any:
        """Route the paths of the API and of OAuth, on any host, of a respx router here.

        Returns the respx route; other requests are left to the router's other routes.
        """
        contract = self.mock.engine.contract
        oauth = "|".join(map(re.escape, (contract.token_path, contract.authorize_path)))
        paths = f"^({re.escape(contract.base_path)}/|({oauth})$)"
        return router.route(path__regex=paths).mock(side_effect=self._respond)

    def _respond(
        self, request: httpx.Request
    ) -> httpx.Response | Coroutine[None, None, httpx.Response]:
        # respx calls the same function for both clients, and awaits what the async one gets.
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self.handle_request(request)
        return self.handle_async_request(request)

    def _exchange(self, request: httpx.Request) -> "_Exchange":
        exchange = _Exchange(self.mock, request)
        self._open.add(exchange)
        return exchange


class _Exchange(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request and its answer; closing it from another thread or task ends any wait."""

    def __init__(self, mock: Served, request: httpx.Request) -> None:
        self._clock = mock.clock
        self._opened = mock.clock.monotonic()
        self._closed = False
        seconds = request.extensions.get("timeout", {}).get("read")
        self._timeout = math.inf if seconds is None else float(seconds)
        target = request.url.raw_path.decode("ascii")
        asked = Request.received(request.method, target, request.headers.raw, request.content)
        self._reply: Reply = mock.engine.answer(asked, mock.clock.now())

    def head(self) -> Iterator[float]:
        """Yield the moments to wait for before there is a response. Raises httpx's exceptions."""
        yield from self._until(self._reply.delay)
        if self._reply.hang_up is not None:
            self._ended(broken=True)
            if self._reply.hang_up is End.RESET:
                raise httpx.ReadError(_named(errno.ECONNRESET))
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")

    def response(self) -> httpx.Response:
        reply, headers = self._reply, httpx.Headers(self._reply.headers)
        if reply.steps is None:
            headers["Content-Length"] = str(len(reply.body))
        else:
            headers["Transfer-Encoding"] = "chunked"
        # A stream in both cases: what httpx takes as content counts as read, and cannot be again.
        return httpx.Response(reply.status, headers=headers, stream=self)

    def __iter__(self) -> Iterator[bytes]:
        for step in self._steps():
            if isinstance(step, bytes):
                yield step
            else:
                self.wait(step)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._steps():
            if isinstance(step, bytes):
                yield step
            else:
                await self.wait_async(step)

    def close(self) -> None:
        self._closed = True
        self._reply.record.close("client", self._clock.now())

    async def aclose(self) -> None:
        self.close()

    def wait(self, moment: float) -> None:
        """Block until the clock's `monotonic()` reaches `moment`, or until closed."""
        while (nap := self._nap(moment)) is not None:
            time.sleep(nap)

    async def wait_async(self, moment: float) -> None:
        """Wait as `wait` does, in an asyncio task; other tasks get their turn in any case."""
        await asyncio.sleep(0)
        while (nap := self._nap(moment)) is not None:  # noqa: ASYNC110  a clock does not notify
            await asyncio.sleep(nap)

    def _nap(self, moment: float) -> float | None:
        """Return how long to sleep before looking again, in real seconds; None to go on."""
        if self._closed or self._clock.delay(moment) <= 0:
            return None
        return min(self._clock.pull(moment), _NAP)

    def _steps(self) -> Iterator[bytes | float]:
        """Yield the bytes of the body and, before each, the moment to wait for."""
        if self._reply.steps is None:
            yield self._reply.body
            return
        chunks = _Chunks()
        for due, data, events, end, raw in self._reply.steps:
            yield from self._until(due)
            if data:
                # Counted first, so that a client which has read an event finds it counted.
                self._reply.record.events_sent += events
                try:
                    yield from chunks.received(data if raw else b"%x\r\n%b\r\n" % (len(data), data))
                except httpx.RemoteProtocolError:
                    if end is not None:
                        self._ended(broken=True)
                    self.close()  # as httpx does with a connection that it cannot make sense of
                    raise
            if end is not None:
                # Noted first, so that a client which has read the end finds it noted.
                self._ended(broken=end is not End.CLEAN)
                if end is End.RESET:
                    raise httpx.ReadError(_named(errno.ECONNRESET))
                yield from chunks.received(b"0\r\n\r\n" if end is End.CLEAN else b"")
                return
        yield from self._until(math.inf)

    def _until(self, due: float) -> Iterator[float]:
        moment, patience = self._opened + due, self._clock.monotonic() + self._timeout
        yield min(moment, patience)
        if self._closed:
            raise httpx.ReadError("The response was closed while it was read.")
        if patience < moment:
            self.close()
            raise httpx.ReadTimeout("The read operation timed out")

    def _ended(self, *, broken: bool) -> None:
        self._reply.record.close("server", self._clock.now(), broken=broken)


class _Chunks:
    """The body as a client reads it that follows RFC 9112, section 7.1."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT)
        self._h11.send(h11.Request(method="GET", target="/", headers=[("Host", "mock")]))
        self._h11.send(h11.EndOfMessage())
        self._h11.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._h11.next_event()

    def received(self, data: bytes) -> Iterator[bytes]:
        """Yield the content of chunks; no bytes are a connection that was closed."""
        self._h11.receive_data(data)
        try:
            while isinstance(event := self._h11.next_event(), h11.Data):
                yield bytes(event.data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error


def _named(number: int) -> str:
    return f"[Errno {number}] {os.strerror(number)}"
