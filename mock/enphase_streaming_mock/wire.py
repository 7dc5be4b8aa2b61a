"""How readings are written as events, and when they are sent.

The most likely form is the default. No recording of a real stream is public, so a client has to
accept each of the others, in any combination.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import msgspec.json

from enphase_streaming_mock.validation import check_choice, check_fields, check_options

# The bounds of each number, in the option's unit.
_BOUNDS: dict[str, tuple[float, float]] = {
    "retry": (0, 3_600_000),
    "keep_alive": (0.05, 600.0),
    "warm_up": (0.0, 600.0),
    "cadence": (0.01, 600.0),
    "jitter": (0.0, 600.0),
    "stall_after": (1, 1_000_000),
    "stall": (0.0, 600.0),
    "cut_every": (1, 1_000_000),
}
_ONE_LINE = re.compile(r"[^\r\n\ud800-\udfff]+")  # nor half a character, which nothing can encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN_FIELDS = {"evse_power": 0, "firmware": {"channel": "stable", "parts": [1, 2]}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    r"""How events are written, and when; ValueError for options out of range or in contradiction.

    Args:
        nesting: "inner" is `{"data": reading, "timestamp_epoch": …}`; "outer" wraps that in one
            more `{"data": …}`, as the published example may be read.
        colon_space: Write a space after `data:`.
        newline: LF, CRLF or CR.
        bom: Begin the stream with a byte order mark.
        retry: Begin the stream with a reconnection time, in ms.
        event_name: Give every event this name; `ids` an id, and `comments` a comment.
        epoch: Count `timestamp_epoch` in "milliseconds" or "seconds".
        numbers: Write a reading's integers as "integers", "floats" or "strings".
        unknown_fields: Add fields that the document does not have.
        warm_up: Seconds until the first event; then one comes each `cadence`, each up to `jitter`
            late, and none after the stream's duration.
        stall_after: After each so many events send nothing for `stall` seconds, then all that was
            held back at once.
        keep_alive: Send a comment every so many seconds.
        cut_every: End a chunk at each multiple of so many bytes of the body, or at the offsets
            `cut_at`; by default an event is a chunk.
    """

    nesting: Literal["inner", "outer"] = "inner"
    colon_space: bool = False
    newline: Literal["\n", "\r\n", "\r"] = "\n"
    bom: bool = False
    retry: int | None = None
    event_name: str | None = None
    ids: bool = False
    comments: bool = False
    epoch: Literal["milliseconds", "seconds"] = "milliseconds"
    numbers: Literal["integers", "floats", "strings"] = "integers"
    unknown_fields: bool = False
    warm_up: float = 0.0
    cadence: float = 1.0
    jitter: float = 0.0
    stall_after: int | None = None
    stall: float = 0.0
    keep_alive: float | None = None
    cut_every: int | None = None
    cut_at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, _BOUNDS)
        if self.event_name is not None and not _ONE_LINE.fullmatch(self.event_name):
            raise ValueError(f"event_name must be one line of text, got {self.event_name!r}.")
        offsets: object = self.cut_at
        if not isinstance(offsets, tuple) or any(type(at) is not int or at < 1 for at in offsets):
            raise ValueError(f"cut_at must be a tuple of byte offsets above 0, got {offsets!r}.")
        if self.cut_at and self.cut_every is not None:
            raise ValueError("cut_at and cut_every contradict each other: pass one of them.")
        if (self.stall_after is None) != (self.stall == 0):
            raise ValueError(
                "stall_after and stall must be given together, "
                f"got stall_after={self.stall_after!r} and stall={self.stall!r}."
            )

    @property
    def preamble(self) -> bytes:
        """What is sent before the first event or comment."""
        retry = "" if self.retry is None else self._field("retry", str(self.retry))
        return (("\ufeff" if self.bom else "") + retry).encode()

    @property
    def heartbeat(self) -> bytes:
        """A comment by itself, as `keep_alive` sends it."""
        return (self._field("", "keep-alive") + self.newline).encode()

    def event(self, reading: Mapping[str, object], moment: datetime) -> bytes:
        """Write a reading, measured at `moment` (aware), as an event with its blank line."""
        if self.numbers != "integers":
            write = float if self.numbers == "floats" else str
            reading = {
                name: write(value) if type(value) is int else value
                for name, value in reading.items()
            }
        if self.unknown_fields:
            reading = {**reading, **_UNKNOWN_FIELDS}
        epoch, utc = timestamps(moment)
        body: dict[str, object] = {
            "data": reading,
            "timestamp_epoch": epoch // 1000 if self.epoch == "seconds" else epoch,
            "timestamp_utc": utc,
            "type": "response",
        }
        if self.unknown_fields:
            body["schema_version"] = 2
        return self.frame(to_json({"data": body} if self.nesting == "outer" else body), moment)

    def frame(self, data: str, moment: datetime) -> bytes:
        """Write one line of text as an event, with the fields that every event has."""
        lines = self._field("", "next") if self.comments else ""
        if self.event_name is not None:
            lines += self._field("event", self.event_name)
        if self.ids:
            lines += self._field("id", str(timestamps(moment)[0]))
        return (lines + self._field("data", data) + self.newline).encode()

    def _field(self, name: str, value: str) -> str:
        colon = ": " if self.colon_space else ":"
        return f"{name}{colon}{value}{self.newline}"


def timestamps(moment: datetime) -> tuple[int, str]:
    """Return the milliseconds since 1970, and `YYYY-MM-DD HH:MM:SS.mmm` in UTC without a zone."""
    since = moment - _EPOCH
    second, millisecond = since.days * 86_400 + since.seconds, since.microseconds // 1000
    return second * 1000 + millisecond, f"{_utc(second)}.{millisecond:03}"


@lru_cache(maxsize=16)  # all streams of a second share it
def _utc(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).replace(tzinfo=None).isoformat(" ")


def to_json(value: object) -> str:
    """Return a value as JSON without spaces."""
    return msgspec.json.encode(value).decode()


WIRES = {
    "plain": Wire(),
    "published": Wire(nesting="outer", colon_space=True),
    "windows": Wire(newline="\r\n", bom=True),
    "chatty": Wire(
        event_name="live_data", ids=True, comments=True, retry=3_000, keep_alive=5.0, newline="\r\n"
    ),
    "drifting": Wire(numbers="strings", epoch="seconds", unknown_fields=True),
    "bursts": Wire(warm_up=4.0, jitter=0.5, stall_after=8, stall=8.0, keep_alive=3.0),
    "bytewise": Wire(cut_every=1),
}
"""Wires by name."""


def make_wire(wire: object, options: Mapping[str, Any]) -> Wire:
    """Return the wire for what a user passed: a `Wire`, the name of one, or the options of one.

    Raises ValueError if it is none of these.
    """
    if wire is not None and options:
        raise ValueError("wire and single options contradict each other: pass one of them.")
    if isinstance(wire, Wire):
        return wire
    if wire is not None:
        check_choice("wire", wire, tuple(WIRES))
        return WIRES[str(wire)]
    check_options(options, *(each.name for each in fields(Wire)))
    return Wire(**options)
