"""Ordinary days, and sites whose readings look out of the ordinary."""

from typing import ClassVar

from enphase_streaming_mock.scenario import Battery, Conditions, Scenario, clear_sky


class SunnyDay(Scenario):
    """Late morning under a clear sky."""

    name = "sunny-day"
    summary = "clear sky from 11 o'clock: the battery charges, the rest is exported"
    hour = 11.0
    charge = 55


class PassingClouds(Scenario):
    """Noon under a broken sky; battery and grid even it out."""

    name = "passing-clouds"
    summary = "from noon: clouds take up to four fifths of the sun within seconds"
    hour = 12.0
    charge = 95

    def conditions(self, second: int) -> Conditions:
        """Let the shade of one half minute pass over into the shade of the next."""
        slot, within = divmod(second, 30)
        before, after = (self.noise("cloud", each) for each in (slot, slot + 1))
        shade = 0.8 * (before + (after - before) * within / 30)
        sun = clear_sky(self.hour_of_day(second)) * (1 - shade)
        return Conditions(sun=sun, load=self.load(second))


class EveningPeak(Scenario):
    """Everybody is at home; the grid helps out."""

    name = "evening-peak"
    summary = "from 19 o'clock: the last sun, and cooking beyond what the battery gives"
    hour = 19.0
    charge = 80

    def conditions(self, second: int) -> Conditions:
        """Put an oven and an induction hob on top of an ordinary evening."""
        cooking = 2_400 if self.noise("oven", second // 60) < 0.7 else 900
        hob = round(1_800 * self.noise("hob", second // 20))
        return Conditions(
            sun=clear_sky(self.hour_of_day(second)), load=self.load(second) + cooking + hob
        )


class Night(Scenario):
    """Late evening, no sun."""

    name = "night"
    summary = "from 22 o'clock: no sun, the battery carries the house down to its reserve"
    hour = 22.0
    charge = 45


class NoBattery(Scenario):
    """An afternoon without a battery, whose fields are null."""

    name = "no-battery-nulls"
    summary = "afternoon at a site without a battery, whose fields are null"
    hour = 15.0
    battery: ClassVar[Battery] = "nulls"


class NoBatteryZeros(NoBattery):
    """The same with zeros, and a mode without a text."""

    name = "no-battery-zeros"
    summary = "the same, with zeros and an empty mode"
    battery = "zeros"


class NoBatteryAbsent(NoBattery):
    """The same without the battery's fields."""

    name = "no-battery-absent"
    summary = "the same, with the battery's fields left out"
    battery = "absent"


class SeveralGateways(SunnyDay):
    """A site with several gateways, of which only the first reports its share."""

    name = "several-gateways"
    summary = "sunny, with the serial numbers of three gateways; one of them reports"
    gateways = 3


class SpellingDrift(SunnyDay):
    """Modes as they were seen to be spelled, and one that nobody has published."""

    name = "spelling-drift"
    summary = "sunny, with another spelling of the battery's mode every ten seconds"
    _SPELLINGS = (
        "Self-consumption",
        "Self - Consumption",
        "self-consumption",
        "Savings Mode",
        "savings",
        "Mode Not Yet Invented",
    )

    def conditions(self, second: int) -> Conditions:
        """Go through the spellings in turn."""
        spelling = self._SPELLINGS[second // 10 % len(self._SPELLINGS)]
        hour = self.hour_of_day(second)
        return Conditions(sun=clear_sky(hour), load=self.load(second), battery_mode=spelling)
