"""Threads for work that may block, which Python waits for before it exits.

A token pair that is being issued has to be stored, and a call that is being counted to be taken
back, even if the caller has left.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from enphase_streaming.errors import ConnectionFailed

_MOST = 8
"""How many threads wait for ledgers: a fleet of sites must not need one each."""
_T = TypeVar("_T")

_log = logging.getLogger("enphase_streaming")


class Workers:
    """Runs work on a few threads, in the order of asking; they end when there is none left.

    What has not begun can be cancelled.

    Args:
        most: how many threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.reset()

    def reset(self) -> None:
        """Begin without threads and work, as in a forked child."""
        # Reentrant: a signal handler or a finalizer may close a stream while this thread is here.
        self._lock = threading.RLock()
        self._running = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def run(self, work: Callable[[], _T]) -> Future[_T]:
        """Run `work` as soon as a thread is free."""
        future: Future[_T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
                future.set_exception(error)

        thread = threading.Thread(target=self._work, name="enphase-streaming", daemon=False)
        with self._lock:
            self._waiting.append(job)
            try:
                if self._running < self._most:
                    thread.start()
                    self._running += 1
            except RuntimeError as error:
                if not self._running:  # otherwise, one of the others does it
                    self._waiting.remove(job)
                    failed = ConnectionFailed(f"No thread can be started: {error}.")
                    failed.__cause__ = error
                    future.set_exception(failed)
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                job = self._waiting.popleft()
            job()


def run_in_thread(work: Callable[[], _T]) -> Future[_T]:
    """Run `work` on a thread of its own. It can be cancelled only before it begins."""
    return Workers(1).run(work)


def later(work: Callable[[], object]) -> None:
    """Run `work` on a ledger's thread, and log its exception."""
    ledger_threads.run(work).add_done_callback(_log_failure)


def leave(future: Future[_T], undo: Callable[[_T], object]) -> None:
    """Cancel `future`, or call `undo` later with what it returns."""

    def start(done: Future[_T]) -> None:
        if not done.cancelled() and done.exception() is None:
            later(partial(undo, done.result()))

    future.cancel()
    future.add_done_callback(start)


def _log_failure(future: Future[object]) -> None:
    if error := future.exception():
        _log.warning("The budget's ledger could not note something: %s", error)


ledger_threads: Workers = Workers(_MOST)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ledger_threads.reset)
