"""What a plot shows: means of readings, breaks at gaps, outages; no charge without a battery."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from enphase_streaming import InvalidArgument, Reading, sum_energy
from enphase_streaming.cli.chart import Chart

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


def reading(seconds: float, **values: Any) -> Reading:
    return Reading(arrived=NOON + timedelta(seconds=seconds), **values)


def drawn(readings: Sequence[Reading]) -> list[Axes]:
    chart, figure = Chart(), Figure()
    for each in readings:
        chart.add(each)
    chart.draw(figure, sum_energy(readings))
    return figure.axes


def line(panel: Axes, label: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the seconds since noon and the values of a line."""
    [found] = [each for each in panel.lines if str(each.get_label()).startswith(label)]
    days = np.asarray(found.get_xdata(), dtype=float) - NOON.timestamp() / 86_400
    return days * 86_400, np.asarray(found.get_ydata(), dtype=float)


def legend(panel: Axes) -> list[str]:
    found = panel.get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def spans(panel: Axes) -> list[tuple[float, float]]:
    """Return the shaded times in seconds since noon."""
    found = []
    for patch in panel.patches:
        assert isinstance(patch, Rectangle)
        since = (patch.get_x() - NOON.timestamp() / 86_400) * 86_400
        found.append((since, since + patch.get_width() * 86_400))
    return found


def test_few_readings_are_drawn_as_they_are() -> None:
    readings = [
        reading(second, pv_power=1000 + second, grid_power=-500, battery_power=200, battery_soc=40)
        for second in range(300)
    ]
    house, sources, charge = drawn(readings)
    time, solar = line(house, "Solar")
    assert time == pytest.approx(range(300), abs=0.01)
    assert solar == pytest.approx([(1000 + second) / 1000 for second in range(300)])
    assert set(line(charge, "State of charge")[1]) == {40}
    assert legend(house) == ["Solar 0.10 kWh", "Consumption – kWh"]  # noqa: RUF001 - as shown
    assert legend(sources) == ["Battery +0.02, -0.00 kWh", "Grid +0.00, -0.04 kWh"]


def test_many_readings_are_drawn_as_means() -> None:
    # 12 hours: 30 readings of a second each for a point.
    readings = [reading(second, pv_power=second % 2 * 1000) for second in range(43_200)]
    time, solar = line(drawn(readings)[0], "Solar")
    assert len(time) <= 1441
    assert solar[:-1] == pytest.approx([0.5] * (len(solar) - 1), abs=0.02)


def test_a_gap_breaks_every_line_and_is_shaded() -> None:
    seconds = [*range(60), *range(120, 180)]
    panels = drawn([reading(each, pv_power=1000, grid_power=-9, battery_soc=7) for each in seconds])
    for panel, label in zip(panels, ("Solar", "Grid", "State"), strict=True):
        time, values = line(panel, label)
        assert np.flatnonzero(np.isnan(values)).tolist() == [60]
        assert time[60] == pytest.approx(59, abs=0.01)
        assert spans(panel) == [pytest.approx((59, 120), abs=0.01)]
    assert "No data" in legend(panels[0])
    assert "no data" in [text.get_text() for text in panels[0].texts]


def test_an_outage_is_marked_and_ends_at_a_gap() -> None:
    statuses = ["On Grid"] * 30 + ["Off Grid"] * 60 + ["Unknown"] * 30
    readings = [
        reading(second, grid_status=status, consumption_power=1)
        for second, status in enumerate(statuses)
        if not 50 <= second < 70
    ]
    house, _ = drawn(readings)
    expected = [(49, 70), (30, 49), (70, 89)]
    assert spans(house) == [pytest.approx(each, abs=0.01) for each in expected]
    assert legend(house)[-2:] == ["No data", "Outage"]


def test_battery_and_grid_are_stacked_by_sign() -> None:
    house, sources, _ = drawn(
        [reading(second, battery_power=-2000, grid_power=-1000, battery_soc=5) for second in (0, 1)]
    )
    lowest = min(np.nanmin(np.asarray(each.get_ydata(), dtype=float)) for each in sources.lines)
    assert lowest == pytest.approx(-3)
    assert "charging" in sources.get_title(loc="left")
    assert legend(house) == ["Solar – kWh", "Consumption – kWh"]  # noqa: RUF001 - as shown


def test_a_site_without_a_battery_has_no_panel_for_it() -> None:
    panels = drawn([reading(second, pv_power=5, grid_power=-5) for second in (0, 1)])
    assert len(panels) == 2
    assert legend(panels[1]) == ["Grid +0.00, -0.00 kWh"]


def test_a_battery_without_a_charge_is_drawn() -> None:
    panels = drawn([reading(second, battery_power=-3_600_000) for second in (0, 1)])
    assert len(panels) == 2
    assert legend(panels[1])[0] == "Battery +0.00, -1.00 kWh"


def test_a_reading_between_two_gaps_is_drawn_as_a_point() -> None:
    seconds = [*range(60), 120, *range(180, 240)]
    house, _ = drawn([reading(each, pv_power=1000) for each in seconds])
    [solar] = [each for each in house.lines if str(each.get_label()).startswith("Solar")]
    assert solar.get_marker() == "."
    marked: Any = solar.get_markevery()
    assert np.flatnonzero(marked).tolist() == [61]
    assert np.asarray(solar.get_xdata())[61] == pytest.approx((NOON.timestamp() + 120) / 86_400)


@pytest.mark.parametrize("year", [1, 9999])
def test_an_end_of_the_calendar_is_refused(year: int) -> None:
    with pytest.raises(InvalidArgument, match="the years 1900 to 2999"):
        drawn([Reading(arrived=NOON.replace(year=year))])


def test_the_time_zone_is_named_before_and_after_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
        hours = [
            Reading(arrived=midnight + timedelta(hours=each), pv_power=1) for each in range(25)
        ]
        assert drawn(hours)[-1].get_xlabel() == "Local time (CEST, CET)"
        assert drawn(hours[:2])[-1].get_xlabel() == "Local time (CEST)"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_generator_is_drawn_once_it_ran() -> None:
    still, running = ([reading(each, generator_power=watts) for each in (0, 1)] for watts in (0, 9))
    assert len(legend(drawn(still)[0])) == 2
    assert legend(drawn(running)[0])[-1].startswith("Generator")


def test_the_time_is_local(far_from_utc: None) -> None:
    panels = drawn([reading(second, pv_power=5) for second in range(0, 7200, 10)])
    assert panels[-1].get_xlabel() == "Local time (XXX)"
    labels = [text.get_text() for text in panels[-1].get_xticklabels()]  # made when asked for
    assert "21:00" in labels
    assert "12:00" not in labels


@pytest.mark.parametrize(
    "readings",
    [
        [reading(0, pv_power=5)],
        [reading(0)] * 1500,
        [reading(0, pv_power=10**400), reading(1, pv_power=-5, consumption_power=-5)],
        [reading(60, pv_power=5), reading(0, pv_power=5)],
    ],
    ids=["one", "one moment", "huge", "clock set back"],
)
def test_odd_readings_are_drawn(readings: list[Reading]) -> None:
    assert len(drawn(readings)) == 2


def test_a_plot_of_more_than_a_year_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="up to 366 days, got 367 days"):
        drawn([reading(0, pv_power=5), reading(367 * 86_400, pv_power=5)])
