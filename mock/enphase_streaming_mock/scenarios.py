"""The scenarios that come with the mock, by name, and how any scenario is taken."""

from enphase_streaming_mock.days import (
    EveningPeak,
    Night,
    NoBattery,
    NoBatteryAbsent,
    NoBatteryZeros,
    PassingClouds,
    SeveralGateways,
    SpellingDrift,
    SunnyDay,
)
from enphase_streaming_mock.incidents import GeneratorBackup, GridServices, Outage, StormGuard
from enphase_streaming_mock.scenario import STEP, Conditions, Scenario, check_scenario, clear_sky

__all__ = ["SCENARIOS", "STEP", "Conditions", "Scenario", "clear_sky", "find_scenario"]

SCENARIOS: dict[str, type[Scenario]] = {
    each.name: each
    for each in (
        SunnyDay,
        PassingClouds,
        EveningPeak,
        Night,
        Outage,
        GeneratorBackup,
        GridServices,
        StormGuard,
        NoBattery,
        NoBatteryZeros,
        NoBatteryAbsent,
        SeveralGateways,
        SpellingDrift,
    )
}


def find_scenario(scenario: object, seed: int = 0) -> Scenario:
    """Make the scenario that a name, a class or an object stands for, and try it out.

    An object keeps its own seed. Raises ValueError that names the choices, or the field and rule
    that it breaks.
    """
    if isinstance(scenario, str):
        if scenario not in SCENARIOS:
            choices = ", ".join(SCENARIOS)
            raise ValueError(f"there is no scenario {scenario!r}; choose from {choices}")
        return SCENARIOS[scenario](seed)
    if isinstance(scenario, type) and issubclass(scenario, Scenario):
        scenario = scenario(seed)
    if not isinstance(scenario, Scenario):
        raise ValueError(
            f"scenario is {scenario!r}; give a name, or a class that derives from Scenario"
        )
    check_scenario(scenario)
    return scenario
