"""Renew a token in a process that exits at a given step; `test_auth.py` runs it.

Usage: killed_while_renewing.py STEP PATH TOKEN_URL CLIENT_ID, with one of STEPS.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from enphase_streaming import FileTokenStore, RefreshingAuth
from enphase_streaming.auth.oauth import Application

DIED = 9
BEFORE_THE_REFRESH = ["before request_tokens"]
BEFORE_THE_FILE_IS_REPLACED = [
    "after request_tokens",
    "before mkstemp",
    "after mkstemp",
    "before write",
    "after half of the write",
    "after write",
    "before fsync",
    "after fsync",
    "before replace",
]
AFTER_IT = ["after replace", "before fsync of the folder", "after fsync of the folder", "after all"]
STEPS = [*BEFORE_THE_REFRESH, *BEFORE_THE_FILE_IS_REPLACED, *AFTER_IT]


def die() -> None:
    os._exit(DIED)


def main(step: str, path: str, token_url: str, client_id: str) -> None:
    when, _, name = step.partition(" ")
    calls: dict[str, int] = {}

    def dying(owner: Any, function: str, turn: int = 1) -> None:
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
        dying(Application, "request_tokens")
    elif name == "mkstemp":
        dying(tempfile, "mkstemp")
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

            return Dying()

        os.fdopen = fdopen  # type: ignore[assignment]
    elif name.startswith("fsync"):
        dying(os, "fsync", turn=2 if "folder" in name else 1)
    elif name == "replace":
        dying(os, "replace")
    RefreshingAuth(
        client_id=client_id, client_secret="planted-secret", store=FileTokenStore(path)
    ).renew(None, token_url=token_url, now=datetime.now(UTC))
    if name == "all":
        die()
    raise AssertionError("expected to exit before this")


if __name__ == "__main__":
    main(*sys.argv[1:])
