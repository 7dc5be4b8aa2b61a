"""What the core asks of a shell, and what it is told.

The core is generators. Each yields a step, the shell carries it out (the only place where bytes
move and time passes) and sends back a `Result`. A `Reading` is a step too: hand it to the caller,
and come back when the caller asks for more.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from enphase_streaming.reading import Reading


class Pause(NamedTuple):
    """Nothing to do: before the request, and once more when the stream is open.

    Whoever only wants the stream opened stops at the second one. Answer with None.
    """


class Open(NamedTuple):
    """Send the request, and answer with a `Head` or `Failed` by `deadline` (monotonic)."""

    deadline: float


class Receive(NamedTuple):
    """Wait for bytes until `deadline` (monotonic); then shut the connection down.

    Answer with bytes, with `Failed`, or with `Signal.CLOSED` after a clean end. Bytes that are
    there already are handed over before the clock is asked; `Signal.OVERDUE` comes after them.
    """

    deadline: float


class Head(NamedTuple):
    """The head of a response: its status and the headers that matter here."""

    status_code: int
    content_type: str | None
    content_encoding: str | None
    retry_after: str | None


class Failed(NamedTuple):
    """The transport raised."""

    error: Exception


class Signal(Enum):
    """What can come instead of bytes."""

    CLOSED = "the server ended the response in good order"
    OVERDUE = "the deadline passed and the connection was shut down"


class Result(NamedTuple):
    """How a step went, and when: `at` is monotonic seconds, `now` an aware moment."""

    what: Head | bytes | Failed | Signal | None
    at: float
    now: datetime


class Stopped(BaseException):
    """Thrown into a core when the caller closes the stream, `at` monotonic seconds."""

    def __init__(self, at: float) -> None:
        super().__init__(at)
        self.at = at


Step = Pause | Open | Receive | Reading
Steps = Generator[Step, Result, None]
