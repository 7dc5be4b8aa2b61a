"""A window as a file that `enphase-mock replay` plays: docs/recording.md is the format."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from enphase_streaming_mock.checks.window import Window
from enphase_streaming_mock.replay import FORMAT

_CLOSES_EARLY_BY = 2.0
"""A clean end so many seconds before the duration is over still counts as planned."""


def reserve(path: Path) -> BinaryIO:
    """Make the file before a call is spent; in a folder, one that is named after the time.

    Raises ValueError where that cannot be, or where there is such a file.
    """
    if path.is_dir():
        path /= f"live_data-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"
    try:
        return path.open("xb")
    except FileExistsError:
        raise ValueError(f"--record: {path} exists; choose another name") from None
    except OSError as error:
        raise ValueError(f"--record: {path} cannot be written: {error.strerror}") from None


def write(file: BinaryIO, window: Window, started: datetime) -> None:
    """Write what a call brought since `started` (aware)."""
    lines: list[dict[str, Any]] = [
        {
            "format": FORMAT,
            "version": 1,
            "started": started.isoformat(),
            "by": "enphase_streaming_mock.checks",
        }
    ]
    if window.status:
        head = {"status": window.status, "content_type": window.content_type}
        lines.append({"at": round(window.answered, 6), "open": head})
        lines += [
            {"at": round(at, 6), "bytes": base64.b64encode(data).decode()}
            for at, data in window.chunks
        ]
        lines.append({"at": round(window.elapsed, 6), "end": reason(window)})
    for line in lines:
        file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


def reason(window: Window) -> str:
    """Why it ended, in the words of the format."""
    if window.status != 200:
        return "error"
    if not window.is_stream:
        return "not_a_stream"
    if window.end == "broken":
        return "dropped"
    if window.end == "stopped":
        return "stopped"
    if window.end == "silent" or not window.body.events:
        return "stalled"
    if window.end == "open" or window.elapsed >= window.duration - _CLOSES_EARLY_BY:
        return "planned"
    return "early"
