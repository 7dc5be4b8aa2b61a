"""Read the readings of a recording, one after another. Format: docs/recording.md."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec

from enphase_streaming.core.answers import is_event_stream
from enphase_streaming.core.arguments import shown
from enphase_streaming.core.arrivals import Repetitions
from enphase_streaming.core.exchange import Head
from enphase_streaming.core.reading import EventReader, Reading, parse_json
from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming.errors import InvalidArgument, MalformedEvent
from enphase_streaming.recording.recording import FORMAT, VERSION

_LONGEST_LINE = 2**24
"""Bytes; an event may be as long, so a client's `max_event_bytes` has room."""

_log = logging.getLogger("enphase_streaming")


class _Opened(msgspec.Struct):
    status: int
    content_type: str | None = None


class _Line(msgspec.Struct):
    at: Annotated[float, msgspec.Meta(ge=0)]
    open: _Opened | None = None
    data: bytes | None = msgspec.field(name="bytes", default=None)  # base64
    end: str | None = None


_decode_line = msgspec.json.Decoder(_Line).decode
_AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]


class RecordedWindow(msgspec.Struct):
    """One answer of the API in a recording, from its head to its end.

    `opened` and `ended` are aware UTC, `status` is the HTTP status, `readings` counts the readings
    returned so far. `reason` is how it ended, as in `stream.end`. `ended` and `reason` are None
    before that, and stay None where the recording breaks off.
    """

    opened: datetime
    status: int
    ended: datetime | None = None
    reason: str | None = None
    readings: int = 0


class _Body:
    """The body of one answer, and its readings, if it is an event stream."""

    def __init__(self, window: RecordedWindow, content_type: str | None) -> None:
        self.window = window
        head = Head(window.status, content_type)
        self._is_stream = window.status == 200 and is_event_stream(head)
        self._decoder = SSEDecoder(max_event_bytes=_LONGEST_LINE)
        self._reader = EventReader()

    def feed(self, chunk: bytes, arrived: datetime) -> Iterator[Reading]:
        """Yield the readings that `chunk` completes, up to an error envelope."""
        for event in self._decoder.feed(chunk) if self._is_stream else ():
            try:
                found = self._reader.read(event.data, arrived)
            except MalformedEvent:
                continue  # the stream skipped it as well
            if isinstance(found, Reading):
                yield found
            elif found is not None:
                self._is_stream = False
                return


class RecordedReadings(Iterator[Reading]):
    """The readings of a recording, as its stream delivered them; made by `read_recording`.

    `started` is when the recording began (aware UTC). `windows` lists the answers so far, the one
    of the latest reading last. `position` is the number of bytes read. After the last reading,
    `truncated` says whether the recording breaks off: in its last line, or in a window.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self.windows: list[RecordedWindow] = []
        self.position: int = 0
        self.truncated: bool = False
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self.started: datetime = self._read_head()
        except BaseException:
            self._file.close()
            raise
        self._readings = self._read()

    def __next__(self) -> Reading:
        return next(self._readings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; there are no more readings then."""
        self._readings.close()
        self._file.close()

    def _read_head(self) -> datetime:
        text = self._read_line()
        head: Any = parse_json(text.decode(errors="replace"))
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            what = "is empty" if not text else "is no recording"
            raise InvalidArgument(
                f"{self.path} {what}: `enphase-streaming record` and `record()` write one."
            )
        if head.get("version") != VERSION:
            raise InvalidArgument(
                f"{self.path} must be a recording of version {VERSION}, "
                f"got version {shown(head.get('version'))}."
            )
        try:
            return msgspec.convert(head.get("started"), _AwareDatetime).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError) as error:
            raise self._invalid(1, "started must be a time with a zone") from error

    def _read(self) -> Generator[Reading, None, None]:
        repetitions = Repetitions()
        body: _Body | None = None
        number = 1
        with self._file:
            while (text := self._read_line()).endswith(b"\n"):
                number += 1
                if text.isspace():
                    continue
                try:
                    line = _decode_line(text)
                    at = self.started + timedelta(seconds=line.at)
                except (msgspec.DecodeError, RecursionError, OverflowError) as error:
                    raise self._invalid(number, str(error)) from error
                if line.open is not None:
                    self.windows.append(RecordedWindow(at, line.open.status))
                    body = _Body(self.windows[-1], line.open.content_type)
                    repetitions.begin_window()
                elif line.data is not None:
                    if body is None:
                        raise self._invalid(number, "bytes without an open window")
                    for reading in body.feed(line.data, at):
                        if repetitions.is_new(reading):
                            body.window.readings += 1
                            yield reading
                elif body is not None and line.end is not None:
                    body.window.ended, body.window.reason, body = at, line.end, None
        if len(text) == _LONGEST_LINE:
            raise self._invalid(number + 1, f"a line must be shorter than {_LONGEST_LINE} bytes")
        self.truncated = bool(text) or body is not None
        if self.truncated:
            _log.warning("The recording %s breaks off in line %d.", self.path, number + 1)

    def _read_line(self) -> bytes:
        try:
            text = self._file.readline(_LONGEST_LINE)
        except OSError as error:
            raise self._unreadable(error) from error
        self.position += len(text)
        return text

    def _unreadable(self, error: OSError) -> InvalidArgument:
        return InvalidArgument(f"{self.path} cannot be read: {error.strerror}.")

    def _invalid(self, number: int, why: str) -> InvalidArgument:
        return InvalidArgument(f"{self.path}, line {number}, is no line of a recording: {why}.")


def read_recording(path: str | os.PathLike[str]) -> RecordedReadings:
    """Return the readings of a recording, in order, as its stream delivered them.

    The file is read as they are taken, and memory does not grow with it, except by one entry of
    `windows` for each answer. `arrived` is when a reading's bytes arrived. A recording of any size
    becomes a table in three lines, in pandas or polars::

        import pandas as pd
        with read_recording("site.jsonl") as readings:
            table = pd.DataFrame(reading.to_dict() for reading in readings)

    `pl.DataFrame([reading.to_dict() for reading in readings])` is polars' own.

    Raises:
        InvalidArgument: the file cannot be read or is no recording of this version. A line that
            is no line of a recording raises it when it is reached.
    """
    return RecordedReadings(path)
