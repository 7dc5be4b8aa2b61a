"""One HTTP exchange at a time, for the sync client.

The request goes out on a thread of its own, so that the caller can leave before the head is in;
from then on the caller reads, and that thread minds the clock. Either shuts the socket down to
free the other, and a duplicate of the socket makes that safe: nobody else closes it, and it
reaches through TLS.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic as _real_time
from typing import Any

import httpx

from enphase_streaming.steps import Failed, Head, Signal

SECOND_LOOK = 0.05
"""Seconds between finding a wait overdue and ending it: bytes that are there get their chance."""
INJECTED_NAP = 0.05
"""How often a clock that is not the real one is asked, in seconds."""
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
"""Any number of streams at once, and a fresh connection for each."""

_log = logging.getLogger("enphase_streaming")


class Abandoned(Exception):
    """Raised inside the transport: the caller left before the request was sent."""


def head_of(response: httpx.Response) -> Head:
    """Return what the core wants to know of a response."""
    header = response.headers.get
    return Head(
        response.status_code,
        header("content-type"),
        header("content-encoding"),
        header("retry-after"),
    )


def _in_thread(work: Callable[..., None], *arguments: object, daemon: bool = True) -> None:
    threading.Thread(target=work, args=arguments, name="enphase-streaming", daemon=daemon).start()


class Connection:
    """Sends a request and receives its response; `stop` ends either from any thread."""

    def __init__(self, http: httpx.Client, monotonic: Callable[[], float]) -> None:
        self._http = http
        self._monotonic = monotonic
        self._longest_nap = None if monotonic is _real_time else INJECTED_NAP
        self._changed = threading.Condition()
        self._stopped = False
        self._exchange: _Exchange | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._deadline = math.inf
        self._alarm = math.inf
        self._waits = 0

    def open(self, request: httpx.Request, deadline: float) -> Head | Failed:
        """Send `request` and return what came by `deadline`."""
        exchange = _Exchange(request)
        with self._changed:
            self._exchange = exchange
            _in_thread(self._attend, exchange)
            if not self._wait(lambda: exchange.answered, deadline):
                self._exchange = None
                exchange.abandon()
                return Failed(TimeoutError("no answer within the time-out"))
        if exchange.response is None:
            assert exchange.error is not None
            return Failed(exchange.error)
        # Not iter_raw(): it refuses a response that a test's transport made from bytes.
        assert isinstance(exchange.response.stream, httpx.SyncByteStream)
        self._chunks = iter(exchange.response.stream)
        return head_of(exchange.response)

    def receive(self, deadline: float) -> bytes | Failed | Signal:
        """Return the next bytes, or how the response ended."""
        exchange = self._exchange
        assert exchange is not None
        self._waits += 1
        self._deadline = deadline
        if deadline < self._alarm:
            with self._changed:
                self._changed.notify_all()
        try:
            return next(self._chunks)
        except StopIteration:
            return Signal.OVERDUE if exchange.overdue else Signal.CLOSED
        except Exception as error:  # noqa: BLE001 - whatever a transport raises goes to the core
            return Signal.OVERDUE if exchange.overdue else Failed(error)
        finally:
            self._deadline = math.inf

    def run_in_thread(self, work: Callable[[], str]) -> str | Failed:
        """Return what `work` returns or raises; it goes on alone if the caller does not wait."""
        done: list[str | Failed] = []

        def run() -> None:
            try:
                outcome: str | Failed = work()
            except Exception as error:  # noqa: BLE001 - goes to the core, as a transport's does
                outcome = Failed(error)
            with self._changed:
                done.append(outcome)
                self._changed.notify_all()

        with self._changed:
            # Python waits for it before it ends: a pair that is being issued has to be stored.
            _in_thread(run, daemon=False)
            self._wait(lambda: bool(done), math.inf)
        return done[0] if done else Failed(Abandoned("closed meanwhile"))

    def wait(self, until: float) -> None:
        """Let time pass until `until`, or until `stop`."""
        with self._changed:
            self._wait(lambda: False, until)

    def hang_up(self) -> None:
        """Close the response, if there is one. Only for whoever opens and receives."""
        with self._changed:
            exchange, self._exchange = self._exchange, None
            if exchange is not None and not exchange.answered:
                exchange.abandon()
                return
            self._changed.notify_all()
        if exchange is not None:
            exchange.close()

    def let_go(self) -> None:
        """Hang up on the thread that minds the clock: a finalizer may run inside the transport."""
        with self._changed:
            self._stopped = True
            if self._exchange is not None:
                self._exchange.abandoned = True
            self._exchange = None
            self._changed.notify_all()

    def stop(self) -> None:
        """Free whoever opens or receives, and let nothing be opened any more."""
        with self._changed:
            self._stopped = True
            exchange = self._exchange
            self._changed.notify_all()
        if exchange is not None:
            exchange.shut_down()

    def _attend(self, exchange: _Exchange) -> None:
        exchange.send(self._http)
        with self._changed:
            exchange.answered = True
            self._changed.notify_all()
            while self._exchange is exchange:
                # Infinite while the deadline is looked at: whoever sets a new one then, notifies.
                self._alarm = math.inf
                self._alarm = deadline = self._deadline
                left = deadline - self._monotonic()
                if left > 0:
                    self._changed.wait(self._nap(left))
                    continue
                waits = self._waits
                self._changed.wait(SECOND_LOOK)
                if (
                    self._exchange is exchange
                    and self._waits == waits
                    and self._deadline == deadline
                ):
                    exchange.overdue = True
                    break
        if exchange.overdue:
            exchange.shut_down()
            with self._changed:
                self._changed.wait_for(lambda: self._exchange is not exchange)
        if exchange.abandoned:
            exchange.close()

    def _wait(self, done: Callable[[], bool], deadline: float) -> bool:
        """Wait, holding the lock, until `done`, `deadline` or `stop`; return whether it is done."""
        while not (done() or self._stopped):
            left = deadline - self._monotonic()
            if left <= 0:
                break
            self._changed.wait(self._nap(left))
        return done()

    def _nap(self, left: float) -> float | None:
        if left == math.inf:
            return None
        return min(left, self._longest_nap or threading.TIMEOUT_MAX)


class _Exchange:
    """One request, its response, and the socket between them."""

    def __init__(self, request: httpx.Request) -> None:
        self.answered = False
        self.response: httpx.Response | None = None
        self.error: Exception | None = None
        self.abandoned = False
        self.overdue = False
        self._request = request
        self._socket: socket.socket | None = None
        request.extensions = {**request.extensions, "trace": self._trace}

    def send(self, http: httpx.Client) -> None:
        try:
            self.response = http.send(self._request, stream=True)
        except Exception as error:  # noqa: BLE001 - whatever a transport raises goes to the core
            self.error = error

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            found = info["return_value"].get_extra_info("socket")
            if isinstance(found, socket.socket):
                # A transport that tries again makes another.
                former, self._socket = self._socket, found.dup()
                if former is not None:
                    former.close()
        if self.abandoned and event.endswith("send_request_headers.started"):
            raise Abandoned("closed before the request was sent")

    def abandon(self) -> None:
        self.abandoned = True
        self.shut_down()

    def shut_down(self) -> None:
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                _log.debug("The connection was gone already: %s", error)
        elif self.response is not None:
            self._close_response(self.response)

    def close(self) -> None:
        if self.response is not None:
            self._close_response(self.response)
        if self._socket is not None:
            self._socket.close()

    def _close_response(self, response: httpx.Response) -> None:
        try:
            response.close()
        except Exception as error:  # noqa: BLE001 - how a transport closes changes nothing any more
            _log.debug("Closing the response failed: %s", error)
