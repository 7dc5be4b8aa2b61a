"""Recordings of streams, played back byte for byte.

A recording is a text of JSON lines. The first says what it is; then, in order of time, each window
is an `open` line with the head of the answer, its bytes in base64 as they arrived, and how it
ended. `at` is in seconds since the recording began.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from enphase_streaming_mock.exchange import End, Pairs, Step
from enphase_streaming_mock.validation import check_number

FORMAT = "enphase-streaming-recording"
_VERSION = 1
_LATEST = 1e9  # s
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


@dataclass(slots=True)
class RecordedWindow:
    """One answer of the API: its head, and its steps in seconds after it was `opened`."""

    opened: float
    status: int
    content_type: str | None
    steps: list[Step] = field(default_factory=list, repr=False)

    @property
    def headers(self) -> Pairs:
        """The headers of its head."""
        return () if self.content_type is None else (("Content-Type", self.content_type),)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: one window or more."""

    windows: tuple[RecordedWindow, ...]

    @classmethod
    def load(cls, path: Path | str) -> "Recording":
        """Read a recording from a file.

        An incomplete last line is ignored: the recorder was stopped while it wrote that. Raises
        OSError if the file cannot be read, and ValueError, with the number of the line, if it is no
        recording.
        """
        lines = Path(path).read_bytes().split(b"\n")
        head = _object(lines[0])
        if head is None or head.get("format") != FORMAT:
            raise ValueError(f"{path} is no recording: its first line lacks the format {FORMAT!r}.")
        if head.get("version") != _VERSION:
            raise ValueError(
                f"{path} is a recording of version {head.get('version')!r}; "
                f"this mock reads version {_VERSION}."
            )
        windows: list[RecordedWindow] = []
        for number, line in enumerate(lines[1:-1], 2):
            if line.strip():
                try:
                    _read(line, windows)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from None
        if not windows:
            raise ValueError(f"{path} holds no window: nothing was recorded.")
        return cls(tuple(windows))


def _read(line: bytes, windows: list[RecordedWindow]) -> None:
    """Add what a line says to the last window, or open the next."""
    entry = _object(line)
    if entry is None:
        raise ValueError("a line must be a JSON object.")
    at: Any = entry.get("at")
    check_number("at", at, 0.0, _LATEST)
    if "open" in entry:
        windows.append(_opened(at, entry["open"]))
        return
    ended = not windows or any(step.end for step in windows[-1].steps[-1:])
    if ended and "end" in entry:
        # Early recorders noted the end of a watch, and of a request without an answer, as well.
        return
    if ended:
        raise ValueError("no window is open here: an `open` line must come first.")
    steps, due = windows[-1].steps, at - windows[-1].opened
    if due < (steps[-1].due if steps else 0):
        raise ValueError(f"at must not be before that of the line above, got {at!r}.")
    if "bytes" in entry:
        try:
            data = base64.b64decode(entry["bytes"], validate=True)
        except (TypeError, binascii.Error, ValueError):
            raise ValueError("bytes must be base64.") from None
        for event in _EVENT.finditer(data):
            if event[0]:
                steps.append(Step(due, event[0], 1 if event[1] else 0))
    elif "end" in entry:
        if not isinstance(entry["end"], str):
            raise ValueError(f"end must be a string, got {entry['end']!r}.")
        if entry["end"] in _ENDS:
            steps.append(Step(due, end=_ENDS[entry["end"]]))


def _opened(at: float, value: object) -> RecordedWindow:
    opened: dict[str, Any] = value if isinstance(value, dict) else {}
    status: Any = opened.get("status")
    kind = opened.get("content_type")
    check_number("status", status, 200, 599)
    if kind is not None and not (isinstance(kind, str) and kind.isascii() and kind.isprintable()):
        raise ValueError(f"content_type must be printable ASCII or null, got {kind!r}.")
    return RecordedWindow(at, status, kind)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # no UTF-8 is a ValueError, and deep nesting the other
        return None
    return value if isinstance(value, dict) else None
