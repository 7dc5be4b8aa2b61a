"""How readings are written and when they are sent: the options of the wire.

The likely form is the default. Nobody has published a recorded stream, so a client has to cope with
each of the others, in any combination.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from enphase_streaming_mock import frames
from enphase_streaming_mock.given import check_choice, check_number, is_text

_CHOICES = {
    "nesting": ("inner", "outer"),
    "colon_space": (False, True),
    "newline": ("\n", "\r\n", "\r"),
    "bom": (False, True),
    "ids": (False, True),
    "comments": (False, True),
    "epoch": ("milliseconds", "seconds"),
    "numbers": ("integers", "floats", "strings"),
    "unknown_fields": (False, True),
}
# From and to, in the option's unit; whole numbers where both are.
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
_OPTIONAL = ("retry", "keep_alive", "stall_after", "cut_every")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    r"""How events are written, and when.

    What they look like: `nesting` "inner" is `{"data": reading, "timestamp_epoch": …}`; "outer"
    wraps that in one more `{"data": …}`, as the published example may be read. `colon_space` writes
    `data: ` for `data:`. `newline` is LF, CRLF or CR. `bom` puts a byte order mark before the
    stream, `retry` a reconnection time in milliseconds. `event_name` and `ids` give every event
    these fields, `comments` a comment line. `epoch` counts "milliseconds" or "seconds". `numbers`
    writes a reading's integers as "integers", "floats" or "strings"; `unknown_fields` adds some.

    When they come, in seconds: the first one after `warm_up`, then one each `cadence`, each up to
    `jitter` late; after each `stall_after` events nothing for `stall`, then all that was held back
    at once. None comes after the stream's duration. A comment comes each `keep_alive`.

    In what pieces: an event is a chunk, or chunks end at each multiple of `cut_every` bytes, or at
    the offsets `cut_at`, both counted from the start of the body.

    Raises ValueError that names the option and its choices.
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
        for option, choices in _CHOICES.items():
            check_choice(option, getattr(self, option), choices)
        for option, (least, most) in _BOUNDS.items():
            if (value := getattr(self, option)) is not None or option not in _OPTIONAL:
                check_number(option, value, least, most)
        name = self.event_name
        if name is not None and not (is_text(name) and set(name).isdisjoint("\r\n")):
            raise ValueError(f"event_name is {name!r}; give one line of text, or None")
        if not _are_offsets(self.cut_at):
            raise ValueError(f"cut_at is {self.cut_at!r}; give a tuple of byte offsets above 0")
        if self.cut_at and self.cut_every is not None:
            raise ValueError("cut_at and cut_every contradict each other; give one of them")
        if (self.stall_after is None) != (self.stall == 0):
            raise ValueError(
                f"stall_after is {self.stall_after!r} and stall is {self.stall!r}; "
                "a stall needs both: after how many events, and for how many seconds"
            )

    @property
    def preamble(self) -> bytes:
        """What comes before the first event or comment."""
        return frames.preamble(self)

    def event(self, reading: Mapping[str, object], moment: datetime) -> bytes:
        """Write one reading, measured at `moment` (aware), as an event with its blank line."""
        return frames.event(self, frames.reading_text(self, reading), moment)


def _are_offsets(value: object) -> bool:
    return isinstance(value, tuple) and all(type(each) is int and each > 0 for each in value)


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
"""Wires by name, for a person who starts the mock by hand."""


def make_wire(wire: object, options: Mapping[str, Any]) -> Wire:
    """Take a wire as users give it: a `Wire`, the name of one, or the options of one.

    Raises ValueError that names the option and its choices.
    """
    if wire is not None and options:
        raise ValueError("wire and single options contradict each other; give one of them")
    if isinstance(wire, str):
        if wire not in WIRES:
            raise ValueError(f"there is no wire {wire!r}; choose from {', '.join(WIRES)}")
        return WIRES[wire]
    if wire is not None:
        if not isinstance(wire, Wire):
            raise ValueError(f"wire is {wire!r}; give an enphase_streaming_mock.Wire")
        return wire
    known = [each.name for each in fields(Wire)]
    for name in options:
        if name not in known:
            raise ValueError(f"there is no option {name!r}; choose from {', '.join(known)}")
    return Wire(**options)
