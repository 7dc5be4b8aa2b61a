"""Where readings are shown, and the loop that shows those of a stream."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Self

from enphase_streaming.cli.cost import Spending
from enphase_streaming.cli.exit_codes import Exit, exit_code, explain, say
from enphase_streaming.cli.formatting import count, local
from enphase_streaming.cli.options import Access
from enphase_streaming.client import StreamingClient
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import StreamEnd
from enphase_streaming.errors import EnphaseStreamingError
from enphase_streaming.stream import ReadingStream

_PROGRESS_EVERY = 60.0


class Output:
    """Shows readings while it is entered. `wait` and `gap` are the callbacks of a watch."""

    gaps: int = 0
    failing: bool = False
    """Whether the stream is being recovered: a gap that is still open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the output as it is."""

    def show(self, reading: Reading) -> None:
        """Show a reading."""
        self.failing = False

    def wait(self, seconds: float, error: Exception | None) -> None:
        """Show that the next call is `seconds` away."""
        self.failing = error is not None

    def gap(self, since: datetime, until: datetime, error: Exception) -> None:
        """Show that readings are missing."""
        self.gaps += 1


class Lines(Output):
    """Prints the line that `line` returns of a reading, if any; waits and gaps go to stderr."""

    def __init__(self, line: Callable[[Reading], str | None]) -> None:
        self._line = line

    def show(self, reading: Reading) -> None:
        """Print a reading."""
        super().show(reading)
        if (line := self._line(reading)) is not None:
            print(line)
        sys.stdout.flush()

    def wait(self, seconds: float, error: Exception | None) -> None:
        """Print the reason of a wait."""
        super().wait(seconds, error)
        say(f"Next call in {seconds:.0f} s. {reason(error)}")

    def gap(self, since: datetime, until: datetime, error: Exception) -> None:
        """Print from when to when readings are missing."""
        super().gap(since, until, error)
        say(f"No readings from {local(since):%H:%M:%S} to {local(until):%H:%M:%S}.")


def progress(size: Callable[[], str], monotonic: Callable[[], float]) -> Lines:
    """Return an output that prints on stderr once a minute how large a recording is."""
    readings = 0
    due = monotonic() + _PROGRESS_EVERY

    def note(reading: Reading) -> None:
        nonlocal readings, due
        readings += 1
        if monotonic() >= due:
            due += _PROGRESS_EVERY
            say(f"{count(readings, 'reading')}, {size()}.")

    return Lines(note)


def reason(error: Exception | None) -> str:
    """Return why a watch waits."""
    if isinstance(error, EnphaseStreamingError):
        return explain(error)
    return "The plan's calls a minute are used up."


def watch(
    client: StreamingClient, access: Access, spending: Spending, duration: int, output: Output
) -> ReadingStream:
    """Return a watch that tells `output` about its waits and gaps."""
    return client.watch(
        access.system_id,
        budget=spending.budget,
        duration=duration,
        on_gap=output.gap,
        on_wait=output.wait,
    )


def follow(stream: ReadingStream, output: Output, spending: Spending) -> Exit:
    """Show readings until they end, print a summary and return the exit code."""
    error: EnphaseStreamingError | None = None
    code = Exit.SUCCESS
    try:
        with output, stream:
            for reading in stream:
                output.show(reading)
                # A call: an `except` of Python 3.12 to 3.14 misses a Ctrl-C at a final `if`.
                _check_recording(stream)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except EnphaseStreamingError as failure:
        error, code = failure, exit_code(failure)
    # on_gap is not called for a gap that is still open.
    gaps = output.gaps + (code is Exit.INTERRUPTED and output.failing)
    say(summary(stream.end, code, error, gaps, spending.spent))
    return code


def summary(
    end: StreamEnd | None, code: Exit, error: EnphaseStreamingError | None, gaps: int, spent: str
) -> str:
    """Return why a stream ended, what it brought, and what it cost."""
    if error is not None:
        why = explain(error)
    elif code is Exit.INTERRUPTED:
        why = "Interrupted."
    elif end is not None and end.reason == "budget":
        why = "Done: the budget is used up."
    else:
        why = "Done: the stream ended as planned."
    counts = []
    if end is not None and (end.readings or error is None):
        counts.append(f"{count(end.readings, 'reading')} in {end.elapsed:.0f} s")
    if end is not None and end.malformed:
        counts.append(f"{count(end.malformed, 'malformed event')} skipped")
    if gaps:
        counts.append(count(gaps, "gap"))
    return f"{why} {', '.join((*counts, spent))}."


def _check_recording(stream: ReadingStream) -> None:
    if stream.recording is not None and stream.recording.error is not None:
        raise stream.recording.error
