"""One HTTP exchange at a time, for the asyncio client.

The deadline of a wait is one timer, re-armed only when it fires, so that an event costs none.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from time import monotonic as _real_time
from typing import Any

import httpx

from enphase_streaming.connection import INJECTED_NAP, SECOND_LOOK, Abandoned, head_of
from enphase_streaming.steps import Failed, Head, Signal

_NO_REQUEST = httpx.Request("GET", "")

_log = logging.getLogger("enphase_streaming")


class AsyncConnection:
    """Sends a request and receives its response; `stop` ends either from any task."""

    def __init__(self, http: httpx.AsyncClient, monotonic: Callable[[], float]) -> None:
        self._http = http
        self._monotonic = monotonic
        self._longest_nap = 3600.0 if monotonic is _real_time else INJECTED_NAP
        self._stopped = False
        self._stopping: asyncio.Future[None] | None = None
        self._response: httpx.Response | None = None
        self._transport: Any = None
        self._chunks: AsyncIterator[bytes]
        self._deadline = math.inf
        self._alarm = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._waits = 0
        self._overdue_wait = -1
        self._overdue = False
        self._closing: asyncio.Task[None] | None = None

    async def open(self, request: httpx.Request, deadline: float) -> Head | Failed:
        """Send `request` and return what came by `deadline`."""
        self._overdue = False
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
        self._waits += 1
        self._deadline = deadline
        if deadline < self._alarm:
            self._arm(deadline - self._monotonic())
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            return Signal.OVERDUE if self._overdue else Signal.CLOSED
        except Exception as error:  # noqa: BLE001 - whatever a transport raises goes to the core
            return Signal.OVERDUE if self._overdue else Failed(error)
        finally:
            self._deadline = math.inf

    async def run_in_thread(self, executor: Executor, work: Callable[[], str]) -> str | Failed:
        """Return what `work` returns or raises; it goes on alone if the caller does not wait."""
        working = asyncio.get_running_loop().run_in_executor(executor, work)
        # Nobody may be left to look at how it failed.
        working.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not await self._wait(working, math.inf):
            return Failed(Abandoned("closed meanwhile"))
        try:
            return working.result()
        except Exception as error:  # noqa: BLE001 - goes to the core, as a transport's does
            return Failed(error)

    async def wait(self, until: float) -> None:
        """Let time pass until `until`, or until `stop`."""
        await self._wait(None, until)

    async def hang_up(self) -> None:
        """Close the response, if there is one. Only for whoever opens and receives."""
        self._disarm()
        # A handshake that was cancelled leaves its socket open: nobody else closes that one.
        open_still = self._response or self._transport
        self._response = self._transport = None
        closing, self._closing = self._closing, None
        if closing is not None:
            await closing
        elif open_still is not None:
            await _close(open_still)

    def stop(self) -> None:
        """Free whoever waits here."""
        self._stopped = True
        if self._stopping is not None and not self._stopping.done():
            self._stopping.set_result(None)
        self._shut_down()

    async def _wait(self, work: asyncio.Future[Any] | None, deadline: float) -> bool:
        """Wait until `work` is done, `deadline` or `stop`; return whether it is done."""
        self._stopping = asyncio.get_running_loop().create_future()
        awaited = {self._stopping} if work is None else {self._stopping, work}
        while not (self._stopped or (work is not None and work.done())):
            left = deadline - self._monotonic()
            if left <= 0:
                break
            nap = min(left, self._longest_nap)
            await asyncio.wait(awaited, timeout=nap, return_when=asyncio.FIRST_COMPLETED)
        return work is not None and work.done()

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            self._transport = info["return_value"]

    def _arm(self, delay: float) -> None:
        self._disarm()
        delay = max(0.0, min(delay, self._longest_nap))
        self._alarm = self._monotonic() + delay
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
        left = self._deadline - self._monotonic()
        if left > 0:
            self._arm(left)
        elif self._overdue_wait != self._waits:
            self._overdue_wait = self._waits
            self._arm(SECOND_LOOK)
        else:
            self._overdue = True
            self._shut_down()

    def _shut_down(self) -> None:
        found = self._transport and self._transport.get_extra_info("socket")
        fileno = found.fileno() if found is not None else -1
        if fileno >= 0:
            # A duplicate, since an event loop hands out sockets that cannot be shut down.
            with socket.socket(fileno=socket.dup(fileno)) as duplicate:
                try:
                    duplicate.shutdown(socket.SHUT_RDWR)
                except OSError as error:
                    _log.debug("The connection was gone already: %s", error)
        elif self._response is not None:
            self._closing = asyncio.get_running_loop().create_task(_close(self._response))


async def _close(response: Any) -> None:
    try:
        await response.aclose()
    except Exception as error:  # noqa: BLE001 - how a transport closes changes nothing any more
        _log.debug("Closing the connection failed: %s", error)
