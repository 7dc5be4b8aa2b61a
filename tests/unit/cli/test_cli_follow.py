from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import pytest

from enphase_streaming import (
    APIStatusError,
    ConnectionFailed,
    EnphaseStreamingError,
    GatewayNotReportingError,
    InvalidArgument,
    InvalidDurationError,
    RateLimitError,
    Reading,
    StreamEnd,
    StreamEndedEarly,
)
from enphase_streaming.cli.exits import Exit, exit_for, sentence
from enphase_streaming.cli.follow import follow, last_line
from enphase_streaming.cli.lines import Lines

COST = "1 call, $0.10"


class Scripted:
    """A stream of two readings that ends in a given way."""

    def __init__(self, failure: BaseException | None, end: StreamEnd | None) -> None:
        self.failure, self.end = failure, end
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed = True

    def __iter__(self) -> Iterator[Reading]:
        yield Reading(pv_power=1)
        yield Reading(pv_power=2)
        if self.failure is not None:
            raise self.failure


PLANNED = StreamEnd("planned", 30.04, 2, 0)


@pytest.mark.parametrize(
    ("failure", "end", "code", "said"),
    [
        (None, PLANNED, 0, "The stream ended as planned. 2 readings in 30 s, 1 call, $0.10."),
        (
            None,
            StreamEnd("planned", 30.0, 1, 3),
            0,
            "The stream ended as planned. 1 reading in 30 s, 3 malformed and skipped, "
            "1 call, $0.10.",
        ),
        (
            KeyboardInterrupt(),
            StreamEnd("stopped", 12.3, 2, 0),
            130,
            "Interrupted. 2 readings in 12 s, 1 call, $0.10.",
        ),
        (
            StreamEndedEarly("The server closed the stream.", missing=18),
            StreamEnd("early", 12.3, 2, 0),
            4,
            "The server closed the stream. 2 readings in 12 s, 1 call, $0.10.",
        ),
        (
            APIStatusError("468 INVALID_SYSTEM_ID: no\x1b[2J", status_code=468),
            StreamEnd("error", 0.1, 0, 0),
            3,
            "The API refused: 468 INVALID_SYSTEM_ID: no�[2J. 1 call, $0.10.",
        ),
    ],
)
def test_the_last_line_says_why_it_ended_and_the_exit_code_agrees(
    failure: BaseException | None,
    end: StreamEnd,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = Scripted(failure, end)
    line: Callable[[Reading], str] = lambda reading: f"pv {reading.pv_power}"  # noqa: E731 - typed
    assert follow(stream, Lines(line), COST) == code
    out, err = capsys.readouterr()
    assert out == "pv 1\npv 2\n"
    assert err == said + "\n"
    assert stream.closed


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidArgument("x"), Exit.BAD_INPUT),
        (InvalidDurationError("x", status_code=461), Exit.REFUSED),
        (ConnectionFailed("x"), Exit.STREAM_FAILED),
        (StreamEndedEarly("x"), Exit.STREAM_FAILED),
    ],
)
def test_each_failure_has_its_exit_code(error: EnphaseStreamingError, code: Exit) -> None:
    assert exit_for(error) is code


def test_it_says_whether_trying_again_can_help() -> None:
    assert sentence(GatewayNotReportingError("473: x")).endswith("The same call may work later.")
    limited = RateLimitError("429: x")
    limited.retry_at = datetime(2026, 6, 21, 12, tzinfo=UTC)
    assert "It takes calls again at 2026-06-2" in sentence(limited)


def test_a_stream_that_never_began_has_no_counts() -> None:
    assert last_line(None, None, COST, interrupted=True) == "Interrupted. 1 call, $0.10."
