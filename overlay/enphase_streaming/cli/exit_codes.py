"""Exit codes, and what a command says on stderr: one line for every failure."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import IntEnum

import typer

from enphase_streaming.cli.formatting import ASCII_FALLBACK, clean, local
from enphase_streaming.errors import (
    APIStatusError,
    AuthenticationError,
    BudgetExhausted,
    EnphaseStreamingError,
    InvalidArgument,
    LoginRequired,
    RateLimitError,
)


class Exit(IntEnum):
    """The exit codes."""

    SUCCESS = 0
    BAD_INPUT = 2
    API_ERROR = 3
    STREAM_FAILED = 4
    BUDGET_EXHAUSTED = 5
    LOGIN_REQUIRED = 6
    INTERRUPTED = 130


# The first that fits: the API's own refusal of a duration is an InvalidArgument too.
_CODES = {
    APIStatusError: Exit.API_ERROR,
    InvalidArgument: Exit.BAD_INPUT,
    BudgetExhausted: Exit.BUDGET_EXHAUSTED,
    LoginRequired: Exit.LOGIN_REQUIRED,
    EnphaseStreamingError: Exit.STREAM_FAILED,
}

EXIT_CODES = (
    "Exit codes: 0 success, or the reader of a pipe closed it; "
    "2 bad input or environment, missing credentials, or the cost was not confirmed; "
    "3 the API answered with an error; "
    "4 no connection, the stream failed, or the output could not be written; "
    "5 the budget ran out before the stream recovered; 6 a login is needed; "
    "130 Ctrl-C or SIGTERM."
)

_BROKEN_PIPE = 1
"""typer exits with it instead of raising the error. No command does."""


def exit_code(error: EnphaseStreamingError) -> Exit:
    """Return the exit code of a failure."""
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))


def explain(error: EnphaseStreamingError) -> str:
    """Return one line on what failed, and what helps."""
    text = clean(str(error), longest=500).rstrip(".") + "."
    cause = error.__cause__
    if isinstance(error, BudgetExhausted):
        # Not the library's text: it names a price, and calls to a mock are free.
        if not isinstance(cause, EnphaseStreamingError):
            until = f" until {local(error.renews):%Y-%m-%d %H:%M}" if error.renews else ""
            return f"The budget is used up{until}."
        return f"The budget ran out before the stream recovered. Last failure: {explain(cause)}"
    if isinstance(error, LoginRequired):
        # The token endpoint's 401, which the text quotes, and not an earlier one of the API.
        if isinstance(cause, AuthenticationError) and f"({cause})" in str(error):
            text += " Check ENPHASE_CLIENT_ID and ENPHASE_CLIENT_SECRET; if they are right,"
            return f"{text} run `enphase-streaming login`."
        return f"{text} Run `enphase-streaming login`."
    if not isinstance(error, APIStatusError):
        return text
    text = f"API error: {text}"
    if isinstance(error, RateLimitError) and error.retry_at is not None:
        return f"{text} Calls are accepted again at {local(error.retry_at):%Y-%m-%d %H:%M:%S}."
    return f"{text} Retrying later may help." if error.retryable else text


def say(text: str) -> None:
    """Print a line on stderr: stdout is for readings."""
    print(text, file=sys.stderr, flush=True)


def working(what: str) -> AbstractContextManager[object]:
    """Show on stderr what a command is doing, if that is a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    # Imported here: loading rich would delay what is not shown to a terminal.
    from rich.console import Console

    return Console(stderr=True).status(what, spinner="line")


@contextmanager
def exiting() -> Iterator[None]:
    """Flush stdout, and exit with the code of what ended the command.

    Raises:
        SystemExit: for every failure, which is explained on stderr, and for Ctrl-C.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        _discard_output()
        if _is_closed_pipe(error):
            raise SystemExit(Exit.SUCCESS) from error
        # Only what opens a file names one.
        what = "the output cannot be written" if error.filename is None else f"{error.filename!r}"
        say(f"enphase-streaming: {what}: {error.strerror or error}.")
        raise SystemExit(Exit.STREAM_FAILED) from error
    except KeyboardInterrupt as error:
        # The terminal shows ^C, or an unanswered prompt, on the same line.
        say("\nInterrupted." if sys.stderr.isatty() else "Interrupted.")
        raise SystemExit(Exit.INTERRUPTED) from error
    except EnphaseStreamingError as error:
        say(f"enphase-streaming: {explain(error)}")
        raise SystemExit(exit_code(error)) from error


def run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run an application and return its exit code."""
    # Python sets a stream that was closed to None, and would print messages to stdout.
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    if sys.stderr is None:
        sys.stderr = io.StringIO()
    if sys.stdout is None:
        say("enphase-streaming: stdout is closed; redirect it to a file or /dev/null.")
        return Exit.STREAM_FAILED
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ASCII_FALLBACK)
    # SIGTERM ends the command as Ctrl-C does.
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with exiting():
            app(args=arguments, prog_name="enphase-streaming")
    except SystemExit as stop:  # raised by typer
        return Exit.SUCCESS if stop.code == _BROKEN_PIPE else int(stop.code or 0)
    finally:
        signal.signal(signal.SIGTERM, previous)
    return Exit.SUCCESS


def _is_closed_pipe(error: OSError) -> bool:
    # Windows reports EINVAL when the reader of a pipe is gone. What opens a file names it.
    is_invalid = error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and is_invalid)


def _discard_output() -> None:
    # Python flushes both streams again at exit, and would report that they are gone.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
