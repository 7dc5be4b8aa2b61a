import errno
import sys
from datetime import UTC, datetime

import pytest

from enphase_streaming import (
    APIStatusError,
    AuthenticationError,
    BudgetExhausted,
    ConnectionFailed,
    EnphaseStreamingError,
    InvalidArgument,
    InvalidDurationError,
    LoginRequired,
    RateLimitError,
    ServiceUnavailableError,
    StreamEndedEarly,
)
from enphase_streaming.cli.exit_codes import Exit, exit_code, exiting, explain


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidArgument("x"), Exit.BAD_INPUT),
        (InvalidDurationError("x", status_code=461), Exit.API_ERROR),
        (ConnectionFailed("x"), Exit.STREAM_FAILED),
        (StreamEndedEarly("x"), Exit.STREAM_FAILED),
        (BudgetExhausted("x"), Exit.BUDGET_EXHAUSTED),
        (LoginRequired("x"), Exit.LOGIN_REQUIRED),
        (AuthenticationError("x", status_code=401), Exit.API_ERROR),
    ],
)
def test_each_failure_has_its_exit_code(error: EnphaseStreamingError, code: Exit) -> None:
    assert exit_code(error) is code


def test_text_of_the_api_cannot_control_the_terminal() -> None:
    error = APIStatusError("468 INVALID_SYSTEM_ID: no\x1b[2J", status_code=468)
    assert explain(error) == "API error: 468 INVALID_SYSTEM_ID: no�[2J."


def test_the_explanation_says_whether_retrying_can_help() -> None:
    assert explain(ServiceUnavailableError("550: x", status_code=550)).endswith(
        "Retrying later may help."
    )
    limited = RateLimitError("429: x")
    limited.retry_at = datetime(2026, 6, 21, 12, tzinfo=UTC)
    assert "Calls are accepted again at 2026-06-2" in explain(limited)


def test_an_exhausted_budget_names_the_last_failure() -> None:
    exhausted = BudgetExhausted("All 3 calls of the budget ($0.30) are spent.")
    exhausted.__cause__ = StreamEndedEarly("The server closed the stream.")
    assert explain(exhausted) == (
        "The budget ran out before the stream recovered. "
        "Last failure: The server closed the stream."
    )
    assert explain(BudgetExhausted("All 3 calls")) == "The budget is used up."


def test_a_login_that_is_needed_names_the_command() -> None:
    text = explain(LoginRequired("The tokens were refused: log in again."))
    assert text == "The tokens were refused: log in again. Run `enphase-streaming login`."


def test_an_application_that_is_refused_is_named_by_its_variables() -> None:
    refused = LoginRequired("The tokens were refused (401: invalid_client): log in again.")
    refused.__cause__ = AuthenticationError("401: invalid_client", status_code=401)
    assert explain(refused).endswith(
        " Check ENPHASE_CLIENT_ID and ENPHASE_CLIENT_SECRET; if they are right, "
        "run `enphase-streaming login`."
    )


def test_an_earlier_error_of_the_api_does_not_blame_the_application() -> None:
    spent = LoginRequired("There is no refresh token: log in first.")
    spent.__cause__ = AuthenticationError("401 UNAUTHORIZED: expired", status_code=401)
    assert explain(spent) == (
        "There is no refresh token: log in first. Run `enphase-streaming login`."
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device"), "the output cannot be written: No space left"),
        (
            FileNotFoundError(2, "No such file or directory", "/x"),
            "'/x': No such file or directory",
        ),
    ],
)
def test_only_a_failed_write_blames_the_output(
    error: OSError, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left, exiting():
        raise error
    assert left.value.code == Exit.STREAM_FAILED
    assert capsys.readouterr().err.startswith(f"enphase-streaming: {text}")


@pytest.mark.parametrize(
    ("platform", "error", "code"),
    [
        ("linux", BrokenPipeError(errno.EPIPE, "x"), Exit.SUCCESS),
        ("linux", OSError(errno.EINVAL, "x"), Exit.STREAM_FAILED),
        ("win32", OSError(errno.EINVAL, "x"), Exit.SUCCESS),
        ("win32", OSError(errno.EINVAL, "x", "site.jsonl"), Exit.STREAM_FAILED),
        ("win32", OSError(errno.ENOSPC, "x"), Exit.STREAM_FAILED),
    ],
)
def test_a_reader_that_left_is_no_failure_on_any_platform(
    monkeypatch: pytest.MonkeyPatch, platform: str, error: OSError, code: Exit
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(SystemExit) as stop, exiting():
        raise error
    assert stop.value.code is code
