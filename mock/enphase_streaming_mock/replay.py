"""Recordings of streams, played back byte for byte.

A recording is a text of JSON lines. The first says what it is; then, in order of time, each window
is an `open` line with the head of the answer, its bytes in base64 as they arrived, and how it
ended. `at` is in seconds since the recording began.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.journal import Pairs

FORMAT = "enphase-streaming-recording"
_VERSION = 1
# Up to a blank line: a step holds one event at most, so that a fault strikes one.
_EVENT = re.compile(rb".*?(\r\n\r\n|\n\n|\r\r|\Z)", re.DOTALL)
# Why the client says a window ended, where that was not its own doing. In every other case the
# server would have gone on, so the connection is left open.
_ENDS = {
    "planned": End.CLEAN,
    "early": End.CLEAN,
    "error": End.CLEAN,
    "not_a_stream": End.CLEAN,
    "dropped": End.CLOSE,
}


@dataclass(frozen=True, slots=True)
class RecordedWindow:
    """One answer of the API: its head, and its steps in seconds after its `open` line."""

    status: int
    content_type: str | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: one window or more."""

    windows: tuple[RecordedWindow, ...]

    @classmethod
    def load(cls, path: Path | str) -> "Recording":
        """Read a recording from a file.

        A last line that is incomplete is ignored: the recorder was stopped in the middle of it.
        Raises OSError if the file cannot be read, and ValueError, with the number of the line, if
        it is no recording.
        """
        lines = Path(path).read_bytes().split(b"\n")
        head = _object(lines[0])
        if head is None or head.get("format") != FORMAT:
            raise ValueError(f"{path} is no recording: its first line lacks the format {FORMAT!r}")
        if head.get("version") != _VERSION:
            raise ValueError(
                f"{path} is a recording of version {head.get('version')!r}; "
                f"this mock reads version {_VERSION}"
            )
        windows: list[tuple[float, dict[str, Any], list[Step]]] = []
        for number, line in enumerate(lines[1:-1], 2):
            if line.strip():
                try:
                    _read(line, windows)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from None
        if not windows:
            raise ValueError(f"{path} holds no window: nothing was recorded")
        return cls(
            tuple(
                RecordedWindow(opened["status"], opened["content_type"], tuple(steps))
                for _, opened, steps in windows
            )
        )


class Player:
    """Plays a recording's windows in turn, one to a request, and begins again after the last."""

    def __init__(self, recording: Recording) -> None:
        self._windows = recording.windows
        self._played = 0

    def rewind(self) -> None:
        """Let the first window be next."""
        self._played = 0

    def next(self) -> tuple[int, Pairs, Iterator[Step]]:
        """The status, the headers and the steps of the window whose turn it is."""
        window = self._windows[self._played % len(self._windows)]
        self._played += 1
        kind = window.content_type
        headers = () if kind is None else (("Content-Type", kind),)
        return window.status, headers, iter(window.steps)


def _read(line: bytes, windows: list[tuple[float, dict[str, Any], list[Step]]]) -> None:
    """Add what a line says to the last window, or open the next."""
    entry = _object(line)
    if entry is None:
        raise ValueError("this is no JSON object")
    at = entry.get("at")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < math.inf:
        raise ValueError(f"at is {at!r}; it has to be a number of seconds, 0 or more")
    if "open" in entry:
        windows.append((at, _opened(entry["open"]), []))
        return
    is_over = not windows or any(step.end for step in windows[-1][2][-1:])
    if is_over and "end" in entry:
        # Early recorders noted the end of a watch, and of a request without an answer, as well.
        return
    if not windows:
        raise ValueError("there is no `open` line before this one")
    opened_at, _, steps = windows[-1]
    due = at - opened_at
    if due < (steps[-1].due if steps else 0):
        raise ValueError(f"at is {at!r}, which is before the line above")
    if is_over:
        raise ValueError("the window has ended above")
    if "bytes" in entry:
        try:
            data = base64.b64decode(entry["bytes"], validate=True)
        except (TypeError, binascii.Error, ValueError):
            raise ValueError("bytes is no base64") from None
        for event in _EVENT.finditer(data):
            if event[0]:
                steps.append(Step(due, event[0], 1 if event[1] else 0))
    elif entry.get("end") in _ENDS:
        steps.append(Step(due, end=_ENDS[entry["end"]]))


def _opened(value: object) -> dict[str, Any]:
    opened = value if isinstance(value, dict) else {}
    status, kind = opened.get("status"), opened.get("content_type")
    if type(status) is not int or not 200 <= status <= 599:
        raise ValueError(f"status is {status!r}; it has to be a whole number from 200 to 599")
    if kind is not None and not (isinstance(kind, str) and kind.isprintable()):
        raise ValueError(f"content_type is {kind!r}; it has to be a text or null")
    return opened


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:  # an error of UTF-8 is one as well
        return None
    return value if isinstance(value, dict) else None
