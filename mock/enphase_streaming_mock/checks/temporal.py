"""Rules between readings that no schema can state: time, energy and power.

Each function takes the readings of one stream in order and returns one sentence for each violation
of its rule. Values that a reading lacks are skipped.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeGuard

# Timestamps below this are in seconds, others in milliseconds.
_SECONDS_BELOW = 100_000_000_000
_SUPPLIES = ("pv_power", "battery_power", "grid_power", "generator_power")
# Timestamps are whole milliseconds.
_MILLISECOND = 0.001


class Timed(NamedTuple):
    """A reading with its times.

    `arrived` is in seconds after the request. `measured` is in seconds since 1970, None if the
    event does not say.
    """

    arrived: float
    measured: float | None
    reading: Mapping[str, Any]

    @classmethod
    def of(cls, arrived: float, event: Mapping[str, Any]) -> "Timed":
        """Take the JSON of an event in the documented nesting."""
        epoch, reading = event.get("timestamp_epoch"), event.get("data")
        measured = in_seconds(epoch) if is_number(epoch) else None
        return cls(arrived, measured, reading if isinstance(reading, dict) else {})


Stream = Sequence[Timed]


def in_seconds(epoch: float) -> float:
    """Convert a timestamp in either published unit to seconds since 1970."""
    return epoch if epoch < _SECONDS_BELOW else epoch / 1000


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a JSON number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def count_faults(stream: Stream, duration: float, cadence: float = 1.0) -> list[str]:
    """Require one reading every `cadence` seconds for `duration` seconds, the first at once."""
    fitting = math.ceil(duration / cadence)
    if len(stream) == fitting:
        return []
    every = f"one every {cadence:g} s for {duration:g} s"
    return [f"{len(stream)} readings came, and not {fitting}: {every}"]


def order_faults(stream: Stream) -> list[str]:
    """Require each reading to be measured later than the one before."""
    return [
        f"reading {number + 1} was measured {-distance:.3f} s before reading {number}"
        if distance < 0
        else f"readings {number} and {number + 1} were measured at the same time"
        for number, distance in _distances(stream)
        if distance <= 0
    ]


def cadence_faults(stream: Stream, cadence: float = 1.0) -> list[str]:
    """Require readings to be measured `cadence` seconds apart, without a gap."""
    return [
        f"readings {number} and {number + 1} are {distance:.3f} s apart, and not {cadence:g} s"
        for number, distance in _distances(stream)
        if abs(distance - cadence) > 1.5 * _MILLISECOND
    ]


def balance_faults(stream: Stream) -> list[str]:
    """Require consumption to equal the sum of sun, battery, grid and generator."""
    faults = []
    for number, (_, _, reading) in enumerate(stream, 1):
        supplies = [value for name in _SUPPLIES if is_number(value := reading.get(name))]
        used = reading.get("consumption_power")
        if len(supplies) == len(_SUPPLIES) and is_number(used) and sum(supplies) != used:
            faults.append(
                f"reading {number}: {' + '.join(map(str, supplies))} W supplied, {used} W consumed"
            )
    return faults


def charge_faults(stream: Stream) -> list[str]:
    """Require the charge to fall only while the battery discharges, and rise while it charges."""
    known = [
        (number, reading["battery_power"], reading["battery_soc"])
        for number, (_, _, reading) in enumerate(stream, 1)
        if is_number(reading.get("battery_power")) and is_number(reading.get("battery_soc"))
    ]
    return [
        f"the charge goes from {charge} % at reading {before} to {later} % at reading {number} "
        f"while battery_power is {power} W"
        for (before, power, charge), (number, _, later) in pairwise(known)
        if (later - charge) * power > 0 or (power == 0 and later != charge)
    ]


def island_faults(stream: Stream) -> list[str]:
    """Require grid power to be zero while the site is off the grid."""
    return [
        f"reading {number}: grid_power is {reading['grid_power']} W while Off Grid"
        for number, (_, _, reading) in enumerate(stream, 1)
        if reading.get("grid_status") == "Off Grid"
        and reading.get("grid_power", 0) not in (0, None)
    ]


def end_faults(elapsed: float, duration: float, early: float, late: float) -> list[str]:
    """Require the stream to end after `duration` seconds, give or take `early` and `late`."""
    if -early <= elapsed - duration <= late:
        return []
    return [f"the stream ended after {elapsed:.1f} s, and not after {duration:g} s"]


def _distances(stream: Stream) -> list[tuple[int, float]]:
    """Return the seconds from each reading to the next, with the number of the first, from 1."""
    return [
        (number, later.measured - earlier.measured)
        for number, (earlier, later) in enumerate(pairwise(stream), 1)
        if earlier.measured is not None and later.measured is not None
    ]
