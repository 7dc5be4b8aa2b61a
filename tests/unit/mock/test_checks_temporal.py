"""Each temporal rule reports a stream that breaks it."""

from typing import Any

import pytest

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.temporal import Timed

START = 1_782_043_200.25


def timed(number: float, **fields: Any) -> Timed:
    reading = {
        "pv_power": 3_000,
        "battery_power": -1_000,
        "grid_power": -1_500,
        "generator_power": 0,
        "consumption_power": 500,
        "battery_soc": 60,
        "grid_status": "On Grid",
    }
    return Timed(number, START + number, reading | fields)


WHOLE = [timed(number) for number in range(30)]


def test_regular_stream_breaks_no_rule() -> None:
    assert temporal.count_faults(WHOLE, 30) == []
    assert temporal.order_faults(WHOLE) == []
    assert temporal.cadence_faults(WHOLE) == []
    assert temporal.balance_faults(WHOLE) == []
    assert temporal.charge_faults(WHOLE) == []
    assert temporal.island_faults(WHOLE) == []


@pytest.mark.parametrize("stream", [WHOLE[1:], [*WHOLE, timed(30)], []])
def test_missing_or_extra_reading_is_found(stream: list[Timed]) -> None:
    (fault,) = temporal.count_faults(stream, 30)
    assert fault == f"{len(stream)} readings came, and not 30: one every 1 s for 30 s"


def test_count_follows_the_cadence() -> None:
    assert temporal.count_faults(WHOLE, 15, cadence=0.5) == []
    assert temporal.count_faults(WHOLE, 29.5) == []


def test_gap_is_found() -> None:
    assert temporal.cadence_faults(WHOLE[:5] + WHOLE[6:]) == [
        "readings 5 and 6 are 2.000 s apart, and not 1 s"
    ]


def test_duplicate_is_found() -> None:
    stream = [*WHOLE[:3], WHOLE[2], *WHOLE[3:]]
    assert temporal.order_faults(stream) == ["readings 3 and 4 were measured at the same time"]
    assert len(temporal.cadence_faults(stream)) == 1


def test_backward_timestamp_is_found() -> None:
    stream = [WHOLE[0], WHOLE[2], WHOLE[1], WHOLE[3]]
    assert temporal.order_faults(stream) == ["reading 3 was measured 1.000 s before reading 2"]


def test_rounded_milliseconds_are_no_gap() -> None:
    assert temporal.cadence_faults([timed(0), timed(1.001), timed(2)]) == []
    assert len(temporal.cadence_faults([timed(0), timed(1.002)])) == 1


def test_unbalanced_reading_is_found() -> None:
    assert temporal.balance_faults([timed(0), timed(1, pv_power=3_001)]) == [
        "reading 2: 3001 + -1000 + -1500 + 0 W supplied, 500 W consumed"
    ]


@pytest.mark.parametrize("value", [None, "3000", True])
def test_balance_skips_values_that_are_no_numbers(value: object) -> None:
    assert temporal.balance_faults([timed(0, pv_power=value)]) == []


@pytest.mark.parametrize(
    ("power", "then", "found"),
    [
        (-1_000, 61, False),
        (-1_000, 59, True),
        (1_000, 59, False),
        (1_000, 61, True),
        (0, 61, True),
        (0, 59, True),
    ],
)
def test_charge_against_the_power_is_found(power: int, then: int, found: bool) -> None:
    stream = [timed(0, battery_power=power), timed(1, battery_soc=then)]
    assert (temporal.charge_faults(stream) != []) == found


def test_charge_skips_a_site_without_a_battery() -> None:
    absent = [timed(at, battery_power=None, battery_soc=None) for at in range(3)]
    assert temporal.charge_faults(absent) == []


@pytest.mark.parametrize("power", [1, -1])
def test_grid_power_off_the_grid_is_found(power: int) -> None:
    stream = [timed(0, grid_status="Off Grid", grid_power=power)]
    assert temporal.island_faults(stream) == [f"reading 1: grid_power is {power} W while Off Grid"]


@pytest.mark.parametrize("power", [0, None])
def test_no_grid_power_off_the_grid_passes(power: int | None) -> None:
    assert temporal.island_faults([timed(0, grid_status="Off Grid", grid_power=power)]) == []


@pytest.mark.parametrize(("elapsed", "found"), [(27.9, True), (28, False), (31, False), (32, True)])
def test_early_or_late_end_is_found(elapsed: float, found: bool) -> None:
    faults = temporal.end_faults(elapsed, 30, early=2, late=1)
    assert (faults != []) == found
    assert faults in ([], [f"the stream ended after {elapsed:.1f} s, and not after 30 s"])


@pytest.mark.parametrize(("epoch", "seconds"), [(1_679_041_508_556, 1679041508.556), (1_679, 1679)])
def test_both_units_of_a_timestamp_are_read(epoch: int, seconds: float) -> None:
    assert Timed.of(0, {"timestamp_epoch": epoch}).measured == seconds


@pytest.mark.parametrize("event", [{}, {"timestamp_epoch": "1679", "data": []}])
def test_event_without_time_or_values_is_accepted(event: dict[str, Any]) -> None:
    assert Timed.of(1.5, event) == (1.5, None, {})
