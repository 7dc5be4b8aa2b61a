"""What a scenario is: it says how sun, house, grid and battery behave as time passes.

Write your own as a subclass of `Scenario`; only `conditions` has to say something new.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar, Literal, get_args

from enphase_streaming_mock.given import check_choice, check_number, is_text

STEP = 5  # seconds for which conditions hold
_MOST = 1_000_000  # W: a typing error rather than a house

Battery = Literal["present", "nulls", "zeros", "absent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What the site meets for the next `STEP` seconds.

    `sun` is the share of the array's peak power, 0 to 1. `load` is what the house asks for and
    `generator` what a generator gives, in W. `islanded` is whether the site is cut off, whatever
    `grid_status` says about it. `reserve` is the charge that the battery keeps for an outage while
    the grid is there, in percent. `battery` is what the battery is told to give, in W, negative to
    charge it from whatever there is; None lets it follow the house.

    Raises ValueError that names the field and its rule.
    """

    sun: float
    load: int
    generator: int = 0
    islanded: bool = False
    grid_status: str = "On Grid"
    battery_mode: str = "Self-consumption"
    reserve: int = 20
    battery: int | None = None

    def __post_init__(self) -> None:
        check_number("sun", self.sun, 0.0, 1.0)
        check_number("load", self.load, 0, _MOST)
        check_number("generator", self.generator, 0, _MOST)
        check_number("reserve", self.reserve, 0, 100)
        check_choice("islanded", self.islanded, (False, True))
        for name in ("grid_status", "battery_mode"):
            value: object = getattr(self, name)
            if not isinstance(value, str):
                raise ValueError(f"{name} is {value!r}; give a text")
        if self.battery is None:
            return
        check_number("battery", self.battery, -_MOST, _MOST)
        if self.islanded:
            raise ValueError(
                f"battery is {self.battery!r} while islanded; off the grid it follows the house, "
                "so leave it None"
            )


class Scenario:
    """A day at a house with solar and a battery, under a clear sky.

    `hour` is the hour of day at the site when the mock starts (0 to 24), whatever the hour is where
    it runs; `charge` is the battery's state of charge at that moment, in percent. `battery` is
    "present", or how a site without one writes its three fields: as "nulls", as "zeros" or not at
    all ("absent"). `gateways` is how many serial numbers a reading names, 1 to 8. The same `seed`
    gives the same day.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    hour: ClassVar[float] = 12.0
    charge: ClassVar[int] = 50
    battery: ClassVar[Battery] = "present"
    gateways: ClassVar[int] = 1

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


def check_scenario(scenario: Scenario) -> None:
    """Try a scenario out: its first five minutes, then each hour of its first day.

    Raises ValueError that names the scenario, the field and its rule.
    """
    name = getattr(scenario, "name", None)
    if not is_text(name):
        raise ValueError(f"name of {type(scenario).__name__} is {name!r}; give it a text")
    try:
        check_number("hour", scenario.hour, 0.0, 24.0)
        check_number("charge", scenario.charge, 0, 100)
        check_number("gateways", scenario.gateways, 1, 8)
        check_choice("battery", scenario.battery, get_args(Battery))
    except ValueError as error:
        raise ValueError(f"scenario {name!r}: {error}") from None
    for second in [*range(0, 300, STEP), *range(300, 25 * 3600, 3600)]:
        where = f"scenario {name!r} at second {second}"
        try:
            met = scenario.conditions(second)
        except Exception as error:
            raise ValueError(f"{where}: {type(error).__name__}: {error}") from error
        if not isinstance(met, Conditions):
            raise ValueError(f"{where}: conditions() gives {met!r}; it has to give Conditions(...)")


def clear_sky(hour: float) -> float:
    """The sun's share of the array's peak at an hour of day: from 6 to 20 o'clock, most at 13."""
    height = math.sin(math.pi * (hour - 6) / 14) if 6 < hour < 20 else 0.0
    return math.pow(max(0.0, height), 1.3)


def _peak(hour: float, at: float, width: float) -> float:
    return math.exp(-(((hour - at) / width) ** 2))
