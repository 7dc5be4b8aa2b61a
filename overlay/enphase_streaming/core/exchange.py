"""The protocol through which the core sends requests, receives bytes and lets time pass.

The asyncio client awaits inside these methods. The sync client blocks inside them and never
suspends, so that the same coroutines run in the caller's own thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeVar

import msgspec

_T = TypeVar("_T")


class Head(msgspec.Struct, frozen=True):
    """The head of a response: its status, and the headers that matter here."""

    status_code: int
    content_type: str | None = None
    content_encoding: str | None = None
    retry_after: str | None = None
    date: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """The transport or the token endpoint raised; `sent` is false if no request went out."""

    error: Exception
    sent: bool = True


class Signal(Enum):
    """What `receive` returns instead of bytes."""

    CLOSED = "the server ended the response cleanly"
    OVERDUE = "the deadline passed without bytes"


class Stopped(BaseException):
    """Raised by an exchange's methods once the caller has closed the stream."""


class Exchange(Protocol):
    """One stream's requests, one after another. Each method raises `Stopped` after a stop."""

    def monotonic(self) -> float:
        """Return the monotonic time, in seconds."""
        ...

    def now(self) -> datetime:
        """Return the wall-clock time, aware."""
        ...

    async def authorize(self, *, afresh: bool) -> Failed | None:
        """Prepare the next request with a token: the present one, or a new one if `afresh`."""
        ...

    async def open(self, deadline: float) -> Head | Failed:
        """Send the request and return the head that came by `deadline` (monotonic)."""
        ...

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        """Return the next bytes; bytes already received come before the clock is asked."""
        ...

    async def wait(self, until: float) -> None:
        """Wait until `until` (monotonic)."""
        ...

    async def run(self, work: Callable[[], _T], undo: Callable[[_T], object]) -> _T:
        """Return what `work` returns, or raise what it raises; it may block.

        Where this is left before `work` is done, that is either never begun, or goes on, and `undo`
        gets what it returns.
        """
        ...

    def later(self, work: Callable[[], object]) -> None:
        """Have `work` done, which may block, and return at once. A failure is logged."""
        ...

    async def hang_up(self, reason: str) -> None:
        """Close the response, if there is one; `reason` is how its window ended."""
        ...


class Observer(Protocol):
    """Sees what a stream receives: a recording. Times are monotonic seconds."""

    def opened(self, head: Head, at: float) -> None:
        """Note the head of a response."""
        ...

    def received(self, chunk: bytes, at: float) -> None:
        """Note decoded bytes of its body."""
        ...

    def ended(self, reason: str, at: float) -> None:
        """Note how its window ended."""
        ...
