"""Scenarios: what happens at the simulated site, the mock's own and those that users write."""

from enphase_streaming_mock.scenarios.catalog import SCENARIOS
from enphase_streaming_mock.scenarios.scenario import (
    STEP,
    Conditions,
    Scenario,
    check_scenario,
    clear_sky,
)
from enphase_streaming_mock.validation import check_choice

__all__ = ["SCENARIOS", "STEP", "Conditions", "Scenario", "clear_sky", "find_scenario"]


def find_scenario(scenario: object, seed: int = 0) -> Scenario:
    """Return the scenario for a name, a class or an instance, after trying it out.

    An instance keeps its own seed. Raises ValueError if there is no such scenario, or if it breaks
    a rule.
    """
    if isinstance(scenario, str):
        check_choice("scenario", scenario, tuple(SCENARIOS))
        return SCENARIOS[scenario](seed)
    if isinstance(scenario, type) and issubclass(scenario, Scenario):
        scenario = scenario(seed)
    if not isinstance(scenario, Scenario):
        raise ValueError(f"scenario must be a name or a subclass of Scenario, got {scenario!r}.")
    check_scenario(scenario)
    return scenario
