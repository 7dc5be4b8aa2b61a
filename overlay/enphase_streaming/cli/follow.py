"""From a stream to an output, and how that ended in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from typing import Protocol

from enphase_streaming.cli.cost import Spending
from enphase_streaming.cli.exits import Exit, exit_for, say, sentence
from enphase_streaming.cli.waits import telling_waits
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import StreamEnd
from enphase_streaming.errors import EnphaseStreamingError


class Readings(AbstractContextManager[object], Protocol):
    """A stream of readings that knows how it ended."""

    def __iter__(self) -> Iterator[Reading]:
        """Give the readings as they arrive."""

    @property
    def end(self) -> StreamEnd | None:
        """How it ended; None while it has not."""


class Output(AbstractContextManager[object], Protocol):
    """Where readings are shown; entered once the stream is open. `gaps` counts those told of."""

    gaps: int

    def connecting(self) -> AbstractContextManager[object]:
        """Show that the stream is being opened."""

    def show(self, reading: Reading) -> None:
        """Show a reading."""

    def wait(self, why: str, seconds: float) -> None:
        """Show that nothing comes for so long, and why; the reason may be unknown."""

    def gap(self, since: datetime, until: datetime, why: Exception) -> None:
        """Show that readings come again, after none came meanwhile."""


def follow(
    readings: Readings,
    output: Output,
    spending: Spending,
    check: Callable[[], None] = lambda: None,
) -> Exit:
    """Show readings until they end, say why they did, and return the exit code for it.

    `check` is called after each reading, and ends it by raising.
    """
    error: EnphaseStreamingError | None = None
    code = Exit.PLANNED
    waiting = False

    def wait(why: str, seconds: float) -> None:
        nonlocal waiting
        waiting = True
        output.wait(why, seconds)

    try:
        with ExitStack() as stack:
            stack.enter_context(telling_waits(wait))
            with output.connecting():
                stack.enter_context(readings)
            stack.enter_context(output)
            for reading in readings:
                waiting = False
                output.show(reading)
                check()
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except EnphaseStreamingError as failure:
        error, code = failure, exit_for(failure)
    interrupted = code is Exit.INTERRUPTED
    # A gap is told of when readings come again.
    gaps = output.gaps + (interrupted and waiting)
    say(last_line(readings.end, error, spending.so_far, gaps=gaps, interrupted=interrupted))
    return code


def last_line(
    end: StreamEnd | None,
    error: EnphaseStreamingError | None,
    spent: str,
    *,
    gaps: int = 0,
    interrupted: bool = False,
) -> str:
    """Return why a stream ended, what came of it, and what it cost."""
    if interrupted:
        why = "Interrupted."
    elif error is not None:
        why = sentence(error)
    elif end is not None and end.reason == "budget":
        why = "The budget is spent."
    else:
        why = "The stream ended as planned."
    counts = []
    if end is not None and (end.readings or error is None):
        readings = "1 reading" if end.readings == 1 else f"{end.readings} readings"
        counts.append(f"{readings} in {end.elapsed:.0f} s")
    if end is not None and end.malformed:
        counts.append(f"{end.malformed} malformed and skipped")
    if gaps:
        counts.append(counted_gaps(gaps))
    return f"{why} {', '.join((*counts, spent))}."


def counted_gaps(gaps: int) -> str:
    """Return how many gaps there were."""
    return "1 gap" if gaps == 1 else f"{gaps} gaps"
