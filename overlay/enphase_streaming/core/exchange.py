"""What the core asks of the world: one small protocol, awaited.

asyncio's exchange waits; the sync client's blocks inside these methods and never suspends, so that
`run_blocking` can run the very same coroutines in the caller's own thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, TypeVar

import httpx
import msgspec

SECOND_LOOK = 0.05
"""Seconds between finding a wait overdue and ending it: bytes that are there get their chance."""
INJECTED_NAP = 0.05
"""How often a clock that is not the real one is asked, in seconds."""

_T = TypeVar("_T")


class Head(msgspec.Struct, frozen=True):
    """The head of a response: its status and the headers that matter here."""

    status_code: int
    content_type: str | None
    content_encoding: str | None
    retry_after: str | None


class Failed(msgspec.Struct, frozen=True):
    """The transport, or whoever gives tokens, raised."""

    error: Exception


class Signal(Enum):
    """What can come instead of bytes."""

    CLOSED = "the server ended the response in good order"
    OVERDUE = "the deadline passed and the read was cancelled"


class Stopped(BaseException):
    """Raised by an exchange's methods once the caller has closed the stream."""


class Exchange(Protocol):
    """Requests of one stream, one after the other. Each method raises `Stopped` after a stop."""

    monotonic: Callable[[], float]
    now: Callable[[], datetime]

    async def authorize(self, *, afresh: bool) -> Failed | None:
        """Have a token that is not about to expire, or one other than the last request carried."""
        ...

    async def open(self, deadline: float) -> Head | Failed:
        """Send the request, and return what came by `deadline` (monotonic)."""
        ...

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        """Return the next bytes; those that are there already before the clock is asked."""
        ...

    async def wait(self, until: float) -> None:
        """Let time pass until `until` (monotonic)."""
        ...

    async def hang_up(self, reason: str) -> None:
        """Close the response, if there is one; `reason` is how its window ended."""
        ...


def head_of(response: httpx.Response) -> Head:
    """Return what the core wants to know of a response."""
    header = response.headers.get
    return Head(
        response.status_code,
        header("content-type"),
        header("content-encoding"),
        header("retry-after"),
    )


def in_own_thread(work: Callable[[], str], tell: Callable[[str | Failed], object]) -> None:
    """Have `work` done even if nobody waits for it any more, or the interpreter ends meanwhile.

    Python waits for such a thread before it ends: a pair that is being issued has to be stored.
    """

    def run() -> None:
        try:
            found: str | Failed = work()
        except Exception as error:  # noqa: BLE001 - goes to the core, as a transport's does
            found = Failed(error)
        tell(found)

    threading.Thread(target=run, name="enphase-streaming", daemon=False).start()


def run_blocking(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine whose exchange never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: _T = done.value
        return found
    coroutine.close()
    raise RuntimeError("An exchange of the sync client suspended.")
