"""The sync client's exchange: a thread sends each request and reads its response.

The caller never touches a socket. It waits on a queue, so that a deadline, `close()` or a signal
frees it even while the transport blocks.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any
from weakref import WeakSet

import httpx

from enphase_streaming.core.exchange import Failed, Head, Signal, Stopped
from enphase_streaming.core.options import Options

SECOND_LOOK = 0.05
"""Seconds between a deadline and giving up: bytes already received get their chance."""
INJECTED_NAP = 0.05
"""How often an injected clock is read, in seconds."""
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
"""Any number of streams at once, and a fresh connection for each."""
_AHEAD = 16
"""How many chunks are read before they are asked for."""
_JOIN_FREED = 1.0
_JOIN_OTHER = 0.05
"""Seconds that `hang_up` waits for a reader that was freed, and for one that may be blocked."""

_log = logging.getLogger("enphase_streaming")


class Abandoned(Exception):
    """Raised inside the transport: the caller left before the request was sent."""


class Connection:
    """An exchange whose methods block: a coroutine that awaits them never suspends.

    Args:
        http: the client's.
        request: makes the request that carries a token.
        options: the client's.
        readers: where a reader is registered until its thread ends.
    """

    def __init__(
        self,
        http: httpx.Client,
        request: Callable[[str], httpx.Request],
        options: Options,
        readers: WeakSet[Reader],
    ) -> None:
        self.monotonic, self.now = options.monotonic, options.now
        self._http = http
        self._make_request = request
        self._options = options
        self._readers = readers
        self._token = ""
        self._request: httpx.Request
        is_real = options.monotonic is time.monotonic
        self._longest_nap = 3600.0 if is_real else INJECTED_NAP
        # With a clock that a test moves, a chunk is read only when it is asked for.
        self._ahead = _AHEAD if is_real else 0
        self._stopped = False
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._reader: Reader | None = None

    async def authorize(self, *, afresh: bool) -> Failed | None:
        """Prepare the next request with a token, renewed if need be."""
        token = None if afresh else self._options.auth.current(self.now())
        if token is None:
            inbox: SimpleQueue[str | Failed] = SimpleQueue()
            run_in_thread(self._options.renewal(self._token if afresh else None), inbox.put)
            found = self._get(inbox, math.inf)
            if isinstance(found, Failed):
                return found
            token = found
        self._token = token
        self._request = self._make_request(token)
        return None

    async def open(self, deadline: float) -> Head | Failed:
        """Send the request and return the head that came by `deadline`."""
        reader = Reader(self._http, self._request, self._ahead)
        try:
            reader.thread.start()
        except RuntimeError as error:
            return Failed(error, sent=False)
        self._reader = reader
        self._readers.add(reader)
        found: Head | Failed | None = self._get(reader.inbox, deadline)
        return found or Failed(TimeoutError("no answer within the time-out"))

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        """Return the next bytes, or how the response ended."""
        reader = self._reader
        assert reader is not None
        reader.permits.put(None)
        found: bytes | Failed | Signal | None = self._get(reader.inbox, deadline, SECOND_LOOK)
        return Signal.OVERDUE if found is None else found

    async def wait(self, until: float) -> None:
        """Wait until `until`."""
        self._get(SimpleQueue(), until)

    async def hang_up(self, reason: str) -> None:
        """End the request, if there is one, and give its thread a moment to close the response."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.leave()
            reader.join()

    def stop(self) -> None:
        """Free the caller. Never blocks, so that any thread or finalizer can call it."""
        self._stopped = True
        self._inbox.put(None)
        reader = self._reader
        if reader is not None:
            reader.leave()

    def _get(self, inbox: SimpleQueue[Any], deadline: float, last_look: float = 0.0) -> Any:
        """Return what comes by `deadline`, else None."""
        self._inbox = inbox  # before _stopped is read: stop() sets that first
        while not self._stopped:
            left = deadline - self.monotonic()
            nap = min(left, self._longest_nap) if left > 0 else last_look
            try:
                found = inbox.get(timeout=nap)
            except Empty:
                if left <= 0:
                    return None
            else:
                if not self._stopped:
                    return found
        raise Stopped


class Reader:
    """One request, and the thread that sends it and reads the response until the caller leaves."""

    def __init__(self, http: httpx.Client, request: httpx.Request, ahead: int) -> None:
        # SimpleQueue is safe in finalizers; a semaphore takes a lock that this thread may hold.
        self.inbox: SimpleQueue[Head | bytes | Failed | Signal | None] = SimpleQueue()
        self.permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(ahead):
            self.permits.put(None)
        self.thread = threading.Thread(target=self._run, name="enphase-streaming", daemon=True)
        self._http = http
        self._request = request
        self._left = self._freed = False
        self._is_shared = False
        # A duplicate of the socket, which reaches through TLS. Popping it decides who closes it.
        self._socket: list[socket.socket] = []
        request.extensions = {**request.extensions, "trace": self._trace}

    def leave(self, *, client_closes: bool = False) -> None:
        """Free the thread. On a connection that other streams share, it ends with the next chunk.

        Args:
            client_closes: end a shared connection too.
        """
        self._left = True
        self.permits.put(None)
        if client_closes or not self._is_shared:
            self._shut_down()

    def join(self) -> None:
        """Wait for the thread, but not for long: a user's transport may never return."""
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(_JOIN_FREED if self._freed else _JOIN_OTHER)

    def _run(self) -> None:
        try:
            if not self._left:
                self._read(self._http.send(self._request, stream=True))
        except Exception as error:  # noqa: BLE001 - the core turns any exception of a transport into its own
            self.inbox.put(Failed(error))
        finally:
            self._drop_socket()

    def _read(self, response: httpx.Response) -> None:
        if self._is_shared and not self._socket:
            self._hold(response.extensions["network_stream"])
        self.inbox.put(head_of(response))
        try:
            # Not iter_raw(): it refuses a response that a test's transport made from bytes.
            assert isinstance(response.stream, httpx.SyncByteStream)
            chunks = iter(response.stream)
            self.permits.get()
            while not self._left and (chunk := next(chunks, None)) is not None:
                self.inbox.put(chunk)
                self.permits.get()
            self.inbox.put(Signal.CLOSED)
        finally:
            try:
                response.close()
            except Exception as error:  # noqa: BLE001 - the stream is over, however a transport closes
                _log.debug("Closing the response failed: %s", error)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "connect_unix_socket.complete")):
            self._hold(info["return_value"])
            if self._left:
                self._shut_down()
        elif event.startswith("http2."):
            self._is_shared = True
        if self._left and event.endswith("send_request_headers.started"):
            raise Abandoned("closed before the request was sent")

    def _hold(self, stream: Any) -> None:
        """Keep a duplicate of the socket under httpcore's `stream`."""
        self._drop_socket()  # of a failed attempt
        found = stream.get_extra_info("socket")
        if isinstance(found, socket.socket):
            self._socket.append(socket.fromfd(found.fileno(), found.family, found.type))

    def _shut_down(self) -> None:
        """End what the thread reads or writes."""
        with suppress(IndexError, OSError), self._socket.pop() as found:
            # After a fork this process has the socket, but not the thread.
            if self.thread.is_alive():
                self._freed = True
                found.shutdown(socket.SHUT_RDWR)

    def _drop_socket(self) -> None:
        with suppress(IndexError):
            self._socket.pop().close()


def head_of(response: httpx.Response) -> Head:
    """Return what the core reads of a response's head."""
    header = response.headers.get
    return Head(
        response.status_code,
        header("content-type"),
        header("content-encoding"),
        header("retry-after"),
        header("date"),
    )


def run_in_thread(work: Callable[[], str], tell: Callable[[str | Failed], object]) -> None:
    """Run `work` on a thread that Python waits for before it exits.

    A token pair that is being issued has to be stored, even if the caller has left.
    """

    def run() -> None:
        try:
            found: str | Failed = work()
        except Exception as error:  # noqa: BLE001 - the core decides what any exception means
            found = Failed(error)
        tell(found)

    threading.Thread(target=run, name="enphase-streaming", daemon=False).start()
