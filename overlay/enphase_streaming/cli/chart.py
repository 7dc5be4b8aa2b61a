"""A recording as a picture: solar and consumption, battery and grid, and charge, in local time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from dateutil.tz import tzlocal
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from enphase_streaming.cli.formatting import FLOW_NAMES, MISSING, local
from enphase_streaming.core.energy import Energy, usable_power
from enphase_streaming.core.reading import Reading
from enphase_streaming.errors import InvalidArgument
from enphase_streaming_api.models import KnownGridStatus

_POWERS = (
    *("pv_power", "consumption_power", "generator_power"),
    *("battery_discharging", "battery_charging", "grid_import", "grid_export"),
)
_MOST_POINTS = 1_440
"""More readings are drawn as means: those of a day by the minute."""
_MOST_DAYS = 366
_DAY = 86_400
_FIRST, _END = (datetime(year, 1, 1, tzinfo=UTC).timestamp() / _DAY for year in (1900, 3000))
_SHORTEST = 10 / _DAY
"""The least time that a plot covers, in days."""
_LABELLED = 0.045
"""The share of the width that a gap or an outage needs for its label."""
_SOLAR, _HOUSE, _BATTERY, _GRID, _GENERATOR = "#f5a623", "#2d6cdf", "#2fa36b", "#8a94a6", "#9b59b6"
_INK, _DIM, _FAINT = "#2b3440", "#5b6675", "#e3e7ed"
_Look = dict[str, Any]
_GAP_LOOK: _Look = {"facecolor": _FAINT, "hatch": "///", "edgecolor": "white", "linewidth": 0}
_OUTAGE_LOOK: _Look = {"color": "#e4572e", "alpha": 0.13, "linewidth": 0}
_COLUMNS = ("time", *_POWERS, "battery_soc", "is_out")

Points = dict[str, Any]
"""An array of numpy for each column, NaN where a value is missing; in days, kW and percent."""
Span = tuple[float, float]


def new_figure(*, show: bool) -> Figure:
    """Return an empty figure; one to `show` opens a window, which needs a screen.

    Raises:
        InvalidArgument: there is no screen.
    """
    size: dict[str, Any] = {"figsize": (11, 6.4), "dpi": 120, "layout": "constrained"}
    if not show:
        return Figure(**size)
    from matplotlib import pyplot

    try:
        figure = pyplot.figure(**size)
        has_screen = figure.canvas.required_interactive_framework is not None
    except ImportError:  # a backend that was chosen, and does not work here
        has_screen = False
    if not has_screen:
        raise InvalidArgument("--show needs a screen, and matplotlib finds none: pass -o OUT.")
    return figure


class Chart:
    """Collects readings, 80 bytes of each, and draws them."""

    def __init__(self) -> None:
        self._values = array("d")

    def add(self, reading: Reading) -> None:
        """Add a reading."""
        self._values.append(_days(reading.timestamp or reading.arrived))
        for name in (*_POWERS, "battery_soc"):
            value = usable_power(getattr(reading, name))
            self._values.append(math.nan if value is None else value)
        self._values.append(reading.grid_status == KnownGridStatus.OFF_GRID)

    def draw(self, figure: Figure, energy: Energy) -> None:
        """Draw the readings; `energy` has their sums and gaps.

        Raises:
            InvalidArgument: there are none, they are more than a year apart, or their times are at
                an end of the calendar, where no axis can be drawn.
        """
        if energy.since is None or energy.until is None:
            raise InvalidArgument("There is nothing to draw: the recording holds no reading.")
        rows = np.frombuffer(self._values).reshape(-1, len(_COLUMNS))
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        first, last = rows[[0, -1], 0]
        if last - first > _MOST_DAYS:
            raise InvalidArgument(
                f"A plot covers up to {_MOST_DAYS} days, got {last - first:,.0f} days of readings."
            )
        if not _FIRST <= first <= last < _END:
            raise InvalidArgument(
                f"A plot shows the years 1900 to 2999, got a reading of {energy.since:%Y}."
            )
        _draw(figure, rows, energy)
        _label_time(figure.axes[-1], energy.since, energy.until)
        figure.suptitle(_period(energy.since, energy.until), x=0.012, ha="left", fontsize=15)


def _draw(figure: Figure, rows: Any, energy: Energy) -> None:
    gaps = [(_days(gap.since), _days(gap.until)) for gap in energy.gaps if gap.seconds > 0]
    breaks = [since for since, _ in gaps]
    outages = _outages(_with_breaks(rows, breaks))
    points = dict(zip(_COLUMNS, _with_breaks(_means(rows), breaks).T, strict=True))
    points |= {name: points[name] / 1000 for name in _POWERS}
    has_charge = not np.isnan(points["battery_soc"]).all()
    used = np.nansum([points["battery_charging"], points["battery_discharging"]])
    has_battery = has_charge or bool(used)
    heights = [3, 2, 1.1] if has_charge else [3, 2]
    panels = figure.subplots(len(heights), sharex=True, height_ratios=heights)
    _draw_house(panels[0], points, energy)
    _draw_sources(panels[1], points, energy, has_battery=has_battery)
    if has_charge:
        charge = points["battery_soc"]
        _area(panels[2], points["time"], 0, charge, _BATTERY, "State of charge")
        panels[2].set_ylim(0, 105)
        panels[2].set_ylabel("%")
    first, last = rows[[0, -1], 0]
    panels[0].set_xlim(first, max(last, first + _SHORTEST))
    for panel in panels:
        _mark(panel, gaps, outages, labelled=panel is panels[0])
    figure.align_ylabels(panels)


def _means(rows: Any) -> Any:
    """Return one row for each part of the time that has readings: the means of these."""
    time = rows[:, 0]
    if len(time) <= _MOST_POINTS or time[0] == time[-1]:
        return rows
    parts = np.floor((time - time[0]) / (time[-1] - time[0]) * _MOST_POINTS)
    starts = np.flatnonzero(np.diff(parts, prepend=-1))
    known = ~np.isnan(rows)
    sums = np.add.reduceat(np.where(known, rows, 0), starts)
    counts = np.add.reduceat(known, starts, dtype=float)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def _with_breaks(rows: Any, breaks: Sequence[float]) -> Any:
    """Return the rows with one without values at the beginning of each gap."""
    empty = np.full((len(breaks), len(_COLUMNS)), np.nan)
    empty[:, 0] = breaks
    return np.insert(rows, np.searchsorted(rows[:, 0], breaks, side="right"), empty, axis=0)


def _outages(rows: Any) -> list[Span]:
    """Return from when to when the site was off the grid; a row without values ends an outage."""
    changes = np.flatnonzero(np.diff(rows[:, -1])) + 1
    return [(part[0, 0], part[-1, 0]) for part in np.split(rows, changes) if part[0, -1] == 1]


def _draw_house(panel: Axes, points: Points, energy: Energy) -> None:
    time = points["time"]
    for flow, colour, alpha in (
        ("pv_power", _SOLAR, 0.45),
        ("consumption_power", _HOUSE, 0.18),
        ("generator_power", _GENERATOR, 0.35),
    ):
        if flow != "generator_power" or np.nansum(points[flow]):
            label = f"{FLOW_NAMES[flow]} {_kwh(energy, flow)} kWh"
            _area(panel, time, 0, points[flow], colour, label, alpha=alpha)
    panel.set_ylabel("kW")
    lowest = np.concatenate([points["pv_power"], points["consumption_power"], [0.0]])
    if np.nanmin(lowest) >= 0:
        panel.set_ylim(bottom=0)


def _draw_sources(panel: Axes, points: Points, energy: Energy, *, has_battery: bool) -> None:
    """Draw the grid on top of the battery: what they give above 0, what they take below."""
    time = points["time"]
    below = {1: np.zeros(len(time)), -1: np.zeros(len(time))}
    for name, colour, given, taken in (
        ("Battery", _BATTERY, "battery_discharging", "battery_charging"),
        ("Grid", _GRID, "grid_import", "grid_export"),
    ):
        if name == "Battery" and not has_battery:
            continue
        label = f"{name} +{_kwh(energy, given)}, -{_kwh(energy, taken)} kWh"
        for flow, sign in ((given, 1), (taken, -1)):
            above = below[sign] + sign * points[flow]
            _area(panel, time, below[sign], above, colour, label if sign > 0 else "")
            below[sign] = np.where(np.isnan(above), below[sign], above)
    panel.axhline(0, color=_INK, linewidth=0.8)
    panel.set_ylabel("kW")
    taking = "charging and export" if has_battery else "export"
    giving = "discharging and import" if has_battery else "import"
    panel.set_title(f"+ {giving}, - {taking}", loc="left", fontsize=8.5, color=_DIM)


def _area(
    panel: Axes, time: Any, low: Any, high: Any, colour: str, label: str, *, alpha: float = 0.35
) -> None:
    panel.fill_between(time, low, high, color=colour, alpha=alpha, linewidth=0)
    [line] = panel.plot(time, high, color=colour, linewidth=1.3, label=label)
    known = np.pad(~np.isnan(high), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    if alone.any():  # a line of one point would not be seen
        line.set(marker=".", markevery=alone)


def _mark(panel: Axes, gaps: Sequence[Span], outages: Sequence[Span], *, labelled: bool) -> None:
    """Shade gaps and outages, and put the legend above the panel."""
    first, last = panel.get_xlim()
    handles, _ = panel.get_legend_handles_labels()
    for name, spans, look in (("No data", gaps, _GAP_LOOK), ("Outage", outages, _OUTAGE_LOOK)):
        for since, until in spans:
            panel.axvspan(since, until, **look)
            if labelled and until - since > _LABELLED * (last - first):
                panel.text(
                    (since + until) / 2,
                    0.97,
                    name.lower(),
                    transform=panel.get_xaxis_transform(),
                    ha="center",
                    va="top",
                    color=_DIM,
                    fontsize=8.5,
                )
        if labelled and spans:
            handles.append(Patch(label=name, **look))
    panel.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.005, 0.96),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
    )
    panel.grid(axis="y", color=_FAINT, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(length=0, labelcolor=_DIM)
    panel.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _label_time(panel: Axes, since: datetime, until: datetime) -> None:
    is_one_day = local(since).date() == local(until).date()
    zone = tzlocal()
    locate: Any = AutoDateLocator  # without annotations, as is the other
    write: Any = ConciseDateFormatter
    locator = locate(tz=zone, minticks=5, maxticks=12)
    panel.xaxis.set_major_locator(locator)
    formatter = write(locator, tz=zone, show_offset=False)
    formatter.zero_formats[3] = "%H:%M" if is_one_day else "%d %b"
    panel.xaxis.set_major_formatter(formatter)
    # Two where daylight saving time begins or ends.
    zones = dict.fromkeys(str(local(each).tzname()) for each in (since, until))
    panel.set_xlabel(f"Local time ({', '.join(zones)})", color=_DIM, fontsize=9)


def _period(since: datetime, until: datetime) -> str:
    first, last = (f"{local(each):%A, %d %B %Y}".replace(", 0", ", ") for each in (since, until))
    return first if first == last else f"{first} to {last}"


def _kwh(energy: Energy, flow: str) -> str:
    return f"{energy.flows[flow].kwh:,.2f}" if flow in energy.flows else MISSING


def _days(moment: datetime) -> float:
    return moment.timestamp() / _DAY
