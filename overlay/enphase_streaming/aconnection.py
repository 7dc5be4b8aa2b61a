"""One HTTP exchange at a time, in asyncio.

The deadline of a wait is one timer, re-armed only when it fires, so that an event costs none. A
read that is overdue or stopped is cancelled, and its response closed: a connection may be shared
(HTTP/2), and need not be a socket.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from time import monotonic as _real_time
from typing import Any

import httpx

from enphase_streaming.core.exchange import (
    INJECTED_NAP,
    SECOND_LOOK,
    Failed,
    Head,
    Signal,
    Stopped,
    head_of,
    in_own_thread,
)
from enphase_streaming.options import Options

_in_background: set[asyncio.Task[None]] = set()
_NO_REQUEST = httpx.Request("GET", "")

_log = logging.getLogger("enphase_streaming")


class AsyncExchange:
    """Sends requests and receives their responses; `stop` ends either from any task."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        request: Callable[[str], httpx.Request],
        options: Options,
    ) -> None:
        self.monotonic, self.now = options.monotonic, options.now
        self._http = http
        self._request = request
        self._options = options
        self._token = ""
        self._longest_nap = 3600.0 if options.monotonic is _real_time else INJECTED_NAP
        self._stopped = False
        self._stopping: asyncio.Future[None] | None = None
        self._response: httpx.Response | None = None
        self._connecting: Any = None
        self._chunks: AsyncIterator[bytes]
        self._reader: asyncio.Task[Any] | None = None
        self._is_cut = False
        self._deadline = math.inf
        self._alarm = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._waits = 0
        self._overdue_wait = -1

    async def authorize(self, *, afresh: bool) -> Failed | None:
        """Have a token; one that has to be renewed is renewed even if nobody waits for it."""
        token = None if afresh else self._options.auth.current(self._options.now())
        if token is None:
            renewing = _renewing(self._options.renewal(self._token if afresh else None))
            await self._wait(renewing, math.inf)
            found = renewing.result()
            if isinstance(found, Failed):
                return found
            token = found
        self._token = token
        return None

    async def open(self, deadline: float) -> Head | Failed:
        """Send the request and return what came by `deadline`."""
        request = self._request(self._token)
        request.extensions = {**request.extensions, "trace": self._trace}
        sending = asyncio.ensure_future(self._http.send(request, stream=True))
        try:
            if not await self._wait(sending, deadline):
                return Failed(TimeoutError("no answer within the time-out"))
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
            if not sending.cancelled() and sending.exception() is None:
                self._response = sending.result()
        if self._response is None:
            error = sending.exception()
            assert isinstance(error, Exception)
            return Failed(error)
        # Not aiter_raw(): it refuses a response that a test's transport made from bytes.
        assert isinstance(self._response.stream, httpx.AsyncByteStream)
        self._chunks = aiter(self._response.stream)
        # The one that was sent is of no more use, and of many streams a part of what each holds.
        self._response.request = _NO_REQUEST
        return head_of(self._response)

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        """Return the next bytes, or how the response ended."""
        if self._stopped:
            raise Stopped
        self._waits += 1
        self._deadline = deadline
        if deadline < self._alarm:
            self._arm(deadline - self.monotonic())
        self._reader = asyncio.current_task()
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            return self._as_cut() or Signal.CLOSED
        except asyncio.CancelledError:
            if (cut := self._as_cut()) is None:
                raise
            return cut
        except Exception as error:  # noqa: BLE001 - whatever a transport raises goes to the core
            return self._as_cut() or Failed(error)
        finally:
            self._deadline = math.inf
            self._reader = None

    async def wait(self, until: float) -> None:
        """Let time pass until `until`."""
        await self._wait(None, until)

    async def hang_up(self, reason: str) -> None:
        """Close the response, if there is one. Only for whoever opens and receives."""
        self._disarm()
        # A handshake that was cancelled leaves its socket open: nobody else closes that one.
        open_still = self._response or self._connecting
        self._response = self._connecting = None
        if open_still is not None:
            try:
                await open_still.aclose()
                # A transport of asyncio's closes its socket in the loop's next turn.
                await asyncio.sleep(0)
            except Exception as error:  # noqa: BLE001 - how a transport closes changes nothing any more
                _log.debug("Closing the connection failed: %s", error)

    def stop(self) -> None:
        """Free whoever waits here."""
        self._stopped = True
        if self._stopping is not None and not self._stopping.done():
            self._stopping.set_result(None)
        self.cut()

    def let_go(self) -> None:
        """Hang up without waiting for it."""
        self.stop()
        in_background(self.hang_up, "stopped")

    async def _wait(self, work: asyncio.Future[Any] | None, deadline: float) -> bool:
        """Wait until `work` is done or `deadline`; return whether it is done."""
        self._stopping = asyncio.get_running_loop().create_future()
        awaited = {self._stopping} if work is None else {self._stopping, work}
        while not (self._stopped or (work is not None and work.done())):
            left = deadline - self.monotonic()
            if left <= 0:
                break
            nap = min(left, self._longest_nap)
            await asyncio.wait(awaited, timeout=nap, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped:
            raise Stopped
        return work is not None and work.done()

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            self._connecting = info["return_value"]
        elif event.endswith("send_request_headers.started"):
            self._connecting = None

    def cut(self) -> None:
        """End the read that is under way as one that is overdue, and only once."""
        if self._reader is not None and not self._is_cut:
            self._is_cut = True
            self._reader.cancel()

    def _as_cut(self) -> Signal | None:
        """Return how the read ended that was cut; None if it was not, or not only by us."""
        if not self._is_cut:
            return None
        self._is_cut = False
        assert self._reader is not None
        if self._reader.uncancel() > 0:
            return None
        if self._stopped:
            raise Stopped
        return Signal.OVERDUE

    def _arm(self, delay: float) -> None:
        self._disarm()
        delay = max(0.0, min(delay, self._longest_nap))
        self._alarm = self.monotonic() + delay
        self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _disarm(self) -> None:
        self._alarm = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._disarm()
        if self._deadline == math.inf:
            return
        left = self._deadline - self.monotonic()
        if left > 0:
            self._arm(left)
        elif self._overdue_wait != self._waits:
            self._overdue_wait = self._waits
            self._arm(SECOND_LOOK)
        else:
            self.cut()


def _renewing(work: Callable[[], str]) -> asyncio.Future[str | Failed]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str | Failed] = loop.create_future()

    def finish(found: str | Failed) -> None:
        if not future.done():
            future.set_result(found)

    def tell(found: str | Failed) -> None:
        try:
            loop.call_soon_threadsafe(finish, found)
        except RuntimeError as error:
            _log.debug("Nobody waits for the token any more: %s", error)

    in_own_thread(work, tell)
    return future


def in_background(work: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
    """Have the running loop do it, and hold on to it until it is done."""
    task = asyncio.get_running_loop().create_task(work(*arguments))
    _in_background.add(task)
    task.add_done_callback(_in_background.discard)
