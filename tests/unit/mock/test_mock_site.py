from collections.abc import Iterator

import pytest

import written
from enphase_streaming_mock import SCENARIOS, Conditions, Scenario
from enphase_streaming_mock.scenarios import STEP, clear_sky, find_scenario
from enphase_streaming_mock.site import CAPACITY, Reading, Site

SCHEMAS = written.read()["components"]["schemas"]


def site(scenario: Scenario) -> Site:
    return Site(scenario, 1765, "121900000001")


def readings(name: str, seconds: int, every: int = 1) -> Iterator[Reading]:
    house = site(SCENARIOS[name]())
    return (house.reading(second) for second in range(0, seconds, every))


class Fixed(Scenario):
    """Conditions that never change."""

    name = "fixed"
    summary = "the same at any time"

    def __init__(self, conditions: Conditions) -> None:
        super().__init__()
        self._conditions = conditions

    def conditions(self, second: int) -> Conditions:
        return self._conditions


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_reading_has_only_documented_fields(name: str) -> None:
    assert set(next(readings(name, 1))) <= set(SCHEMAS["LiveStatus"]["properties"])


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - {"spelling-drift"}))
def test_modes_and_grid_states_are_published_ones(name: str) -> None:
    for reading in readings(name, 120):
        assert reading["battery_mode"] in SCHEMAS["KnownBatteryMode"]["enum"]
        assert reading["grid_status"] in SCHEMAS["KnownGridStatus"]["enum"]


def test_a_sunny_day_charges_the_battery_and_exports_the_rest() -> None:
    for reading in readings("sunny-day", 300):
        assert reading["pv_power"] > 3000
        assert reading["battery_power"] < 0
        assert reading["grid_power"] < 0


def test_a_sunny_day_fills_the_battery_and_ends_in_the_dark() -> None:
    day = list(readings("sunny-day", 12 * 3600, every=600))
    assert max(reading["battery_soc"] for reading in day) == 100
    assert day[-1]["pv_power"] == 0


def test_a_night_has_no_sun_and_lives_on_the_battery() -> None:
    for reading in readings("night", 300):
        assert reading["pv_power"] == 0
        assert reading["battery_power"] > 0


def test_the_battery_keeps_its_reserve_through_the_night() -> None:
    night = list(readings("night", 8 * 3600, every=600))
    assert min(reading["battery_soc"] for reading in night) == 20
    assert night[-1]["grid_power"] > 0


def test_an_outage_begins_and_ends_as_unknown() -> None:
    seen = [reading["grid_status"] for reading in readings("outage", 60)]
    assert seen == (
        ["On Grid"] * 10 + ["Unknown"] * 5 + ["Off Grid"] * 20 + ["Unknown"] * 5 + ["On Grid"] * 20
    )


def test_in_an_outage_mode_and_powers_change_in_step() -> None:
    for second, reading in enumerate(readings("outage", 600)):
        if 10 <= second % 60 < 40:
            assert (reading["battery_mode"], reading["grid_power"]) == ("Full Backup", 0)
            assert reading["battery_power"] > 0
        else:
            assert reading["battery_mode"] == "Self-consumption"
            assert reading["grid_power"] > 0


def test_an_island_with_an_empty_battery_goes_dark() -> None:
    house = site(Fixed(Conditions(sun=0.0, load=2000, islanded=True)))
    hours = CAPACITY // 2 // 2000 + 60
    assert house.reading(hours)["consumption_power"] == 0
    assert house.reading(hours)["battery_soc"] == 0


def test_an_island_with_a_full_battery_produces_no_more_than_it_uses() -> None:
    house = site(Fixed(Conditions(sun=1.0, load=500, islanded=True)))
    reading = house.reading(4 * 3600)
    assert reading["battery_soc"] == 100
    assert abs(reading["pv_power"] - 500) < 10


def test_a_full_battery_stays_within_its_capacity_while_the_house_flickers() -> None:
    house = site(Fixed(Conditions(sun=1.0, load=500, islanded=True)))
    seconds = range(2 * 3600, 2 * 3600 + 300)
    assert len({house.reading(second)["battery_power"] for second in seconds}) > 1
    assert max(house.energy(second) for second in seconds) <= CAPACITY


def test_the_next_window_goes_on_where_the_last_one_ended() -> None:
    house, fresh = site(SCENARIOS["night"](3)), site(SCENARIOS["night"](3))
    watched = [house.reading(second) for second in range(600)]
    assert fresh.reading(599) == watched[-1]


def test_an_unknown_scenario_is_refused_with_the_choices() -> None:
    with pytest.raises(
        ValueError, match=r"scenario must be one of 'sunny-day', .*'night', .*got 'nihgt'"
    ):
        find_scenario("nihgt")


def test_a_seed_must_be_an_int() -> None:
    with pytest.raises(ValueError, match=r"seed must be an int.*got 1\.5"):
        SCENARIOS["night"](1.5)  # type: ignore[arg-type]


def test_another_seed_is_another_day() -> None:
    one, other = SCENARIOS["night"](1), SCENARIOS["night"](2)
    assert [one.load(second) for second in range(0, 600, STEP)] != [
        other.load(second) for second in range(0, 600, STEP)
    ]


def test_the_sun_is_down_at_night_and_highest_early_in_the_afternoon() -> None:
    assert [clear_sky(hour) for hour in (0, 5.9, 6, 20, 23.9)] == [0, 0, 0, 0, 0]
    assert clear_sky(13) == pytest.approx(1)
