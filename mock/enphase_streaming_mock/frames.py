"""Readings, errors and comments as the bytes of an event stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from enphase_streaming_mock.wire import Wire

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# A present-day timestamp below this counts seconds, one above it milliseconds.
_SECONDS_BELOW = 100_000_000_000

_UNKNOWN = {"evse_power": 0, "firmware": {"channel": "stable", "parts": [1, 2]}}


def preamble(wire: Wire) -> bytes:
    """What comes before the first event or comment."""
    start = b"\xef\xbb\xbf" if wire.bom else b""
    return start if wire.retry is None else start + _field(wire, "retry", str(wire.retry))


def reading_text(wire: Wire, reading: Mapping[str, object]) -> str:
    """Write a reading as JSON: what all streams that are open in one second have in common."""
    if wire.numbers != "integers":
        written = float if wire.numbers == "floats" else str
        reading = {
            name: written(value) if type(value) is int else value for name, value in reading.items()
        }
    return _json({**reading, **_UNKNOWN} if wire.unknown_fields else reading)


def event(wire: Wire, reading: str, moment: datetime) -> bytes:
    """Write a reading's text, measured at `moment` (aware), as an event with its blank line."""
    epoch = timestamp_epoch(moment)
    if wire.epoch == "seconds":
        epoch //= 1000
    body = (
        f'{{"data":{reading},"timestamp_epoch":{epoch},'
        f'"timestamp_utc":"{timestamp_utc(moment)}","type":"response"'
    )
    body += ',"schema_version":2}' if wire.unknown_fields else "}"
    return frame(wire, f'{{"data":{body}}}' if wire.nesting == "outer" else body, moment)


def frame(wire: Wire, data: str, moment: datetime) -> bytes:
    """Put one line of text into an event, with the fields that the wire gives every event."""
    before = _comment(wire, "next") if wire.comments else b""
    if wire.event_name is not None:
        before += _field(wire, "event", wire.event_name)
    if wire.ids:
        before += _field(wire, "id", str(timestamp_epoch(moment)))
    return before + _field(wire, "data", data) + wire.newline.encode()


def keep_alive(wire: Wire) -> bytes:
    """A comment by itself, which no client is to notice."""
    return _comment(wire, "keep-alive") + wire.newline.encode()


def error_body(example: Mapping[str, Any], moment: datetime) -> str:
    """Write a documented error as it would be sent at `moment`, in the unit of its example."""
    epoch = timestamp_epoch(moment)
    if example["timestamp_epoch"] < _SECONDS_BELOW:
        epoch //= 1000
    return _json({**example, "timestamp_epoch": epoch, "timestamp_utc": timestamp_utc(moment)})


def timestamp_epoch(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def timestamp_utc(moment: datetime) -> str:
    """The moment as `YYYY-MM-DD HH:MM:SS.mmm`, in UTC and without naming it."""
    return moment.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


def _field(wire: Wire, name: str, value: str) -> bytes:
    colon = ": " if wire.colon_space else ":"
    return f"{name}{colon}{value}{wire.newline}".encode()


def _comment(wire: Wire, text: str) -> bytes:
    return _field(wire, "", text)


# Compiled once: json.dumps with options builds an encoder on every call.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
