"""What holds from reading to reading and no schema says: time, energy and power.

Each function takes the readings of one stream, in order, and says in plain words where they depart
from its rule; nothing if they keep it. Values that a reading lacks are passed over.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeGuard

# A present-day timestamp below this counts seconds, one above it milliseconds.
_SECONDS_BELOW = 100_000_000_000
_SUPPLIES = ("pv_power", "battery_power", "grid_power", "generator_power")
# Timestamps are whole milliseconds.
_MILLISECOND = 0.001


class Timed(NamedTuple):
    """A reading, when it arrived (s after the request) and when it was measured (s since 1970).

    `measured` is None where the event does not say.
    """

    arrived: float
    measured: float | None
    reading: Mapping[str, Any]

    @classmethod
    def of(cls, arrived: float, event: Mapping[str, Any]) -> "Timed":
        """Take the JSON of an event as the document has it."""
        epoch, reading = event.get("timestamp_epoch"), event.get("data")
        measured = in_seconds(epoch) if is_number(epoch) else None
        return cls(arrived, measured, reading if isinstance(reading, dict) else {})


Stream = Sequence[Timed]


def in_seconds(epoch: float) -> float:
    """A timestamp in seconds since 1970, whichever of the two published units it is in."""
    return epoch if epoch < _SECONDS_BELOW else epoch / 1000


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number of JSON, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def count_faults(stream: Stream, duration: float, cadence: float = 1.0) -> list[str]:
    """As many readings as fit in `duration`, one each `cadence`, the first at its start."""
    fitting = math.ceil(duration / cadence)
    if len(stream) == fitting:
        return []
    return [f"{len(stream)} readings came; one each {cadence:g} s for {duration:g} s is {fitting}"]


def order_faults(stream: Stream) -> list[str]:
    """Each reading is measured later than the one before: none comes twice, none goes back."""
    return [
        f"reading {number + 1} was measured {-distance:.3f} s before reading {number}"
        if distance < 0
        else f"readings {number} and {number + 1} were measured at the same moment"
        for number, distance in _distances(stream)
        if distance <= 0
    ]


def cadence_faults(stream: Stream, cadence: float = 1.0) -> list[str]:
    """Readings are measured `cadence` seconds apart, so that no gap is among them."""
    return [
        f"{distance:.3f} s lie between readings {number} and {number + 1}, and not {cadence:g} s"
        for number, distance in _distances(stream)
        if abs(distance - cadence) > 1.5 * _MILLISECOND
    ]


def balance_faults(stream: Stream) -> list[str]:
    """What the site consumes is what sun, battery, grid and generator give."""
    faults = []
    for number, (_, _, reading) in enumerate(stream, 1):
        supplies = [value for name in _SUPPLIES if is_number(value := reading.get(name))]
        used = reading.get("consumption_power")
        if len(supplies) == len(_SUPPLIES) and is_number(used) and sum(supplies) != used:
            faults.append(
                f"reading {number}: {' + '.join(map(str, supplies))} W are given, {used} W consumed"
            )
    return faults


def charge_faults(stream: Stream, capacity: float | None = None) -> list[str]:
    """The state of charge falls only while the battery gives, and rises only while it takes.

    With the battery's `capacity` (J) it also has to keep up with the energy that was moved, to a
    percent, which is what it is rounded to.
    """
    known = [
        (number, at, reading["battery_power"], reading["battery_soc"])
        for number, (_, at, reading) in enumerate(stream, 1)
        if at is not None
        and is_number(reading.get("battery_power"))
        and is_number(reading.get("battery_soc"))
    ]
    faults, given = [], 0.0
    for (before, at, power, charge), (number, later, _, next_charge) in pairwise(known):
        if (next_charge - charge) * power > 0 or (power == 0 and next_charge != charge):
            faults.append(
                f"the charge goes from {charge} % at reading {before} to {next_charge} % at "
                f"reading {number} while battery_power is {power} W"
            )
        given += power * (later - at)
        if capacity is not None:
            moved = next_charge - known[0][3]
            due = -100 * given / capacity
            if abs(moved - due) > 1:
                faults.append(
                    f"the charge has changed by {moved} % at reading {number}; "
                    f"the battery's power makes that {due:.1f} %"
                )
    return faults


def island_faults(stream: Stream) -> list[str]:
    """No power comes from the grid, and none goes there, while the site is off it."""
    return [
        f"reading {number}: grid_power is {reading['grid_power']} W while Off Grid"
        for number, (_, _, reading) in enumerate(stream, 1)
        if reading.get("grid_status") == "Off Grid"
        and reading.get("grid_power", 0) not in (0, None)
    ]


def end_faults(elapsed: float, duration: float, early: float, late: float) -> list[str]:
    """The stream ends when `duration` is over; so many seconds earlier or later is on time."""
    if -early <= elapsed - duration <= late:
        return []
    return [f"the stream ended after {elapsed:.1f} s, and not after {duration:g} s"]


def _distances(stream: Stream) -> list[tuple[int, float]]:
    """The seconds from each reading to the next, with the number of the first of them, from 1."""
    return [
        (number, later.measured - earlier.measured)
        for number, (earlier, later) in enumerate(pairwise(stream), 1)
        if earlier.measured is not None and later.measured is not None
    ]
