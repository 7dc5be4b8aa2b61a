"""Days on which something happens: the grid fails, or the battery is told what to do."""

from enphase_streaming_mock.scenario import Conditions, Scenario, clear_sky


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
        return Conditions(
            sun=clear_sky(self.hour_of_day(second)),
            load=self.load(second),
            islanded=islanded,
            grid_status=_grid_status(phase),
            battery_mode="Full Backup" if islanded else "Self-consumption",
            reserve=100,
        )


class GeneratorBackup(Outage):
    """The battery bridges the grid's failure until the generator runs, which charges it again."""

    name = "generator-backup"
    summary = "as outage, with a low battery: a generator runs from second 15 to 35"
    hour = 21.0
    charge = 15

    def conditions(self, second: int) -> Conditions:
        """Run the generator while the site is off the grid for certain."""
        phase = second % 60
        islanded = 10 <= phase < 40
        return Conditions(
            sun=0.0,
            load=self.load(second),
            generator=4_000 if 15 <= phase < 35 else 0,
            islanded=islanded,
            grid_status=_grid_status(phase),
            battery_mode="Full Backup" if islanded else "Self-consumption",
        )


class GridServices(Scenario):
    """The utility asks for the battery's power for a while."""

    name = "grid-services"
    summary = "`DR Event Active` from second 10 to 40 of each minute: it feeds the grid"
    hour = 20.5
    charge = 90

    def conditions(self, second: int) -> Conditions:
        """Discharge at 3.5 kW while the event lasts."""
        active = 10 <= second % 60 < 40
        return Conditions(
            sun=clear_sky(self.hour_of_day(second)),
            load=self.load(second),
            battery=3_500 if active else None,
            battery_mode="DR Event Active" if active else "Self-consumption",
        )


class StormGuard(Scenario):
    """Dark clouds by day; `Full Backup` fills the battery whatever it costs."""

    name = "storm-guard"
    summary = "a storm is forecast: the battery charges from the grid until it is full"
    hour = 16.0
    charge = 35

    def conditions(self, second: int) -> Conditions:
        """Charge at 3 kW, whether the sun gives that or not."""
        return Conditions(
            sun=0.12 * clear_sky(self.hour_of_day(second)),
            load=self.load(second),
            battery=-3_000,
            battery_mode="Full Backup",
            reserve=100,
        )


def _grid_status(phase: int) -> str:
    """What an outage from second 10 to 40 of a minute is reported as, five seconds unsure."""
    if 10 <= phase < 15 or 35 <= phase < 40:
        return "Unknown"
    return "Off Grid" if 10 <= phase < 40 else "On Grid"
