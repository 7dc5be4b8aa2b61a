"""The asyncio client's exchange.

It awaits everything in the caller's own task. A deadline or `stop` cancels that await and never
touches a socket: a connection may be shared (HTTP/2), and need not be a socket.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import httpx

from enphase_streaming.connection import INJECTED_NAP, SECOND_LOOK, head_of
from enphase_streaming.core.exchange import Failed, Head, Signal, Stopped
from enphase_streaming.core.options import Options, StreamOptions
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.threads import later, leave, ledger_threads, run_in_thread

_NO_REQUEST = httpx.Request("GET", "")
_T = TypeVar("_T")

_in_background: set[asyncio.Task[None]] = set()
_log = logging.getLogger("enphase_streaming")


class AsyncConnection:
    """Sends requests and receives their responses; `stop` ends either from any task."""

    def __init__(self, http: httpx.AsyncClient, options: Options, asked: StreamOptions) -> None:
        self.monotonic: Callable[[], float] = options.monotonic
        self.now: Callable[[], datetime] = options.now
        self._http = http
        self._options = options
        self._asked = asked
        self._token = ""
        self._request = _NO_REQUEST
        self._longest_nap = 3600.0 if options.monotonic is time.monotonic else INJECTED_NAP
        self._response: httpx.Response | None = None
        self._connected: Any = None
        self._loop: asyncio.AbstractEventLoop
        self._chunks: AsyncIterator[bytes] | None = None
        self._stopped = False
        self._task: asyncio.Task[Any] | None = None
        """The task that waits here."""
        self._is_cut = False
        # One timer for all waits, re-armed only when it fires, so that an event costs none.
        self._deadline = self._alarm = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._was_overdue = False

    async def authorize(self, *, afresh: bool) -> Failed | None:
        """Prepare the next request with a token, renewed if need be."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise InvalidArgument(
                "AsyncStreamingClient needs asyncio, and no asyncio event loop is running. Under "
                "trio, use StreamingClient in a thread."
            ) from None
        token = None if afresh else self._options.auth.current(self.now())
        if token is None:
            renewal = run_in_thread(self._options.renewal(self._token if afresh else None))
            found = await self._until(math.inf, partial(asyncio.wrap_future, renewal))
            if isinstance(found, Failed):
                return found
            token = renewal.result()
        self._token = token
        self._request = self._http.build_request(**self._options.request(self._asked, token))
        return None

    async def open(self, deadline: float) -> Head | Failed:
        """Send the request and return the head that came by `deadline`."""
        request, self._request = self._request, _NO_REQUEST
        request.extensions = {**request.extensions, "trace": self._trace}
        found = await self._until(deadline, partial(self._send, request))
        if found is Signal.OVERDUE:
            return Failed(TimeoutError("no answer within the time-out"))
        assert not isinstance(found, Signal)
        return found

    def receive(self, deadline: float) -> Coroutine[Any, Any, bytes | Failed | Signal]:
        """Return the next bytes, or how the response ended."""
        assert self._chunks is not None
        return self._until(deadline, self._chunks.__anext__)

    async def wait(self, until: float) -> None:
        """Wait until `until`."""
        found = await self._until(math.inf, partial(self._sleep, until))
        if isinstance(found, Failed):  # of the caller's own clock
            raise found.error

    async def run(self, work: Callable[[], _T], undo: Callable[[_T], object]) -> _T:
        """Return what `work` returns, from another thread."""
        future = ledger_threads.run(work)
        try:
            await self._until(math.inf, partial(asyncio.wrap_future, future))
        except BaseException:  # a stop, a cancelled task
            leave(future, undo)
            raise
        return future.result()

    def later(self, work: Callable[[], object]) -> None:
        """Have `work` done on another thread."""
        later(work)

    async def hang_up(self, reason: str) -> None:
        """Close the response, if there is one."""
        self._disarm()
        # A TLS or SOCKS handshake that was cancelled leaves its socket open.
        still_open = [each for each in (self._response, self._connected) if each is not None]
        self._response = self._connected = None
        for each in still_open:
            try:
                await each.aclose()
                # aiohttp closes a socket in the loop's next turn.
                await asyncio.sleep(0)
            except Exception as error:  # noqa: BLE001 - the stream is over, however a transport closes
                _log.debug("Closing the connection failed: %s", error)

    def stop(self) -> None:
        """Free the task that waits here."""
        self._stopped = True
        self._cut()

    def abandon(self) -> None:
        """Hang up without waiting for it, from any thread. RuntimeError if the loop is closed."""
        self._stopped = True

        def hang_up() -> None:
            task = self._loop.create_task(self.hang_up("stopped"))
            _in_background.add(task)
            task.add_done_callback(_in_background.discard)

        self._loop.call_soon_threadsafe(hang_up)

    async def _send(self, request: httpx.Request) -> Head | Failed:
        try:
            self._response = response = await self._http.send(request, stream=True)
        except Exception as error:  # noqa: BLE001 - the core turns any exception of a transport into its own
            # asyncio resolves names in a thread, before anything is sent.
            return Failed(error, sent=str(error) != "can't start new thread")
        # Not aiter_raw(): it refuses a response that a test's transport made from bytes.
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._chunks = aiter(response.stream)
        # Sent, so of no more use; of many streams it would be a good part of the memory.
        response.request = _NO_REQUEST
        return head_of(response)

    async def _sleep(self, until: float) -> None:
        left = until - self.monotonic()
        while left > 0:
            await asyncio.sleep(min(left, self._longest_nap))
            left = until - self.monotonic()

    async def _until(
        self, deadline: float, work: Callable[[], Awaitable[_T]]
    ) -> _T | Failed | Signal:
        """Await `work`; return OVERDUE if `deadline` passes first, raise `Stopped` after `stop`.

        An exception of `work` is returned as well: the core decides what it means.
        """
        if self._stopped:
            raise Stopped
        self._deadline, self._was_overdue = deadline, False
        if deadline < self._alarm:
            self._arm(deadline - self.monotonic())
        self._task = task = asyncio.current_task()
        assert task is not None
        pending = task.cancelling()
        try:
            found: _T | Failed | Signal = await work()
        except StopAsyncIteration:
            found = Signal.CLOSED
        except Exception as error:  # noqa: BLE001 - of any transport, token endpoint or ledger
            found = Failed(error)
        except asyncio.CancelledError:
            if not self._is_cut or self._end_cut() > pending:
                raise
            found = Signal.OVERDUE
        finally:
            self._deadline = math.inf
            if self._is_cut:  # too late: the work ended otherwise
                self._end_cut()
            self._task = None
        if self._stopped:
            raise Stopped
        return found

    def _cut(self) -> None:
        """Cancel the wait, only once: a second time would interrupt httpcore's clean-up."""
        if self._task is not None and not self._is_cut:
            self._is_cut = True
            self._task.cancel()

    def _end_cut(self) -> int:
        """Take our cancellation back; return how many others are pending."""
        assert self._task is not None
        self._is_cut = False
        return self._task.uncancel()

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "connect_unix_socket.complete")):
            self._connected = info["return_value"]
        elif event.startswith("http2."):
            self._connected = None  # other streams share it

    def _arm(self, delay: float) -> None:
        self._disarm()
        delay = max(0.0, min(delay, self._longest_nap))
        self._alarm = self.monotonic() + delay
        self._timer = self._loop.call_later(delay, self._look)

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
        elif not self._was_overdue:
            self._was_overdue = True
            self._arm(SECOND_LOOK)
        else:
            self._cut()
