"""What a scenario is: it says how sun, house, grid and battery behave as time passes.

To write one, subclass `Scenario` and override `conditions`.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar, Literal, get_args

from enphase_streaming_mock.validation import check_choice, check_fields, check_number, check_text

STEP = 5  # seconds for which conditions hold
_WATTS = 1_000_000  # anything larger is a typing error
_BOUNDS: dict[str, tuple[float, float]] = {
    "sun": (0.0, 1.0),
    "load": (0, _WATTS),
    "generator": (0, _WATTS),
    "reserve": (0, 100),
    "battery": (-_WATTS, _WATTS),
}

Battery = Literal["present", "nulls", "zeros", "absent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What the site meets for the next `STEP` seconds; ValueError for a value out of range.

    `sun` is the share of the solar array's peak power, 0 to 1. `load` is what the house asks for
    and `generator` what a generator gives, in W. `islanded` is whether the site is cut off from the
    grid, independent of `grid_status`. `reserve` is the charge that the battery keeps while the
    grid is there, in percent. `battery` is what the battery is told to give, in W, negative to
    charge it; None lets it follow the house.
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
        check_fields(self, _BOUNDS)
        if self.battery is not None and self.islanded:
            raise ValueError(
                f"battery must be None while islanded, got {self.battery!r}: "
                "off the grid it follows the house."
            )


class Scenario:
    """A day at a house with solar and a battery, under a clear sky; the `seed` is which day.

    `hour` is the hour of day at the site when the mock starts (0 to 24), and `charge` the battery's
    state of charge then, in percent. `battery` is "present", or how a site without one writes its
    three fields: as "nulls", as "zeros" or not at all ("absent"). `gateways` is how many serial
    numbers a reading names, 1 to 8. `summary` is by default the first line of the docstring.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    hour: ClassVar[float] = 12.0
    charge: ClassVar[int] = 50
    battery: ClassVar[Battery] = "present"
    gateways: ClassVar[int] = 1

    def __init_subclass__(cls) -> None:
        if "summary" not in vars(cls):
            cls.summary = (cls.__doc__ or "").partition("\n")[0]

    def __init__(self, seed: int = 0) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"seed must be an int, got {seed!r}.")
        self.seed = seed

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} seed={self.seed}>"

    def conditions(self, second: int) -> Conditions:
        """Return what the site meets from `second` on, counted from the mock's start."""
        return Conditions(sun=clear_sky(self.hour_of_day(second)), load=self.load(second))

    def hour_of_day(self, second: int) -> float:
        """Return the hour at the site, 0 to 24."""
        return (self.hour + second / 3600) % 24

    def load(self, second: int) -> int:
        """Return what an ordinary house asks for, in W: a base, two peaks, and appliances."""
        hour = self.hour_of_day(second)
        watts = 320 + 550 * _peak(hour, 7.5, 1.2) + 1300 * _peak(hour, 19.5, 1.8)
        watts *= 0.96 + 0.08 * self.noise("load", second // STEP)
        slot = second // 240
        if self.noise("appliance", slot) < (0.25 if 6 <= hour < 23 else 0.05):
            watts += 700 + 1500 * self.noise("rating", slot)
        return round(watts)

    def noise(self, what: str, count: int) -> float:
        """Return a number from 0 up to 1 that depends on seed, purpose and count alone."""
        digest = blake2b(f"{self.seed}/{what}/{count}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def check_scenario(scenario: Scenario) -> None:
    """Try a scenario out: its first five minutes, then each hour of its first day.

    Raises ValueError that names the scenario, the second and what is wrong.
    """
    check_text(f"name of {type(scenario).__name__}", getattr(scenario, "name", None))
    where = f"scenario {scenario.name!r}"
    try:
        check_number("hour", scenario.hour, 0.0, 24.0)
        check_number("charge", scenario.charge, 0, 100)
        check_number("gateways", scenario.gateways, 1, 8)
        check_choice("battery", scenario.battery, get_args(Battery))
        for second in [*range(0, 300, STEP), *range(300, 25 * 3600, 3600)]:
            where = f"scenario {scenario.name!r} at second {second}"
            met = scenario.conditions(second)
            if not isinstance(met, Conditions):
                raise ValueError(f"conditions() must return Conditions, got {met!r}.")
    except Exception as error:
        raise ValueError(f"{where}: {type(error).__name__}: {error}") from error


def clear_sky(hour: float) -> float:
    """Return the sun's share of the array's peak: above 0 from 6 to 20 o'clock, most at 13."""
    height = math.sin(math.pi * (hour - 6) / 14) if 6 < hour < 20 else 0.0
    return math.pow(max(0.0, height), 1.3)


def _peak(hour: float, at: float, width: float) -> float:
    return math.exp(-(((hour - at) / width) ** 2))
