"""Values as text: what a person reads of a reading.

Strings of the wire are an open set from an untrusted place. They are shown without the characters
that could steer a terminal, and never as markup.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from enphase_streaming.core.reading import Reading

MISSING = "–"  # noqa: RUF001 - an en dash, the sign for a value that is not there


class Direction(NamedTuple):
    """Where a power flows: the arrow points to the house or away from it."""

    arrow: str
    word: str
    style: str


class Flow(NamedTuple):
    """A power of the site, with what a positive and what a negative value means."""

    field: str
    label: str
    short: str
    positive: Direction
    negative: Direction
    signed: bool = False

    def watts(self, reading: Reading) -> int | None:
        """Return the power as it was measured, in watts."""
        value: int | None = getattr(reading, self.field)
        return value

    def amount(self, watts: int | None) -> str:
        """Return the power without the sign that the direction stands for."""
        if watts is None:
            return MISSING
        return f"{abs(watts) if self.signed else watts} W"

    def direction(self, watts: float | None) -> Direction:
        """Return where the power flows; nowhere if it is 0 or unknown."""
        if not watts:
            return Direction(" ", "idle" if self.signed and watts == 0 else "", "dim")
        return self.positive if watts > 0 else self.negative


_BACKWARDS = Direction(" ", "", "red")

FLOWS = (
    Flow("pv_power", "Solar", "pv", Direction("→", "producing", "yellow"), _BACKWARDS),
    Flow("consumption_power", "Consumption", "load", Direction(" ", "", "cyan"), _BACKWARDS),
    Flow(
        "battery_power",
        "Battery",
        "battery",
        Direction("→", "discharging", "magenta"),
        Direction("←", "charging", "green"),
        signed=True,
    ),
    Flow(
        "grid_power",
        "Grid",
        "grid",
        Direction("→", "import", "red"),
        Direction("←", "export", "green"),
        signed=True,
    ),
)
GENERATOR = Flow(
    "generator_power", "Generator", "generator", Direction("→", "running", "blue"), _BACKWARDS
)


def clean(text: str | None, *, longest: int = 40) -> str:
    """Return a string of the wire for one line of a terminal."""
    if not text:
        return MISSING
    safe = "".join(letter if letter.isprintable() else "�" for letter in text[: longest + 1])
    return safe if len(safe) <= longest else safe[: longest - 1] + "…"


def local(moment: datetime) -> datetime:
    """Return a moment in this machine's time zone, but for the first and the last day there is."""
    try:
        return moment.astimezone()
    except OverflowError:
        return moment


def clock_time(reading: Reading) -> str:
    """Return when the reading was measured, else when it arrived, in this machine's time zone."""
    return f"{local(reading.timestamp or reading.arrived):%H:%M:%S}"


def day(reading: Reading) -> str:
    """Return the date of that moment."""
    return f"{local(reading.timestamp or reading.arrived):%Y-%m-%d}"


def percent(value: int | None) -> str:
    """Return a share in percent."""
    return MISSING if value is None else f"{value} %"
