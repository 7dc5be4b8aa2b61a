"""What the core asks of a shell, and what it is told.

The core is generators. Each yields a step, the shell carries it out (the only place where bytes
move and time passes) and sends back a `Result`. A `Reading` is a step too: hand it to the caller,
and come back when the caller asks for more. All of them are Structs: such a class and its objects
are made in a third of the time of a NamedTuple's.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from enum import Enum

import msgspec

from enphase_streaming.reading import Reading


class Begin(msgspec.Struct, frozen=True):
    """Nothing to do: the first step of every core, before it does anything."""


class Authorize(msgspec.Struct, frozen=True):
    """Have a token that is not about to expire; answer None, or `Failed`."""


class Open(msgspec.Struct, frozen=True):
    """Send the request, and answer with a `Head` or `Failed` by `deadline` (monotonic)."""

    deadline: float


class Opened(msgspec.Struct, frozen=True):
    """Nothing to do: the stream is open. Whoever only wants it opened stops here."""


class Receive(msgspec.Struct, frozen=True, gc=False):
    """Wait for bytes until `deadline` (monotonic); then shut the connection down.

    Answer with bytes, with `Failed`, or with `Signal.CLOSED` after a clean end. Bytes that are
    there already are handed over before the clock is asked; `Signal.OVERDUE` comes after them.
    """

    deadline: float


class HangUp(msgspec.Struct, frozen=True):
    """Close the response, if there is one; `reason` is how its window ended."""

    reason: str


class Wait(msgspec.Struct, frozen=True):
    """Let time pass until `until` (monotonic)."""

    until: float


class Refresh(msgspec.Struct, frozen=True):
    """Replace the token that the last request carried; answer None, or `Failed`."""


class Head(msgspec.Struct, frozen=True):
    """The head of a response: its status and the headers that matter here."""

    status_code: int
    content_type: str | None
    content_encoding: str | None
    retry_after: str | None


class Failed(msgspec.Struct, frozen=True):
    """The transport raised."""

    error: Exception


class Signal(Enum):
    """What can come instead of bytes."""

    CLOSED = "the server ended the response in good order"
    OVERDUE = "the deadline passed and the connection was shut down"


Answer = Head | bytes | Failed | Signal | None


class Result(msgspec.Struct, frozen=True):
    """How a step went, and when: `at` is monotonic seconds, `now` an aware moment."""

    what: Answer
    at: float
    now: datetime


class Stopped(BaseException):
    """Thrown into a core when the caller closes the stream, `at` monotonic seconds."""

    def __init__(self, at: float) -> None:
        self.at = at


Step = Begin | Authorize | Open | Opened | Receive | HangUp | Wait | Refresh | Reading
Steps = Generator[Step, Result, None]
