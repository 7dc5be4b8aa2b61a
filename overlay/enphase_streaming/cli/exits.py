"""How a command leaves: its exit codes, and one sentence for every failure."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from enphase_streaming.cli.words import clean, local
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

    PLANNED = 0
    BAD_INPUT = 2
    REFUSED = 3
    STREAM_FAILED = 4
    BUDGET_SPENT = 5
    LOGIN_REQUIRED = 6
    INTERRUPTED = 130


EXPLAINED = (
    "Exit codes: 0 it ended as planned, or the reader of a pipe had enough; "
    "2 bad input, missing credentials, or the cost not agreed to; 3 the API refused; "
    "4 no connection, the stream failed, or the output could not be written; "
    "5 the budget was spent before a failure was mended; 6 a login is needed; "
    "130 Ctrl-C or SIGTERM."
)


def exit_for(error: EnphaseStreamingError) -> Exit:
    """Return the exit code of a failure."""
    # First, because the API's own refusal of a duration is an InvalidArgument as well.
    if isinstance(error, APIStatusError):
        return Exit.REFUSED
    if isinstance(error, InvalidArgument):
        return Exit.BAD_INPUT
    if isinstance(error, BudgetExhausted):
        return Exit.BUDGET_SPENT
    if isinstance(error, LoginRequired):
        return Exit.LOGIN_REQUIRED
    return Exit.STREAM_FAILED


def sentence(error: EnphaseStreamingError) -> str:
    """Return what went wrong on one line, and whether trying again can help."""
    text = clean(str(error), longest=500).rstrip(".") + "."
    if isinstance(error, BudgetExhausted):
        # Not in the library's words: what it names is a price, and a mock's calls are free.
        why = error.__cause__
        last = sentence(why) if isinstance(why, EnphaseStreamingError) else ""
        return f"The budget is spent. The last failure: {last}" if last else "The budget is spent."
    if isinstance(error, LoginRequired):
        why = error.__cause__
        # The token endpoint's 401, which the text holds, and not one of the API before it.
        if isinstance(why, AuthenticationError) and f"({why})" in str(error):
            return (
                f"The tokens were refused ({clean(str(why), longest=300)}): check "
                "ENPHASE_CLIENT_ID and ENPHASE_CLIENT_SECRET. If they are right, "
                "`enphase-streaming login` gets new tokens."
            )
        return f"{text} `enphase-streaming login` does that."
    if not isinstance(error, APIStatusError):
        return text
    text = f"The API refused: {text}"
    if isinstance(error, RateLimitError) and error.retry_at is not None:
        return f"{text} It takes calls again at {local(error.retry_at):%Y-%m-%d %H:%M:%S}."
    return f"{text} The same call may work later." if error.retryable else text


def say(text: str) -> None:
    """Print a line on stderr: stdout is for readings only."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def leaving() -> Iterator[None]:
    """Write out what was printed, and turn whatever ends a command into its exit code.

    Leaves with `SystemExit` unless all went well; a failure is one sentence on stderr.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError as error:
        _discard_output()
        raise SystemExit(Exit.PLANNED) from error
    except OSError as error:
        _discard_output()
        say(f"enphase-streaming: the output cannot be written: {error.strerror or error}.")
        raise SystemExit(Exit.STREAM_FAILED) from error
    except KeyboardInterrupt as error:
        say("Interrupted.")
        raise SystemExit(Exit.INTERRUPTED) from error
    except EnphaseStreamingError as error:
        say(f"enphase-streaming: {sentence(error)}")
        raise SystemExit(exit_for(error)) from error


def _discard_output() -> None:
    # Python flushes both once more when it ends, and would complain about what is gone.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
