"""The sync client's exchange: a daemon thread sends each request and reads its response.

The caller never touches a socket. It waits on a queue, so a deadline, `close()` or a signal frees
it whatever the transport is doing.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
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

AHEAD = 16
"""How many chunks are read before they are asked for."""
_JOIN_OWN = 1.0
_JOIN_SHARED = 0.05
"""Seconds that `hang_up` waits for a thread that was freed, and for one that may not have been."""

_log = logging.getLogger("enphase_streaming")


class Abandoned(Exception):
    """Raised inside the transport: the caller left before the request was sent."""


class BlockingExchange:
    """An exchange whose methods block: a coroutine that awaits them never suspends."""

    def __init__(
        self, http: httpx.Client, request: Callable[[str], httpx.Request], options: Options
    ) -> None:
        self.monotonic, self.now = options.monotonic, options.now
        self._http = http
        self._request = request
        self._options = options
        self._token = ""
        is_real = options.monotonic is _real_time
        self._longest_nap = 3600.0 if is_real else INJECTED_NAP
        # With a clock that a test moves, a chunk is read only when it is asked for.
        self._ahead = AHEAD if is_real else 0
        self._stopped = False
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._reader: _Reader | None = None

    async def authorize(self, *, afresh: bool) -> Failed | None:
        """Have a token; one that has to be renewed is renewed even if nobody waits for it."""
        token = None if afresh else self._options.auth.current(self._options.now())
        if token is None:
            inbox: SimpleQueue[str | Failed] = SimpleQueue()
            in_own_thread(self._options.renewal(self._token if afresh else None), inbox.put)
            found = self._get(inbox, math.inf)
            if isinstance(found, Failed):
                return found
            token = found
        self._token = token
        return None

    async def open(self, deadline: float) -> Head | Failed:
        """Send the request and return what came by `deadline`."""
        self._reader = reader = _Reader(self._http, self._request(self._token), self._ahead)
        reader.thread.start()
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
        """Let time pass until `until`."""
        self._get(SimpleQueue(), until)

    async def hang_up(self, reason: str) -> None:
        """End the request, if there is one, and give its thread a moment to close the response."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.leave()
            reader.join()

    def stop(self) -> None:
        """Free whoever waits here. Never blocks, so that any thread or finalizer can call it."""
        self._stopped = True
        self._inbox.put(None)
        reader = self._reader
        if reader is not None:
            reader.leave()

    def _get(self, inbox: SimpleQueue[Any], deadline: float, last_look: float = 0.0) -> Any:
        """Return what comes by `deadline`, else None."""
        self._inbox = inbox  # before _stopped is looked at: stop() sets that first
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


class _Reader:
    """One request, and the thread that sends it and reads the response until it is left."""

    def __init__(self, http: httpx.Client, request: httpx.Request, ahead: int) -> None:
        # SimpleQueue is safe in finalizers; a semaphore takes a lock that this thread may hold.
        self.inbox: SimpleQueue[Head | bytes | Failed | Signal | None] = SimpleQueue()
        self.permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(ahead):
            self.permits.put(None)
        self.thread = threading.Thread(target=self._run, name="enphase-streaming", daemon=True)
        self._http = http
        self._request = request
        self._left = False
        self._join_for = _JOIN_SHARED
        # A duplicate of the socket, while no other stream can share it: it reaches through TLS.
        # Whoever pops it is the only one to close it.
        self._socket: list[socket.socket] = []
        request.extensions = {**request.extensions, "trace": self._trace}

    def leave(self) -> None:
        """Free the thread where the connection is its own; else it ends with the next chunk."""
        self._left = True
        self.permits.put(None)
        self._close_socket()

    def join(self) -> None:
        """Wait for the thread, but not for long: it may be stuck in someone else's transport."""
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(self._join_for)

    def _run(self) -> None:
        try:
            if not self._left:
                self._read(self._http.send(self._request, stream=True))
        except Exception as error:  # noqa: BLE001 - whatever a transport raises goes to the core
            self.inbox.put(Failed(error))
        finally:
            self._close_socket()

    def _read(self, response: httpx.Response) -> None:
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
            except Exception as error:  # noqa: BLE001 - how a transport closes changes nothing any more
                _log.debug("Closing the response failed: %s", error)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "connect_unix_socket.complete")):
            found = info["return_value"].get_extra_info("socket")
            self._close_socket()  # of an attempt before
            if isinstance(found, socket.socket):
                self._socket.append(found.dup())
                if self._left:
                    self._close_socket()
        elif event.startswith("http2."):
            self._forget_socket()
        if self._left and event.endswith("send_request_headers.started"):
            raise Abandoned("closed before the request was sent")

    def _close_socket(self) -> None:
        """Close the duplicate; where the thread was left, end what it reads or writes as well."""
        with suppress(IndexError, OSError), self._socket.pop() as found:
            # After a fork this process has the socket, but not the thread.
            if self._left and self.thread.is_alive():
                self._join_for = _JOIN_OWN
                found.shutdown(socket.SHUT_RDWR)

    def _forget_socket(self) -> None:
        with suppress(IndexError):
            self._socket.pop().close()
