"""Questions at the terminal. An answer that is a secret is not shown while it is typed."""

from __future__ import annotations

import getpass
import sys

from enphase_streaming.errors import InvalidArgument


def ask(prompt: str, *, hidden: bool = False, variable: str = "") -> str:
    """Return an answer. Raises `InvalidArgument` if there is none; `variable` could hold it."""
    try:
        if hidden and sys.stdin.isatty():
            answer = getpass.getpass(prompt, stream=sys.stderr)
        else:
            print(prompt, end="", file=sys.stderr, flush=True)
            answer = sys.stdin.readline()
            if not answer.endswith("\n") or not sys.stdin.isatty():
                print(file=sys.stderr, flush=True)
    except EOFError:
        answer = ""
    except KeyboardInterrupt:
        print(file=sys.stderr, flush=True)
        raise
    if not answer.strip():
        instead = f"; {variable} can hold it" if variable else ""
        raise InvalidArgument(f"{prompt.rstrip(': ')}: no answer was given{instead}")
    return answer.strip("\r\n") if hidden else answer.strip()
