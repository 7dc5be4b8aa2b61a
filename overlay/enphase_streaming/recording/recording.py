"""Write the bytes of a stream, with their arrival times, to a file. Format: docs/recording.md."""

from __future__ import annotations

import base64
import errno
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from enphase_streaming.core.answers import is_event_stream
from enphase_streaming.core.exchange import Head
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.recording.redaction import Redactor
from enphase_streaming.version import __version__

FORMAT = "enphase-streaming-recording"
VERSION = 1

_log = logging.getLogger("enphase_streaming")


class Recording:
    """A recording that is being written; every line is complete before the next begins.

    If writing fails, the log says so, `error` holds the reason, and the stream goes on.

    `started` and `now` are the present moment, monotonic and aware; `hidden` returns the secrets to
    replace; `key` decides on the pseudonyms, and is random unless given.

    Raises:
        InvalidArgument: the file exists and `overwrite` is false, or it cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool,
        started: float,
        now: datetime,
        hidden: Callable[[], tuple[str, ...]],
        max_event_bytes: int,
        key: bytes | None = None,
    ) -> None:
        self.path: Path = Path(path)
        self.bytes: int = 0
        self.error: OSError | None = None
        self._started = started
        self._redactor = Redactor(key or os.urandom(32), hidden, max_event_bytes)
        self._is_open = False
        self._process = os.getpid()
        try:
            self._file = self.path.open("wb" if overwrite else "xb", buffering=0)
        except FileExistsError:
            raise InvalidArgument(
                f"{self.path} exists: choose another name or pass overwrite=True."
            ) from None
        except OSError as error:
            raise InvalidArgument(f"{self.path} cannot be written: {error.strerror}.") from error
        by = f"enphase-streaming {__version__}"
        self._line(format=FORMAT, version=VERSION, started=now.isoformat(), by=by)

    def opened(self, head: Head, at: float) -> None:
        """Record the head of a response."""
        self._is_open = True
        self._redactor.begin(is_stream=head.status_code == 200 and is_event_stream(head))
        kind = head.content_type and self._redactor.text(head.content_type)
        opened = {"status": head.status_code, "content_type": kind}
        self._line(at=self._since(at), open=opened)

    def received(self, chunk: bytes, at: float) -> None:
        """Record bytes; they are written when the event, or the error body, is whole."""
        self._write(self._redactor.feed(chunk, at))

    def ended(self, reason: str, at: float) -> None:
        """Record the end of a response, if one is open."""
        if self._is_open:
            self._is_open = False
            self._write(self._redactor.end())
            self._line(at=self._since(at), end=reason)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, pieces: list[tuple[float, bytes]]) -> None:
        for at, piece in pieces:
            self.bytes += len(piece)
            self._line(at=self._since(at), bytes=base64.b64encode(piece).decode())

    def _since(self, at: float) -> float:
        return round(at - self._started, 6)

    def _line(self, **line: Any) -> None:
        # A forked child has the file of its parent, whose recording goes on.
        if self.error is not None or self._file.closed or os.getpid() != self._process:
            return
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            if self._file.write(text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.error = error
            _log.error("The recording %s stops here: %s.", self.path, error.strerror)
