"""Energy from readings: watts over time, with gaps left out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from enphase_streaming.core.arguments import seconds
from enphase_streaming.core.reading import Reading

LONGEST_STEP = 10.0
"""Seconds. Enphase has not published how often readings come; a second apart is usual."""
FLOWS = (
    "pv_power",
    "consumption_power",
    "grid_import",
    "grid_export",
    "battery_charging",
    "battery_discharging",
    "generator_power",
)
"""The powers of a reading that are summed: a flow with two directions is summed by direction."""
_MOST_WATTS = 10**12
"""A larger number is no power of a site, and JSON has numbers that no float can hold."""


class FlowEnergy(NamedTuple):
    """The energy of one flow in kWh, and the hours for which it was measured."""

    kwh: float
    hours: float


class Gap(NamedTuple):
    """A time without readings (aware). `until` is earlier where the site's clock was set back."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        """Its length, negative where the clock was set back."""
        return (self.until - self.since).total_seconds()


class Energy(msgspec.Struct):
    """What `sum_energy` found. `flows` lacks those that no two readings in a row measured.

    `since` and `until` are the times of the first and the last reading, None without a reading.
    """

    flows: dict[str, FlowEnergy]
    gaps: list[Gap]
    since: datetime | None = None
    until: datetime | None = None


def sum_energy(readings: Iterable[Reading], *, longest_step: float = LONGEST_STEP) -> Energy:
    """Return the energy of each flow, from the powers of readings in the order they came.

    Between two readings, the power is the mean of both. Readings more than `longest_step` seconds
    apart have a gap between them, which adds nothing to any flow; so does a step back in time. A
    power that is None, or beyond 1 TW, adds nothing to its own flow.

    Args:
        readings: of a stream, a watch, or `read_recording`. They are not kept.
        longest_step: in seconds, above 0, at most 86400.

    Returns:
        The energy by the name of the flow: `pv_power`, `consumption_power`, `grid_import`,
        `grid_export`, `battery_charging`, `battery_discharging` and `generator_power`. Times are
        `timestamp`, or `arrived` of a reading without one.
    """
    longest_step = seconds("longest_step", longest_step)
    joules = dict.fromkeys(FLOWS, 0.0)
    measured = dict.fromkeys(FLOWS, 0.0)
    energy = Energy({}, [])
    last: dict[str, int | None] = {}
    for reading in readings:
        at = reading.timestamp or reading.arrived
        powers = {flow: usable_power(getattr(reading, flow)) for flow in FLOWS}
        if energy.until is None:
            energy.since = at
        elif 0 <= (step := (at - energy.until).total_seconds()) <= longest_step:
            for flow, now in powers.items():
                before = last[flow]
                if before is not None and now is not None:
                    joules[flow] += (before + now) / 2 * step
                    measured[flow] += step
        else:
            energy.gaps.append(Gap(energy.until, at))
        energy.until, last = at, powers
    for flow, time in measured.items():
        if time:
            energy.flows[flow] = FlowEnergy(joules[flow] / 3_600_000, time / 3600)
    return energy


def usable_power(watts: int | None) -> int | None:
    """Return a power, None for one that is no power of a site."""
    return None if watts is None or abs(watts) > _MOST_WATTS else watts
