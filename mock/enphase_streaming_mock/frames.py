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
# Stands where an event's milliseconds belong, until they are known: no line of one is empty.
_MILLISECONDS = "\n\n"
# A present-day timestamp below this counts seconds, one above it milliseconds.
_SECONDS_BELOW = 100_000_000_000

_UNKNOWN = {"evse_power": 0, "firmware": {"channel": "stable", "parts": [1, 2]}}


def preamble(wire: Wire) -> bytes:
    """What comes before the first event or comment."""
    start = "\ufeff" if wire.bom else ""
    return (
        start if wire.retry is None else start + _field(wire, "retry", str(wire.retry))
    ).encode()


def reading_text(wire: Wire, reading: Mapping[str, object]) -> str:
    """Write a reading as JSON."""
    if wire.numbers != "integers":
        written = float if wire.numbers == "floats" else str
        reading = {
            name: written(value) if type(value) is int else value for name, value in reading.items()
        }
    return _json({**reading, **_UNKNOWN} if wire.unknown_fields else reading)


def event(wire: Wire, reading: str, moment: datetime) -> bytes:
    """Write a reading's text, measured at `moment` (aware), as an event with its blank line."""
    second, milliseconds = divmod(timestamp_epoch(moment), 1000)
    return (b"%03d" % milliseconds).join(event_parts(wire, reading, second))


def event_parts(wire: Wire, reading: str, second: int) -> tuple[bytes, ...]:
    """Write an event of a second since 1970, in the parts between which its milliseconds belong.

    So much is the same in all streams that are open at once; joined by three digits it is an event.
    """
    stamp = f"{second}{_MILLISECONDS}"
    utc = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
    body = (
        f'{{"data":{reading},"timestamp_epoch":{second if wire.epoch == "seconds" else stamp},'
        f'"timestamp_utc":"{utc}.{_MILLISECONDS}","type":"response"'
    )
    body += ',"schema_version":2}' if wire.unknown_fields else "}"
    lines = _lines(wire, f'{{"data":{body}}}' if wire.nesting == "outer" else body, stamp)
    *parts, last = lines.split(_MILLISECONDS)
    return tuple(part.encode() for part in (*parts, last + wire.newline))


def frame(wire: Wire, data: str, moment: datetime) -> bytes:
    """Put one line of text into an event, with the fields that the wire gives every event."""
    return (_lines(wire, data, str(timestamp_epoch(moment))) + wire.newline).encode()


def keep_alive(wire: Wire) -> bytes:
    """A comment by itself, which no client is to notice."""
    return (_comment(wire, "keep-alive") + wire.newline).encode()


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


def _lines(wire: Wire, data: str, stamp: str) -> str:
    lines = _comment(wire, "next") if wire.comments else ""
    if wire.event_name is not None:
        lines += _field(wire, "event", wire.event_name)
    if wire.ids:
        lines += _field(wire, "id", stamp)
    return lines + _field(wire, "data", data)


def _field(wire: Wire, name: str, value: str) -> str:
    colon = ": " if wire.colon_space else ":"
    return f"{name}{colon}{value}{wire.newline}"


def _comment(wire: Wire, text: str) -> str:
    return _field(wire, "", text)


# Compiled once: json.dumps with options builds an encoder on every call.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
