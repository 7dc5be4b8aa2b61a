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
def test_a_site_without_a_battery_says_so_in_its_way(name: str, values: list[object]) -> None:
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


def test_a_scenario_of_ones_own_is_taken_as_a_class_or_an_object() -> None:
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
        ({"name": ""}, "name of Broken is ''; give it a text"),
        ({"hour": 25}, "scenario 'mine': hour is 25; it has to lie between 0"),
        ({"charge": 50.5}, "charge is 50.5; give a whole number from 0 to 100"),
        ({"battery": "none"}, "battery is 'none'; choose from 'present', 'nulls'"),
        ({"gateways": 0}, "gateways is 0; it has to lie between 1 and 8"),
        ({"conditions": lambda *_: None}, r"at second 0: conditions\(\) gives None"),
        ({"conditions": lambda *_: 1 / 0}, "at second 0: ZeroDivisionError"),
        (
            {"conditions": lambda _, second: Conditions(sun=second / 100, load=0)},
            "'mine' at second 105: ValueError: sun is 1.05; it has to lie between 0.0 and 1.0",
        ),
    ],
)
def test_a_scenario_that_breaks_a_rule_is_refused_with_the_field_and_the_rule(
    members: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        find_scenario(type("Broken", (Mine,), members))


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("sun", float("nan"), "between 0.0 and 1.0"),
        ("sun", "1", "give a number"),
        ("load", -1, "between 0 and 1,000,000"),
        ("load", 1.5, "give a whole number"),
        ("generator", None, "give a whole number"),
        ("reserve", 101, "between 0 and 100"),
        ("islanded", 1, "choose from False, True"),
        ("grid_status", None, "give a text"),
        ("battery_mode", 7, "give a text"),
        ("battery", 1.5, "give a whole number"),
    ],
)
def test_conditions_name_the_field_and_its_rule(field: str, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is .*{rule}"):
        Conditions(**{"sun": 0.5, "load": 300, field: value})


def test_an_island_cannot_tell_its_battery_what_to_give() -> None:
    with pytest.raises(ValueError, match="battery is 100 while islanded"):
        Conditions(sun=0.5, load=300, islanded=True, battery=100)


@pytest.mark.parametrize("given", [7, int, None])
def test_what_is_no_scenario_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="give a name, or a class that derives from Scenario"):
        find_scenario(given)
