"""Energy: powers over time, by flow and direction, never across a gap."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming import Energy, Gap, InvalidArgument, Reading, sum_energy

START = datetime(2026, 6, 21, tzinfo=UTC)
WATTS = st.none() | st.integers(-20_000, 20_000)
POWERS = ("pv_power", "consumption_power", "battery_power", "grid_power", "generator_power")
LONGEST = 10.0
TW = 10**12


def reading(seconds: float, **powers: Any) -> Reading:
    return Reading(arrived=START + timedelta(seconds=seconds), **powers)


def readings_after(steps: list[tuple[float, dict[str, int | None]]]) -> list[Reading]:
    at, found = 0.0, []
    for step, powers in steps:
        at += step
        found.append(reading(at, **powers))
    return found


STEPS = st.integers(0, 25_000).map(lambda thousandths: thousandths / 1000)
DAYS = st.lists(
    st.tuples(STEPS, st.fixed_dictionaries(dict.fromkeys(POWERS, WATTS))), max_size=30
).map(readings_after)


def kwh(energy: Energy, flow: str) -> float:
    return energy.flows[flow].kwh if flow in energy.flows else 0.0


def hours(energy: Energy, flow: str) -> float:
    return energy.flows[flow].hours if flow in energy.flows else 0.0


@given(DAYS)
def test_each_flow_is_the_exact_sum_of_its_steps(day: list[Reading]) -> None:
    energy = sum_energy(day)
    for flow in ("pv_power", "grid_import", "grid_export", "battery_charging"):
        exact = Fraction(0)
        for before, after in pairwise(day):
            step = Fraction((after.arrived - before.arrived) // timedelta(microseconds=1), 10**6)
            watts = getattr(before, flow), getattr(after, flow)
            if step <= LONGEST and None not in watts:
                exact += step * sum(watts) / 2
        assert math.isclose(kwh(energy, flow), exact / 3_600_000, rel_tol=1e-9, abs_tol=1e-12)


@given(DAYS)
def test_measured_time_and_gaps_are_all_the_time(day: list[Reading]) -> None:
    energy = sum_energy([*day, reading(10_000, pv_power=1), reading(10_001, pv_power=1)])
    assert energy.since is not None
    assert energy.until is not None
    every = sum_energy(
        Reading(arrived=each.arrived, pv_power=1)
        for each in [*day, reading(10_000), reading(10_001)]
    )
    span = (energy.until - energy.since).total_seconds()
    gaps = sum(gap.seconds for gap in every.gaps)
    assert math.isclose(hours(every, "pv_power") * 3600 + gaps, span)
    assert energy.gaps == every.gaps
    assert all(gap.seconds > LONGEST for gap in every.gaps)


@given(DAYS, st.data())
def test_two_parts_add_up_to_the_whole(day: list[Reading], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, max(0, len(day) - 1)))
    whole, first, second = sum_energy(day), sum_energy(day[: at + 1]), sum_energy(day[at:])
    for flow in ("consumption_power", "grid_import", "battery_discharging", "generator_power"):
        parts = kwh(first, flow) + kwh(second, flow)
        assert math.isclose(kwh(whole, flow), parts, rel_tol=1e-9, abs_tol=1e-12)
    assert whole.gaps == first.gaps + second.gaps


@given(DAYS)
def test_import_less_export_is_the_sum_of_the_signed_power(day: list[Reading]) -> None:
    energy = sum_energy(day)
    signed = sum_energy(Reading(arrived=each.arrived, pv_power=each.grid_power) for each in day)
    net = kwh(energy, "grid_import") - kwh(energy, "grid_export")
    assert math.isclose(net, kwh(signed, "pv_power"), rel_tol=1e-9, abs_tol=1e-9)
    assert kwh(energy, "grid_import") >= 0
    assert kwh(energy, "grid_export") >= 0


def test_a_kilowatt_for_an_hour_is_a_kilowatt_hour() -> None:
    day = [reading(second, pv_power=1000, battery_power=-2000) for second in range(0, 3601, 10)]
    energy = sum_energy(iter(day))
    assert energy.flows["pv_power"] == pytest.approx((1.0, 1.0))
    assert energy.flows["battery_charging"] == pytest.approx((2.0, 1.0))
    assert energy.flows["battery_discharging"] == pytest.approx((0.0, 1.0))
    assert "grid_import" not in energy.flows
    assert (energy.since, energy.until) == (START, START + timedelta(hours=1))


def test_a_gap_is_reported_and_adds_nothing() -> None:
    day = [reading(second, pv_power=3600) for second in (0, 1, 2, 62, 63)]
    energy = sum_energy(day)
    assert energy.gaps == [Gap(START + timedelta(seconds=2), START + timedelta(seconds=62))]
    assert energy.flows["pv_power"].kwh == pytest.approx(0.003)
    bridged = sum_energy(day, longest_step=60)
    assert bridged.gaps == []
    assert bridged.flows["pv_power"].kwh == pytest.approx(0.063)


def test_readings_of_one_moment_have_no_gap_between_them() -> None:
    energy = sum_energy(reading(second, pv_power=3600) for second in (0, 0, 1))
    assert energy.gaps == []
    assert energy.flows["pv_power"].kwh == pytest.approx(0.001)


def test_a_clock_set_back_is_a_gap_of_negative_length() -> None:
    energy = sum_energy(reading(second, pv_power=3600) for second in (100, 101, 41, 42))
    assert [gap.seconds for gap in energy.gaps] == [-60]
    assert energy.flows["pv_power"].kwh == pytest.approx(0.002)


def test_a_missing_power_is_missing_from_its_own_flow_alone() -> None:
    watts = (3600, None, 3600, 3600)
    energy = sum_energy(
        reading(second, pv_power=pv, consumption_power=3600) for second, pv in enumerate(watts)
    )
    assert energy.gaps == []
    assert energy.flows["pv_power"].kwh == pytest.approx(0.001)
    assert energy.flows["pv_power"].hours == pytest.approx(1 / 3600)
    assert energy.flows["consumption_power"].kwh == pytest.approx(0.003)


def test_a_number_that_no_float_can_hold_is_no_power() -> None:
    energy = sum_energy(reading(second, pv_power=10**400, grid_power=1) for second in range(3))
    assert list(energy.flows) == ["grid_import", "grid_export"]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_terawatt_is_a_power_and_a_watt_more_is_none(sign: int) -> None:
    most, more = ([reading(at, pv_power=sign * watts) for at in (0, 1)] for watts in (TW, TW + 1))
    assert sum_energy(most).flows["pv_power"].kwh == pytest.approx(sign * 1e9 / 3600)
    assert sum_energy(more).flows == {}


def test_the_time_that_the_site_measured_counts_before_the_arrival() -> None:
    # A burst: all of them arrived at once.
    burst = [
        Reading(arrived=START, epoch=1_782_000_000_000 + 1000 * second, pv_power=3600)
        for second in range(9)
    ]
    assert sum_energy(burst).flows["pv_power"].kwh == pytest.approx(0.008)


def test_no_readings_are_no_energy() -> None:
    assert sum_energy([]) == Energy({}, [])
    assert sum_energy([reading(0, pv_power=1)]).flows == {}


@pytest.mark.parametrize("longest", [0, -1, math.nan, 86_401, "10", True])
def test_refuse_a_longest_step_out_of_range(longest: float) -> None:
    with pytest.raises(InvalidArgument, match="longest_step must be"):
        sum_energy([], longest_step=longest)
