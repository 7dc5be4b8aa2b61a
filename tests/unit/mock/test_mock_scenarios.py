from typing import Any

import pytest

from enphase_streaming_mock import SCENARIOS, Conditions, Scenario
from enphase_streaming_mock.scenarios import find_scenario
from enphase_streaming_mock.site import Site


def reports(name: str, seconds: int = 60) -> list[dict[str, Any]]:
    site = Site(SCENARIOS[name](), 1765, "121900000001")
    return [site.report(second) for second in range(seconds)]


def test_passing_clouds_change_the_sun_and_the_grid_evens_it_out() -> None:
    seen = [each["pv_power"] for each in reports("passing-clouds", 300)]
    assert max(seen) > 2 * min(seen) > 0


def test_an_evening_peak_asks_for_more_than_the_battery_gives() -> None:
    seen = reports("evening-peak", 600)
    assert max(each["consumption_power"] for each in seen) > 3_840
    assert max(each["grid_power"] for each in seen) > 0


def test_a_generator_takes_over_once_the_grid_is_gone() -> None:
    seen = reports("generator-backup")
    running = [number for number, each in enumerate(seen) if each["generator_power"]]
    assert running == list(range(15, 35))
    for number in running:
        assert seen[number]["grid_power"] == 0
        assert seen[number]["battery_power"] < 0
    assert {each["grid_status"] for each in seen[15:35]} == {"Off Grid"}


def test_grid_services_begin_and_end() -> None:
    for second, each in enumerate(reports("grid-services", 120)):
        active = 10 <= second % 60 < 40
        assert (each["battery_mode"] == "DR Event Active") == active
        assert (each["battery_power"] == 3_500) == active
        assert (each["grid_power"] < -500) == active


def test_storm_guard_charges_from_the_grid() -> None:
    for each in reports("storm-guard"):
        assert (each["battery_mode"], each["battery_power"]) == ("Full Backup", -3_000)
        assert each["grid_power"] > each["consumption_power"] - each["pv_power"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("no-battery-nulls", [None, None, None]),
        ("no-battery-zeros", [0, 0, ""]),
        ("no-battery-absent", ["absent"] * 3),
    ],
)
def test_sites_without_a_battery_report_nulls_zeros_or_nothing(
    name: str, values: list[object]
) -> None:
    for each in reports(name):
        fields = ("battery_power", "battery_soc", "battery_mode")
        assert [each.get(field, "absent") for field in fields] == values
        assert each["pv_power"] + each["grid_power"] == each["consumption_power"]


def test_several_gateways_are_all_named() -> None:
    (serials,) = {tuple(each["envoy_serial_number"]) for each in reports("several-gateways")}
    assert serials == ("121900000001", "121900000002", "121900000003")


def test_the_modes_spelling_drifts_every_ten_seconds() -> None:
    seen = [each["battery_mode"] for each in reports("spelling-drift")]
    assert len(set(seen)) == 6
    assert seen[::10] == list(dict.fromkeys(seen))


class Mine(Scenario):
    name = "mine"

    def conditions(self, second: int) -> Conditions:
        return Conditions(sun=0.5, load=700)


def test_a_custom_scenario_may_be_a_class_or_an_instance() -> None:
    assert find_scenario(Mine, 7).seed == 7
    assert find_scenario(Mine(3), 7).seed == 3


def test_an_island_without_a_battery_lives_on_its_generator() -> None:
    class Island(Mine):
        battery = "absent"

        def conditions(self, second: int) -> Conditions:
            return Conditions(sun=0.1, load=5_000, generator=2_000, islanded=True)

    reading = Site(find_scenario(Island), 1765, "1").reading(7)
    assert (reading["consumption_power"], reading["pv_power"]) == (2_600, 600)
    assert (reading["battery_power"], reading["grid_power"]) == (0, 0)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"name": ""}, "name of Broken must be a non-empty string, got ''"),
        ({"hour": 25}, "scenario 'mine': ValueError: hour must be a number from 0 to 24, got 25"),
        ({"charge": 50.5}, "charge must be an int.* from 0 to 100.*got 50.5"),
        ({"battery": "none"}, "battery must be one of 'present', 'nulls'.*got 'none'"),
        ({"gateways": 0}, "gateways must be .* from 1 to 8.*got 0"),
        (
            {"conditions": lambda *_: None},
            r"at second 0: ValueError: conditions\(\) must return Conditions, got None",
        ),
        ({"conditions": lambda *_: 1 / 0}, "at second 0: ZeroDivisionError"),
        (
            {"conditions": lambda _, second: Conditions(sun=second / 100, load=0)},
            "'mine' at second 105: ValueError: sun must be .* from 0 to 1, got 1.05",
        ),
    ],
)
def test_a_broken_scenario_is_refused_with_field_and_rule(
    members: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        find_scenario(type("Broken", (Mine,), members))


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("sun", float("nan"), "a number from 0 to 1"),
        ("sun", "1", "a number from 0 to 1"),
        ("load", -1, "an int from 0 to 1,000,000"),
        ("load", 1.5, "an int from "),
        ("generator", None, "an int from "),
        ("reserve", 101, "an int from 0 to 100"),
        ("islanded", 1, "one of False, True"),
        ("grid_status", None, "a string"),
        ("battery_mode", 7, "a string"),
        ("battery", 1.5, "an int from "),
    ],
)
def test_bad_conditions_are_refused_with_field_and_rule(field: str, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be {rule}"):
        Conditions(**{"sun": 0.5, "load": 300, field: value})


def test_an_islanded_battery_cannot_be_controlled() -> None:
    with pytest.raises(ValueError, match="battery must be None while islanded, got 100"):
        Conditions(sun=0.5, load=300, islanded=True, battery=100)


@pytest.mark.parametrize("given", [7, int, None])
def test_anything_but_a_scenario_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="scenario must be a name or a subclass of Scenario, got "):
        find_scenario(given)
