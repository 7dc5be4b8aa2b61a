"""Renew a token in processes that each exit at one of STEPS; `test_auth.py` runs it.

Usage: killed_while_renewing.py FOLDER TOKEN_URL. FOLDER/N/tokens.json has the pair of client N, for
step N. Prints the exit code of each process.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

import httpcore  # noqa: F401 - here once, as httpx would load it in each process

from enphase_streaming import FileTokenStore, RefreshingAuth
from enphase_streaming.auth.oauth import Application

DIED = 9
WHILE_WRITING = [
    "before mkstemp",
    "after mkstemp",
    "before write",
    "after half of the write",
    "after write",
    "before fsync",
    "after fsync",
    "before replace",
]
AFTER_WRITING = ["after replace", "before fsync of the folder", "after fsync of the folder"]
# The file is written twice: to prove that it can be, and with the new pair.
BEFORE_THE_REFRESH = [
    *(f"{step}, 1st" for step in [*WHILE_WRITING[1::2], *AFTER_WRITING[:1]]),
    "before request_tokens",
]
BEFORE_THE_FILE_IS_REPLACED = ["after request_tokens", *(f"{step}, 2nd" for step in WHILE_WRITING)]
AFTER_IT = [*(f"{step}, 2nd" for step in AFTER_WRITING), "after all"]
STEPS = [*BEFORE_THE_REFRESH, *BEFORE_THE_FILE_IS_REPLACED, *AFTER_IT]


def die() -> None:
    os._exit(DIED)


def main(folder: str, token_url: str) -> None:
    codes = []
    for number, step in enumerate(STEPS):
        # Forked, since a new Python would take longer than all the rest.
        child = os.fork()
        if not child:
            renew(step, f"{folder}/{number}/tokens.json", token_url, str(number))
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(*codes)


def renew(step: str, path: str, token_url: str, client_id: str) -> NoReturn:
    step, _, time = step.partition(", ")
    when, _, name = step.partition(" ")
    write = 2 if time == "2nd" else 1
    calls: dict[str, int] = {}

    def dying(owner: Any, function: str, turn: int) -> None:
        inner: Callable[..., Any] = getattr(owner, function)

        def wrapped(*arguments: Any, **keywords: Any) -> Any:
            calls[function] = calls.get(function, 0) + 1
            if calls[function] == turn and when == "before":
                die()
            result = inner(*arguments, **keywords)
            if calls[function] == turn and when == "after":
                die()
            return result

        setattr(owner, function, wrapped)

    if name == "request_tokens":
        dying(Application, "request_tokens", 1)
    elif name == "mkstemp":
        dying(tempfile, "mkstemp", write)
    elif name.endswith("write"):
        opened = os.fdopen

        def fdopen(handle: int, mode: str) -> Any:
            class Dying:
                def __enter__(self) -> Any:
                    self.file = opened(handle, mode)
                    return self

                def write(self, data: bytes) -> None:
                    if when == "before":
                        die()
                    self.file.write(data[: len(data) // 2] if "half" in name else data)
                    self.file.flush()
                    die()

                def __exit__(self, *error: object) -> None:
                    raise AssertionError("expected to exit before this")

            calls["fdopen"] = calls.get("fdopen", 0) + 1
            return Dying() if calls["fdopen"] == write else opened(handle, mode)

        os.fdopen = fdopen  # type: ignore[assignment]
    elif name.startswith("fsync"):
        dying(os, "fsync", 2 * write if "folder" in name else 2 * write - 1)
    elif name == "replace":
        dying(os, "replace", write)
    RefreshingAuth(
        client_id=client_id, client_secret="planted-secret", store=FileTokenStore(path)
    ).renew(None, token_url=token_url, now=datetime.now(UTC))
    if name == "all":
        die()
    raise AssertionError("expected to exit before this")


if __name__ == "__main__":
    main(*sys.argv[1:])
