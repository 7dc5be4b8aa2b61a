"""The sync client's exchange: a thread sends each request and reads its response.

The caller never touches a socket. It waits on a queue, so that a deadline, `close()` or a signal
frees it even while the transport blocks.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing, suppress
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import httpx

from enphase_streaming.core.exchange import Failed, Head, Signal, Stopped
from enphase_streaming.core.options import Options, StreamOptions
from enphase_streaming.threads import later, leave, ledger_threads, run_in_thread

SECOND_LOOK = 0.05
"""Seconds between a deadline and giving up: bytes already received get their chance."""
INJECTED_NAP = 0.05
"""How often an injected clock is read, in seconds."""
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
"""Any number of streams at once, and a fresh connection for each."""
_AHEAD = 16
"""How many chunks are read before they are asked for."""
_LAST_CHANCES = ("connect_tcp.complete", "start_tls.started", "send_request_headers.started")
"""httpcore's events at which a request that was abandoned is not sent."""
_FAIR_PAUSE = 0.005
"""Seconds between two reads from a connection that other threads wait to read from."""
_JOIN = 0.05
"""Seconds that `hang_up` waits for a reader, which a transport may block."""
_CLOSE = 1.0
"""Seconds that it waits beyond that for a response to close, before the next request."""

_T = TypeVar("_T")


class Connection:
    """An exchange whose methods block: a coroutine that awaits them never suspends."""

    def __init__(self, http: httpx.Client, options: Options, asked: StreamOptions) -> None:
        self.monotonic: Callable[[], float] = options.monotonic
        self.now: Callable[[], datetime] = options.now
        self._http = http
        self._options = options
        self._asked = asked
        self._token = ""
        self._request: httpx.Request
        is_real = options.monotonic is time.monotonic
        # A signal that arrives just before a wait begins is handled only when the wait ends.
        self._longest_nap = 1.0 if is_real else INJECTED_NAP
        # With a clock that a test moves, a chunk is read only when it is asked for.
        self._ahead = _AHEAD if is_real else 0
        self._stopped = False
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._reader: Reader | None = None

    async def authorize(self, *, afresh: bool) -> Failed | None:
        """Prepare the next request with a token, renewed if need be."""
        token = None if afresh else self._options.auth.current(self.now())
        if token is None:
            renewal = run_in_thread(self._options.renewal(self._token if afresh else None))
            self._await(renewal)
            try:
                token = renewal.result()
            except Exception as error:  # noqa: BLE001 - the core decides what any exception means
                return Failed(error)
        self._token = token
        self._request = self._http.build_request(**self._options.request(self._asked, token))
        return None

    async def open(self, deadline: float) -> Head | Failed:
        """Send the request and return the head that came by `deadline`."""
        reader = Reader(self._http, self._request, self._ahead)
        self._reader = reader  # before _stopped is read: stop() sets that first
        if self._stopped:
            raise Stopped
        try:
            reader.thread.start()
        except RuntimeError as error:  # no thread is available
            return Failed(error, sent=False)
        found: Head | Failed | None = self._get(reader.inbox, deadline)
        return found or Failed(TimeoutError("no answer within the time-out"))

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        """Return the next bytes, or how the response ended."""
        return self.get(deadline)

    def get(self, deadline: float) -> bytes | Failed | Signal:
        """Do what `receive` does, outside of a coroutine."""
        reader = self._reader
        assert reader is not None
        reader.permits.put(None)
        found: bytes | Failed | Signal | None = self._get(reader.inbox, deadline, SECOND_LOOK)
        return Signal.OVERDUE if found is None else found

    async def wait(self, until: float) -> None:
        """Wait until `until`."""
        self._get(SimpleQueue(), until)

    async def run(self, work: Callable[[], _T], undo: Callable[[_T], object]) -> _T:
        """Return what `work` returns, from another thread."""
        future = ledger_threads.run(work)
        try:
            self._await(future)
        except BaseException:  # closed, or an exception of a signal handler
            leave(future, undo)
            raise
        return future.result()

    def later(self, work: Callable[[], object]) -> None:
        """Have `work` done on another thread."""
        later(work)

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

    def _await(self, future: Future[_T]) -> None:
        inbox: SimpleQueue[Future[_T]] = SimpleQueue()
        future.add_done_callback(inbox.put)
        self._get(inbox, math.inf)

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
                if isinstance(found, BaseException):
                    raise found
                if not self._stopped:
                    return found
        raise Stopped


class Reader:
    """One request, and the thread that sends it and reads the response until the caller leaves."""

    def __init__(self, http: httpx.Client, request: httpx.Request, ahead: int) -> None:
        # SimpleQueue is safe in finalizers; a semaphore takes a lock that this thread may hold.
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        """A head, bytes, how the response ended, or an exception to raise in the caller."""
        self.permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(ahead):
            self.permits.put(None)
        self.thread: threading.Thread = threading.Thread(
            target=self._run, name="enphase-streaming", daemon=True
        )
        self._http = http
        self._request = request
        self._left = self._is_closing = False
        # The connection, unless HTTP/2 shares it, and a duplicate of its socket, which reaches
        # through TLS. Popping the duplicate decides which thread closes it.
        self._stream: Any = None
        self._socket: list[socket.socket] = []
        request.extensions = {**request.extensions, "trace": self._trace}

    def leave(self) -> None:
        """Free the thread. On a connection that HTTP/2 shares, it ends with the next chunk."""
        self._left = True
        self.permits.put(None)
        with suppress(IndexError, OSError), self._socket.pop() as found:
            # After a fork this process has the socket, but not the thread.
            if self.thread.is_alive():
                found.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """Wait for the thread: a moment, or longer once it closes the response."""
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(_JOIN)
            if self._is_closing:
                self.thread.join(_CLOSE)

    def _run(self) -> None:
        try:
            if not self._left:
                self._read(self._http.send(self._request, stream=True))
        except Exception as error:  # noqa: BLE001 - the core turns any exception of a transport into its own
            self.inbox.put(Failed(error))
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            self.inbox.put(error)
        finally:
            self._let_go()

    def _read(self, response: httpx.Response) -> None:
        self.inbox.put(head_of(response))
        # Not iter_raw(): it refuses a response that a test's transport made from bytes.
        assert isinstance(response.stream, httpx.SyncByteStream)
        with closing(response):
            chunks = iter(response.stream)
            self.permits.get()
            while not self._left and (chunk := next(chunks, None)) is not None:
                self.inbox.put(chunk)
                self.permits.get()
            self._is_closing = True
            self.inbox.put(Signal.CLOSED)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "connect_unix_socket.complete")):
            self._let_go()  # of a failed attempt
            self._stream = info["return_value"]
            found = self._stream.get_extra_info("socket")
            if isinstance(found, socket.socket):
                self._socket.append(socket.fromfd(found.fileno(), found.family, found.type))
        elif event.endswith("start_tls.complete"):
            self._stream = info["return_value"]
        elif event.startswith("http2.") and self._stream is not None:
            stream, self._stream = self._stream, None
            self._let_go()
            share(stream)
        if self._left and event.endswith(_LAST_CHANCES):
            raise Stopped

    def _let_go(self) -> None:
        with suppress(IndexError):
            self._socket.pop().close()
        if self._stream is not None:  # httpcore leaves it open after a failed SOCKS handshake
            self._stream.close()


def share(stream: Any) -> None:
    """Prepare httpcore's `stream` for the threads of several HTTP/2 streams."""
    close, write, process = stream.close, stream.write, os.getpid()
    found = stream.get_extra_info("socket")

    def close_and_free() -> None:
        # Closing a socket does not free the thread that reads from it. A fork leaves its parent's.
        if isinstance(found, socket.socket) and os.getpid() == process:
            with suppress(OSError):
                # Not SSLSocket.shutdown(), which takes TLS down under that thread.
                socket.socket.shutdown(found, socket.SHUT_RDWR)
        close()

    def write_and_yield(data: bytes, timeout: float | None = None) -> None:
        write(data, timeout)
        # httpcore writes between two reads. Without a pause here, the thread that had the lock for
        # reading takes it again, and the others never see what it received for them.
        time.sleep(_FAIR_PAUSE)

    stream.close, stream.write = close_and_free, write_and_yield


def head_of(response: httpx.Response) -> Head:
    """Return what the core reads of a response's head."""
    names = ("content-type", "content-encoding", "retry-after", "date")
    return Head(response.status_code, *map(response.headers.get, names))
