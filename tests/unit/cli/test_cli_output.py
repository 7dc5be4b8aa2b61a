"""Lines of readings, waits and gaps, and the summary of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Self

import pytest

from enphase_streaming import (
    APIStatusError,
    Budget,
    Reading,
    StreamDropped,
    StreamEnd,
    StreamEndedEarly,
)
from enphase_streaming.cli.cost import Spending, many_streams
from enphase_streaming.cli.exit_codes import Exit
from enphase_streaming.cli.output import Lines, Output, follow, progress, summary
from spending import spend

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
PLANNED = StreamEnd("planned", 30.04, 2, 0)


def spending(calls: int = 1) -> Spending:
    found = many_streams(Budget(calls=9), 300, None)
    for _ in range(calls):
        spend(found.budget, 0.0)
    return found


def lines() -> Lines:
    return Lines(lambda reading: f"pv {reading.pv_power}")


class Scripted:
    """A stream of two readings; `between` is called after the first, and may raise."""

    def __init__(
        self, end: StreamEnd | None = PLANNED, between: Callable[[], object] = lambda: None
    ) -> None:
        self.end = end
        self.between = between
        self.recording: Any = None
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True

    def __iter__(self) -> Iterator[Reading]:
        yield Reading(pv_power=1)
        self.between()
        yield Reading(pv_power=2)


def run(stream: Any, output: Output, calls: int = 1) -> Exit:
    return follow(stream, output, spending(calls))


def raising(error: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


def test_readings_go_to_stdout_and_the_summary_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = Scripted()
    assert run(stream, lines()) is Exit.SUCCESS
    assert capsys.readouterr() == (
        "pv 1\npv 2\n",
        "Done: the stream ended as planned. 2 readings in 30 s, 1 call, $0.10.\n",
    )
    assert stream.closed


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (StreamEndedEarly("The server closed the stream."), Exit.STREAM_FAILED),
        (APIStatusError("468", status_code=468), Exit.API_ERROR),
    ],
)
def test_an_end_has_its_exit_code(
    failure: BaseException, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = Scripted(between=raising(failure))
    assert run(stream, lines()) is code
    assert capsys.readouterr().out == "pv 1\n"
    assert stream.closed


@pytest.mark.parametrize(
    ("end", "code", "error", "gaps", "text"),
    [
        (
            StreamEnd("planned", 30.0, 1, 3),
            Exit.SUCCESS,
            None,
            0,
            "Done: the stream ended as planned. 1 reading in 30 s, 3 malformed events skipped, "
            "1 call, free.",
        ),
        (
            StreamEnd("budget", 3600.2, 3590, 0),
            Exit.SUCCESS,
            None,
            2,
            "Done: the budget is used up. 3,590 readings in 3600 s, 2 gaps, 1 call, free.",
        ),
        (
            StreamEnd("stopped", 12.3, 2, 0),
            Exit.INTERRUPTED,
            None,
            0,
            "Interrupted. 2 readings in 12 s, 1 call, free.",
        ),
        (
            StreamEnd("early", 12.3, 2, 0),
            Exit.STREAM_FAILED,
            StreamEndedEarly("The server closed the stream.", missing=18),
            1,
            "The server closed the stream. 2 readings in 12 s, 1 gap, 1 call, free.",
        ),
        (
            StreamEnd("error", 0.1, 0, 0),
            Exit.API_ERROR,
            APIStatusError("468 INVALID_SYSTEM_ID: no", status_code=468),
            0,
            "API error: 468 INVALID_SYSTEM_ID: no. 1 call, free.",
        ),
        (None, Exit.INTERRUPTED, None, 0, "Interrupted. 1 call, free."),
    ],
)
def test_the_summary_says_why_it_ended_and_what_it_brought(
    end: StreamEnd | None, code: Exit, error: Any, gaps: int, text: str
) -> None:
    assert summary(end, code, error, gaps, "1 call, free") == text


def test_waits_and_gaps_are_printed_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    output = lines()

    def fail_and_recover() -> None:
        output.wait(2.4, StreamEndedEarly("It closed."))
        output.wait(60.0, None)
        output.gap(NOON, datetime.now(UTC), StreamEndedEarly("x"))

    assert run(Scripted(between=fail_and_recover), output, 2) is Exit.SUCCESS
    first, second, third, last = capsys.readouterr().err.splitlines()
    assert first == "Next call in 2 s. It closed."
    assert second == "Next call in 60 s. The plan's calls a minute are used up."
    assert third.startswith("No readings from ")
    assert last.endswith("2 readings in 30 s, 1 gap, 2 calls, $0.20.")


@pytest.mark.parametrize(
    ("why", "end", "gaps"),
    [
        (StreamDropped("x"), KeyboardInterrupt(), 1),
        (StreamDropped("x"), StreamEndedEarly("x"), 0),
        (None, KeyboardInterrupt(), 0),
    ],
)
def test_an_interrupted_recovery_is_a_gap(
    why: Exception | None, end: BaseException, gaps: int, capsys: pytest.CaptureFixture[str]
) -> None:
    output = lines()

    def wait_and_end() -> None:
        output.wait(2.4, why)
        raise end

    run(Scripted(between=wait_and_end), output)
    assert (", 1 gap," in capsys.readouterr().err) is bool(gaps)


def test_an_interrupt_after_the_recovery_leaves_no_open_gap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = lines()
    output.wait(2.4, StreamDropped("x"))
    run(Scripted(between=raising(KeyboardInterrupt())), output)
    assert "gap" not in capsys.readouterr().err.splitlines()[-1]


def test_a_recording_that_cannot_be_written_ends_the_stream(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = Scripted()
    stream.recording = SimpleNamespace(error=OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space"):
        run(stream, lines())
    assert capsys.readouterr().out == "pv 1\n"
    assert stream.closed


def test_progress_is_printed_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    output = progress(lambda: "14.7 kB", lambda: now)
    for second in range(130):
        now = float(second)
        output.show(Reading())
    assert capsys.readouterr() == ("", "61 readings, 14.7 kB.\n121 readings, 14.7 kB.\n")
