"""The scenarios that come with the mock."""

from dataclasses import replace
from typing import ClassVar

from enphase_streaming_mock.scenarios.scenario import Battery, Conditions, Scenario


class SunnyDay(Scenario):
    """Clear sky from 11 o'clock: the battery charges, the rest is exported."""

    name = "sunny-day"
    hour: ClassVar[float] = 11.0
    charge = 55


class PassingClouds(Scenario):
    """From noon: clouds take up to four fifths of the sun within seconds."""

    name = "passing-clouds"
    hour: ClassVar[float] = 12.0
    charge = 95

    def conditions(self, second: int) -> Conditions:
        """Fade the shade of one half minute into that of the next."""
        slot, within = divmod(second, 30)
        before, after = (self.noise("cloud", each) for each in (slot, slot + 1))
        shade = 0.8 * (before + (after - before) * within / 30)
        usual = super().conditions(second)
        return replace(usual, sun=usual.sun * (1 - shade))


class EveningPeak(Scenario):
    """From 19 o'clock: the last sun, and cooking beyond what the battery gives."""

    name = "evening-peak"
    hour: ClassVar[float] = 19.0
    charge = 80

    def conditions(self, second: int) -> Conditions:
        """Add an oven and a hob to an ordinary evening."""
        usual = super().conditions(second)
        oven = 2_400 if self.noise("oven", second // 60) < 0.7 else 900
        hob = round(1_800 * self.noise("hob", second // 20))
        return replace(usual, load=usual.load + oven + hob)


class Night(Scenario):
    """From 22 o'clock: no sun, the battery carries the house down to its reserve."""

    name = "night"
    hour: ClassVar[float] = 22.0
    charge = 45


class Outage(Scenario):
    """The grid fails after 10 s of each minute and is back for its last 20 s.

    The battery is kept full for it, so the house imports while the grid is there.
    """

    name = "outage"
    hour: ClassVar[float] = 19.5
    charge = 90

    def conditions(self, second: int) -> Conditions:
        """Cut the site off from second 10 to second 40 of each minute."""
        phase = second % 60
        islanded = 10 <= phase < 40
        return replace(
            super().conditions(second),
            islanded=islanded,
            grid_status=_grid_status(phase),
            battery_mode="Full Backup" if islanded else "Self-consumption",
            reserve=100,
        )


class GeneratorBackup(Outage):
    """As outage, with a low battery: a generator runs from second 15 to 35."""

    name = "generator-backup"
    hour: ClassVar[float] = 21.0
    charge = 15

    def conditions(self, second: int) -> Conditions:
        """Run the generator while the site is reported as off the grid."""
        generator = 4_000 if 15 <= second % 60 < 35 else 0
        return replace(super().conditions(second), sun=0.0, generator=generator, reserve=20)


class GridServices(Scenario):
    """`DR Event Active` from second 10 to 40 of each minute: it feeds the grid."""

    name = "grid-services"
    hour: ClassVar[float] = 20.5
    charge = 90

    def conditions(self, second: int) -> Conditions:
        """Discharge at 3.5 kW while the event lasts."""
        active = 10 <= second % 60 < 40
        usual = super().conditions(second)
        return replace(usual, battery=3_500, battery_mode="DR Event Active") if active else usual


class StormGuard(Scenario):
    """A storm is forecast: the battery charges from the grid until it is full."""

    name = "storm-guard"
    hour: ClassVar[float] = 16.0
    charge = 35

    def conditions(self, second: int) -> Conditions:
        """Charge at 3 kW."""
        usual = super().conditions(second)
        return replace(
            usual, sun=0.12 * usual.sun, battery=-3_000, battery_mode="Full Backup", reserve=100
        )


class NoBattery(Scenario):
    """Afternoon at a site without a battery, whose fields are null."""

    name = "no-battery-nulls"
    hour: ClassVar[float] = 15.0
    battery: ClassVar[Battery] = "nulls"


class NoBatteryZeros(NoBattery):
    """Afternoon at a site without a battery, with zeros and an empty mode."""

    name = "no-battery-zeros"
    battery: ClassVar[Battery] = "zeros"


class NoBatteryAbsent(NoBattery):
    """Afternoon at a site without a battery, whose fields are left out."""

    name = "no-battery-absent"
    battery: ClassVar[Battery] = "absent"


class SeveralGateways(SunnyDay):
    """Sunny, with the serial numbers of three gateways; one of them reports."""

    name = "several-gateways"
    gateways = 3


class SpellingDrift(SunnyDay):
    """Sunny, with another spelling of the battery's mode every ten seconds."""

    name = "spelling-drift"
    _SPELLINGS = (
        *("Self-consumption", "Self - Consumption", "self-consumption"),
        *("Savings Mode", "savings", "Mode Not Yet Invented"),
    )

    def conditions(self, second: int) -> Conditions:
        """Go through the spellings in turn."""
        spelling = self._SPELLINGS[second // 10 % len(self._SPELLINGS)]
        return replace(super().conditions(second), battery_mode=spelling)


def _grid_status(phase: int) -> str:
    """Return the status in an outage from second 10 to 40, `Unknown` for 5 s after each change."""
    if 10 <= phase < 15 or 35 <= phase < 40:
        return "Unknown"
    return "Off Grid" if 10 <= phase < 40 else "On Grid"


SCENARIOS: dict[str, type[Scenario]] = {
    each.name: each
    for each in (
        SunnyDay, PassingClouds, EveningPeak, Night, Outage, GeneratorBackup, GridServices,
        StormGuard, NoBattery, NoBatteryZeros, NoBatteryAbsent, SeveralGateways, SpellingDrift,
    )
}  # fmt: skip
"""The scenarios by name."""
