"""Readings and errors as bytes. The likely form of the wire is the default; the rest are options.

Nobody has published a recorded stream, so a client has to cope with each of these forms.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

_CHOICES = {
    "nesting": ("inner", "outer"),
    "colon_space": (False, True),
    "newline": ("\n", "\r\n", "\r"),
    "bom": (False, True),
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# A present-day timestamp below this counts seconds, one above it milliseconds.
_SECONDS_BELOW = 100_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    r"""How an event is written.

    `nesting`: "inner" is `{"data": reading, "timestamp_epoch": …}`; "outer" wraps that in one more
    `{"data": …}`, as the published example may be read. `colon_space` writes `data: ` for `data:`.
    `newline` is LF, CRLF or CR. `bom` puts a byte order mark before the stream.
    """

    nesting: Literal["inner", "outer"] = "inner"
    colon_space: bool = False
    newline: Literal["\n", "\r\n", "\r"] = "\n"
    bom: bool = False

    def __post_init__(self) -> None:
        for option, choices in _CHOICES.items():
            value = getattr(self, option)
            if value not in choices:
                allowed = ", ".join(map(repr, choices))
                raise ValueError(f"{option} is {value!r}; choose from {allowed}")

    @property
    def preamble(self) -> bytes:
        """What comes before the first event."""
        return b"\xef\xbb\xbf" if self.bom else b""

    def event(self, reading: Mapping[str, object], moment: datetime) -> bytes:
        """Write one reading, measured at `moment` (aware), as an event with its blank line."""
        body: dict[str, Any] = {
            "data": reading,
            "timestamp_epoch": timestamp_epoch(moment),
            "timestamp_utc": timestamp_utc(moment),
            "type": "response",
        }
        if self.nesting == "outer":
            body = {"data": body}
        field = "data: " if self.colon_space else "data:"
        return f"{field}{_json(body)}{self.newline}{self.newline}".encode()


def error_body(example: Mapping[str, Any], moment: datetime) -> bytes:
    """Write a documented error as it would be sent at `moment`, in the unit of its example."""
    epoch = timestamp_epoch(moment)
    if example["timestamp_epoch"] < _SECONDS_BELOW:
        epoch //= 1000
    stamped = {**example, "timestamp_epoch": epoch, "timestamp_utc": timestamp_utc(moment)}
    return _json(stamped).encode()


def timestamp_epoch(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def timestamp_utc(moment: datetime) -> str:
    """The moment as `YYYY-MM-DD HH:MM:SS.mmm`, in UTC and without naming it."""
    return moment.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


# Compiled once: json.dumps with options builds an encoder on every call.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
