import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import pytest

from enphase_streaming import (
    APIStatusError,
    AuthenticationError,
    Budget,
    BudgetExhausted,
    ConnectionFailed,
    EnphaseStreamingError,
    GatewayNotReportingError,
    InvalidArgument,
    InvalidDurationError,
    LoginRequired,
    RateLimitError,
    Reading,
    StreamEnd,
    StreamEndedEarly,
)
from enphase_streaming.cli.cost import Spending, many_streams
from enphase_streaming.cli.exits import Exit, exit_for, sentence
from enphase_streaming.cli.follow import follow, last_line
from enphase_streaming.cli.lines import Lines

COST = "1 call, $0.10"


def spent(calls: int = 1) -> Spending:
    spending = many_streams(Budget(calls=9), duration=300, mock=None)
    for _ in range(calls):
        spending.budget._spend(spending.budget._queue(), 0.0)
    return spending


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
            None,
            StreamEnd("budget", 3600.2, 3590, 0),
            0,
            "The budget is spent. 3590 readings in 3600 s, 1 call, $0.10.",
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
    assert follow(stream, Lines(line), spent()) == code
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
        (BudgetExhausted("x"), Exit.BUDGET_SPENT),
        (LoginRequired("x"), Exit.LOGIN_REQUIRED),
        (AuthenticationError("x", status_code=401), Exit.REFUSED),
    ],
)
def test_each_failure_has_its_exit_code(error: EnphaseStreamingError, code: Exit) -> None:
    assert exit_for(error) is code


def test_it_says_whether_trying_again_can_help() -> None:
    assert sentence(GatewayNotReportingError("473: x")).endswith("The same call may work later.")
    limited = RateLimitError("429: x")
    limited.retry_at = datetime(2026, 6, 21, 12, tzinfo=UTC)
    assert "It takes calls again at 2026-06-2" in sentence(limited)


def test_a_spent_budget_names_the_failure_that_was_not_mended() -> None:
    exhausted = BudgetExhausted("All 3 calls of the budget ($0.30) are spent.")
    exhausted.__cause__ = StreamEndedEarly("The server closed the stream.")
    assert sentence(exhausted) == (
        "The budget is spent. The last failure: The server closed the stream."
    )
    assert sentence(BudgetExhausted("All 3 calls")) == "The budget is spent."


def test_a_login_that_is_needed_names_its_command() -> None:
    said = sentence(LoginRequired("The tokens were refused: log in again."))
    assert said.endswith("log in again. `enphase-streaming login` does that.")


def test_tokens_refused_to_the_application_name_what_to_check() -> None:
    refused = LoginRequired("The tokens were refused (401: invalid_client): log in again.")
    refused.__cause__ = AuthenticationError("401: invalid_client", status_code=401)
    assert sentence(refused).startswith(
        "The tokens were refused (401: invalid_client): check ENPHASE_CLIENT_ID and "
        "ENPHASE_CLIENT_SECRET."
    )


def test_a_refusal_of_the_api_before_it_is_none_of_the_application() -> None:
    spent = LoginRequired("There is no refresh token: log in first.")
    spent.__cause__ = AuthenticationError("401 UNAUTHORIZED: expired", status_code=401)
    assert sentence(spent) == (
        "There is no refresh token: log in first. `enphase-streaming login` does that."
    )


def test_waits_and_gaps_are_said_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("enphase_streaming")
    output = Lines(lambda reading: f"pv {reading.pv_power}")

    class Interrupted(Scripted):
        def __iter__(self) -> Iterator[Reading]:
            log.info("%s: %s, %s.", "Site 1", self.end, StreamEndedEarly("It closed."))
            log.info("%s: next try in %.1f s.", "Site 1", 2.4)
            log.info("%s: next try in %.1f s.", "Site 1", 60.0)
            output.gap(datetime(2026, 6, 21, tzinfo=UTC), datetime.now(UTC), StreamEndedEarly("x"))
            yield Reading(pv_power=1)

    assert follow(Interrupted(None, PLANNED), output, spent(2)) == 0
    out, err = capsys.readouterr()
    assert out == "pv 1\n"
    waits = err.splitlines()
    assert waits[:2] == ["Next try in 2 s. It closed.", "Next try in 60 s."]
    assert waits[2].startswith("No readings from ")
    assert waits[3].endswith("2 readings in 30 s, 1 gap, 2 calls, $0.20.")
    assert log.level == logging.NOTSET
    assert [type(each) for each in log.handlers] == [logging.NullHandler]


@pytest.mark.parametrize(
    ("failure", "gaps"),
    [
        # An interrupted wait is a gap that nobody will tell of any more.
        (KeyboardInterrupt(), ", 1 gap, 1 call"),
        (StreamEndedEarly("x"), " s, 1 call"),
    ],
)
def test_a_gap_that_is_open_when_it_is_interrupted_counts(
    failure: BaseException, gaps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("enphase_streaming")

    class Waiting(Scripted):
        def __iter__(self) -> Iterator[Reading]:
            log.info("%s: next try in %.1f s.", "Site 1", 1.0)
            yield Reading(pv_power=1)
            log.info("%s: next try in %.1f s.", "Site 1", 2.4)
            raise failure

    follow(Waiting(None, PLANNED), Lines(lambda reading: "x"), spent())
    assert gaps in capsys.readouterr().err.splitlines()[-1]


def test_an_interrupted_stream_that_goes_on_again_has_no_open_gap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("enphase_streaming")

    class GoesOn(Scripted):
        def __iter__(self) -> Iterator[Reading]:
            log.info("%s: next try in %.1f s.", "Site 1", 2.4)
            yield Reading(pv_power=1)
            raise KeyboardInterrupt

    follow(GoesOn(None, PLANNED), Lines(lambda reading: "x"), spent())
    assert "gap" not in capsys.readouterr().err.splitlines()[-1]


def test_what_is_checked_after_each_reading_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    stream = Scripted(None, PLANNED)
    with pytest.raises(OSError, match="No space"):
        follow(stream, Lines(lambda reading: "x"), spent(), full)
    assert capsys.readouterr().out == "x\n"
    assert stream.closed


def test_a_stream_that_never_began_has_no_counts() -> None:
    assert last_line(None, None, COST, interrupted=True) == "Interrupted. 1 call, $0.10."
