"""The bytes of a stream with their arrival times, in a file. docs/recording.md is the format."""

from __future__ import annotations

import base64
import errno
import json
import logging
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from enphase_streaming.core.exchange import Exchange, Failed, Head, Signal
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.recording.redaction import Redactor
from enphase_streaming.version import __version__

FORMAT = "enphase-streaming-recording"

_log = logging.getLogger("enphase_streaming")


class Recording:
    """A recording that is being written; every line is complete before the next begins.

    Raises `InvalidArgument` if the file cannot be made, or exists and `overwrite` is false.
    Where writing fails later, the log says so, `error` holds it, and the stream goes on.
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
        self.path = Path(path)
        self.bytes = 0
        self.error: OSError | None = None
        self._started = started
        self._redactor = Redactor(key or secrets.token_bytes(32), hidden, max_event_bytes)
        self._is_event_stream = True
        self._is_open = False
        try:
            self._file = self.path.open("wb" if overwrite else "xb", buffering=0)
        except FileExistsError:
            raise InvalidArgument(
                f"{self.path} exists; choose another name, or ask for it with overwrite=True."
            ) from None
        except OSError as error:
            raise InvalidArgument(f"{self.path} cannot be written: {error.strerror}.") from error
        self._line(
            {
                "format": FORMAT,
                "version": 1,
                "started": now.isoformat(),
                "by": f"enphase-streaming {__version__}",
            }
        )

    def opened(self, head: Head, at: float) -> None:
        """Note the head of a response."""
        self._is_open = True
        self._is_event_stream = head.status_code == 200
        kind = head.content_type
        if kind is not None:
            kind = self._redactor.plain(kind.encode()).decode()
        self._line(
            {
                "at": self._since(at),
                "open": {"status": head.status_code, "content_type": kind},
            }
        )

    def received(self, chunk: bytes, at: float) -> None:
        """Note bytes; they are written when the event, or the answer, that they are of is whole."""
        if self._is_event_stream:
            self._write(self._redactor.feed(chunk, at))
        else:
            self._redactor.hold(chunk, at)

    def ended(self, reason: str, at: float) -> None:
        """Note the end of a response, and what was left of an event that never became whole.

        Of a window without a response, and between two of them, there is nothing to note.
        """
        if not self._is_open:
            return
        self._is_open = False
        self._write(self._redactor.rest() if self._is_event_stream else self._redactor.held())
        self._line({"at": self._since(at), "end": reason})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, pieces: list[tuple[float, bytes]]) -> None:
        for at, piece in pieces:
            self.bytes += len(piece)
            self._line({"at": self._since(at), "bytes": base64.b64encode(piece).decode()})

    def _since(self, at: float) -> float:
        return round(at - self._started, 6)

    def _line(self, line: dict[str, Any]) -> None:
        if self.error is not None or self._file.closed:
            return
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            if self._file.write(text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.error = error
            _log.error("The recording %s stops here: %s.", self.path, error.strerror)


class Recorded:
    """An exchange of which a recording is made."""

    def __init__(self, exchange: Exchange, recording: Recording) -> None:
        self.monotonic, self.now = exchange.monotonic, exchange.now
        self.authorize, self.wait = exchange.authorize, exchange.wait
        self._exchange = exchange
        self._recording = recording

    async def open(self, deadline: float) -> Head | Failed:
        """Note the head."""
        found = await self._exchange.open(deadline)
        if isinstance(found, Head):
            self._recording.opened(found, self.monotonic())
        return found

    async def receive(self, deadline: float) -> bytes | Failed | Signal:
        """Note bytes."""
        found = await self._exchange.receive(deadline)
        if isinstance(found, bytes):
            self._recording.received(found, self.monotonic())
        return found

    async def hang_up(self, reason: str) -> None:
        """Note the end."""
        await self._exchange.hang_up(reason)
        self._recording.ended(reason, self.monotonic())
