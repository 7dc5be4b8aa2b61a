"""What happens at a site: each scenario says how sun, house and grid behave as time passes.

Write your own as a subclass of `Scenario`; only `conditions` has to say something new.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar

STEP = 5  # seconds for which conditions hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What the site meets for the next `STEP` seconds.

    `sun` is the share of the array's peak power, 0 to 1. `load` is what the house asks for, in W.
    `islanded` is whether the site is cut off, whatever `grid_status` says about it. `reserve` is
    the charge that the battery keeps for an outage while the grid is there, in percent.
    """

    sun: float
    load: int
    generator: int = 0
    islanded: bool = False
    grid_status: str = "On Grid"
    battery_mode: str = "Self-consumption"
    reserve: int = 20


class Scenario:
    """A day at a house with solar and a battery, under a clear sky.

    `hour` is the hour of day at the site when the mock starts (0 to 24), whatever the hour is where
    it runs; `charge` is the battery's state of charge at that moment, in percent. The same `seed`
    gives the same day.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    hour: ClassVar[float] = 12.0
    charge: ClassVar[int] = 50

    def __init__(self, seed: int = 0) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"seed is {seed!r}; give a whole number")
        self.seed = seed

    def conditions(self, second: int) -> Conditions:
        """Say what the site meets from `second` on, counted from the mock's start."""
        hour = self.hour_of_day(second)
        return Conditions(sun=clear_sky(hour), load=self.load(second))

    def hour_of_day(self, second: int) -> float:
        """The hour at the site, 0 to 24."""
        return (self.hour + second / 3600) % 24

    def load(self, second: int) -> int:
        """What an ordinary house asks for, in W: a base, mornings, evenings, and appliances."""
        hour = self.hour_of_day(second)
        watts = 320 + 550 * _peak(hour, 7.5, 1.2) + 1300 * _peak(hour, 19.5, 1.8)
        watts *= 0.96 + 0.08 * self.noise("load", second // STEP)
        slot = second // 240
        if self.noise("appliance", slot) < (0.25 if 6 <= hour < 23 else 0.05):
            watts += 700 + 1500 * self.noise("rating", slot)
        return round(watts)

    def noise(self, what: str, count: int) -> float:
        """A number from 0 up to 1, settled by the seed, by what it is for and by a count."""
        digest = blake2b(f"{self.seed}/{what}/{count}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


class SunnyDay(Scenario):
    """Late morning under a clear sky."""

    name = "sunny-day"
    summary = "clear sky from 11 o'clock: the battery charges, the rest is exported"
    hour = 11.0
    charge = 55


class Night(Scenario):
    """Late evening, no sun."""

    name = "night"
    summary = "from 22 o'clock: no sun, the battery carries the house down to its reserve"
    hour = 22.0
    charge = 45


class Outage(Scenario):
    """The grid fails and returns, minute after minute; `Unknown` marks each change.

    The battery is kept full for it, so the house imports while the grid is there and lives on the
    battery while it is not.
    """

    name = "outage"
    summary = "the grid fails after 10 s of each minute and is back for its last 20 s"
    hour = 19.5
    charge = 90

    def conditions(self, second: int) -> Conditions:
        """Cut the site off from second 10 to second 40 of each minute."""
        phase = second % 60
        islanded = 10 <= phase < 40
        if 10 <= phase < 15 or 35 <= phase < 40:
            status = "Unknown"
        else:
            status = "Off Grid" if islanded else "On Grid"
        return Conditions(
            sun=clear_sky(self.hour_of_day(second)),
            load=self.load(second),
            islanded=islanded,
            grid_status=status,
            battery_mode="Full Backup" if islanded else "Self-consumption",
            reserve=100,
        )


def clear_sky(hour: float) -> float:
    """The sun's share of the array's peak at an hour of day: from 6 to 20 o'clock, most at 13."""
    height = math.sin(math.pi * (hour - 6) / 14) if 6 < hour < 20 else 0.0
    return math.pow(max(0.0, height), 1.3)


def _peak(hour: float, at: float, width: float) -> float:
    return math.exp(-(((hour - at) / width) ** 2))


SCENARIOS: dict[str, type[Scenario]] = {each.name: each for each in (SunnyDay, Night, Outage)}


def find_scenario(name: str) -> type[Scenario]:
    """Look a scenario up by its name. Raises ValueError with the names that exist."""
    if name not in SCENARIOS:
        raise ValueError(f"there is no scenario {name!r}; choose from {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
