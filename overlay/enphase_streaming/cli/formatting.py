"""Readings and other values as text.

Strings of the API are untrusted: they are shown without control characters, and never as markup.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from enphase_streaming.core.reading import Reading

MISSING = "–"  # noqa: RUF001 - an en dash stands for a missing value

_ASCII = dict(zip("▁▂▃▄▅▆▇█●○→←·…–—’", "_.:-=+*#*o><.~--'", strict=True))  # noqa: RUF001 - as shown
ASCII_FALLBACK = "enphase-streaming-ascii"
"""The error handler of an output that cannot encode a character: a similar one of ASCII, or `?`."""


def _ascii_fallback(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_ASCII.get(character, "?") for character in text), error.end


codecs.register_error(ASCII_FALLBACK, _ascii_fallback)


class Flow(NamedTuple):
    """A power of the site, with a word and a colour for each sign."""

    field: str
    label: str
    positive: tuple[str, str]
    negative: tuple[str, str] = ("", "red")

    @property
    def signed(self) -> bool:
        """Whether negative values are a direction, and not an error."""
        return bool(self.negative[0])

    def watts(self, reading: Reading) -> int | None:
        """Return the measured power in watts."""
        value: int | None = getattr(reading, self.field)
        return value

    def amount(self, watts: int | None) -> str:
        """Return the power, without a sign that the direction already tells."""
        if watts is None:
            return MISSING
        return f"{abs(watts) if self.signed else watts} W"

    def direction(self, watts: int | None) -> tuple[str, str, str]:
        """Return an arrow to the house or away from it, a word and a style."""
        if not watts:
            return " ", "idle" if self.signed and watts == 0 else "", "dim"
        word, style = self.positive if watts > 0 else self.negative
        arrow = "→" if watts > 0 else "←"
        return arrow if word else " ", word, style


_FLOWS = (
    Flow("pv_power", "Solar", ("producing", "yellow")),
    Flow("consumption_power", "Consumption", ("", "cyan")),
    Flow("battery_power", "Battery", ("discharging", "magenta"), ("charging", "green")),
    Flow("grid_power", "Grid", ("import", "red"), ("export", "green")),
)
_GENERATOR = Flow("generator_power", "Generator", ("running", "blue"))


def flows(readings: Sequence[Reading]) -> Sequence[Flow]:
    """Return the powers to show; the generator is one of them if it ran in any of `readings`."""
    return [*_FLOWS, _GENERATOR] if any(each.generator_power for each in readings) else _FLOWS


FLOW_NAMES = {
    "pv_power": "Solar",
    "consumption_power": "Consumption",
    "grid_import": "Grid import",
    "grid_export": "Grid export",
    "battery_charging": "Battery charging",
    "battery_discharging": "Battery discharging",
    "generator_power": "Generator",
}
"""The flows of `sum_energy`."""
_COLUMNS = "{:8} {:>7} {:>11} {:>7} {:11} {:>7} {:6} {:>6} {:>9}"
"""80 columns: time, powers, with a word for the direction of two of them, charge, generator."""


class PlainLines:
    """Formats readings as rows of a table.

    A heading with the date, the grid status and the battery mode precedes the first row, and each
    row for which one of these differs from the row before.
    """

    def __init__(self) -> None:
        self._heading = ""

    def __call__(self, reading: Reading) -> str:
        """Return the row of the next reading, below a heading if it needs one."""
        at = local_time(reading)
        columns = [("Time", f"{at:%H:%M:%S}")]
        for flow in _FLOWS:
            watts = flow.watts(reading)
            columns.append((flow.label, flow.amount(watts)))
            if flow.signed:
                _, word, _ = flow.direction(watts)
                columns.append(("", word))
        columns.append(("Charge", percent(reading.battery_soc)))
        watts = reading.generator_power
        columns.append((_GENERATOR.label, _GENERATOR.amount(watts)) if watts else ("", ""))
        titles, row = (_COLUMNS.format(*each).rstrip() for each in zip(*columns, strict=True))
        state = f"{at:%Y-%m-%d}  {clean(reading.grid_status)}  {clean(reading.battery_mode)}"
        before, self._heading = self._heading, f"{state}\n{titles}\n"
        return row if before == self._heading else self._heading + row


def as_json_line(reading: Reading) -> str:
    """Return a reading as one line of JSON, with the names of the API."""
    return json.dumps(reading.to_dict())


def clean(text: str | None, *, longest: int = 40) -> str:
    """Return a string of the API as one line that is safe to print."""
    if not text:
        return MISSING
    safe = printable(text[: longest + 1])
    return safe if len(safe) <= longest else safe[: longest - 1] + "…"


def printable(text: str) -> str:
    """Return text without control characters and line breaks."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def local(moment: datetime) -> datetime:
    """Return a moment in the local time zone; unchanged if that would leave the calendar."""
    try:
        return moment.astimezone()
    except (OverflowError, OSError):  # Windows has no local time before 1970
        return moment


def local_time(reading: Reading) -> datetime:
    """Return the local time at which a reading was measured, else arrived."""
    return local(reading.timestamp or reading.arrived)


def percent(value: int | None) -> str:
    """Return a value in percent."""
    return MISSING if value is None else f"{value} %"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 reading` or `2,000 readings`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
