"""From a stream to an output, and how that ended in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from enphase_streaming.cli.exits import Exit, exit_for, say, sentence
from enphase_streaming.errors import EnphaseStreamingError
from enphase_streaming.reading import Reading
from enphase_streaming.window import StreamEnd


class Readings(AbstractContextManager[object], Protocol):
    """A stream of readings that knows how it ended."""

    def __iter__(self) -> Iterator[Reading]:
        """Give the readings as they arrive."""

    @property
    def end(self) -> StreamEnd | None:
        """How it ended; None while it has not."""


class Output(AbstractContextManager[object], Protocol):
    """Where readings are shown; entered once the stream is open."""

    def connecting(self) -> AbstractContextManager[object]:
        """Show that the stream is being opened."""

    def show(self, reading: Reading) -> None:
        """Show a reading."""


def follow(readings: Readings, output: Output, cost: str) -> Exit:
    """Show readings until they end, say why they did, and return the exit code for it."""
    error: EnphaseStreamingError | None = None
    code = Exit.PLANNED
    try:
        with ExitStack() as stack:
            with output.connecting():
                stack.enter_context(readings)
            stack.enter_context(output)
            for reading in readings:
                output.show(reading)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except EnphaseStreamingError as failure:
        error, code = failure, exit_for(failure)
    say(last_line(readings.end, error, cost, interrupted=code is Exit.INTERRUPTED))
    return code


def last_line(
    end: StreamEnd | None, error: EnphaseStreamingError | None, cost: str, *, interrupted: bool
) -> str:
    """Return why a stream ended, what came of it, and what it cost."""
    if interrupted:
        why = "Interrupted."
    elif error is not None:
        why = sentence(error)
    else:
        why = "The stream ended as planned."
    counts = []
    if end is not None and (end.readings or error is None):
        readings = "1 reading" if end.readings == 1 else f"{end.readings} readings"
        counts.append(f"{readings} in {end.elapsed:.0f} s")
    if end is not None and end.malformed:
        counts.append(f"{end.malformed} malformed and skipped")
    return f"{why} {', '.join((*counts, cost))}."
