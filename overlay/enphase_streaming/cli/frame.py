"""What the live view looks like at one moment; no clock and no terminal in here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from enphase_streaming.cli.sparkline import sparkline
from enphase_streaming.cli.words import (
    FLOWS,
    GENERATOR,
    MISSING,
    Flow,
    clean,
    clock_time,
    day,
    percent,
)
from enphase_streaming.core.reading import Reading

_WIDEST = 110
_LABEL, _AMOUNT, _WORD = 11, 8, 14
# The borders with their padding, the three columns before, and the two spaces after each.
_BESIDE_COURSE = 6 + _LABEL + _AMOUNT + _WORD + 6
_NARROWEST_COURSE = 8
_ROOMY = 20
"""So many lines leave room for an empty one between the powers."""
_SHORT = 13
"""Fewer lines have no room for the bars."""
_STATUS_STYLES = {"On Grid": "green", "Off Grid": "yellow"}


class Moment(NamedTuple):
    """All that a frame shows. `readings` are the newest of those `received`, oldest first.

    `elapsed` is how old the window is, None between two. `note` is why nothing comes at the
    moment. `left` and `beside` (what else came of the readings) may be empty.
    """

    system_id: int
    host: str
    duration: int
    elapsed: float | None
    readings: Sequence[Reading]
    received: int
    cost: str
    left: str = ""
    beside: str = ""
    note: str = ""
    running: bool = True


def frame(moment: Moment, width: int, height: int) -> RenderableType:
    """Return the view of a moment for a terminal of that many columns and lines."""
    width = min(width, _WIDEST)
    roomy = height >= _ROOMY
    lines = [_headline(moment), _note(moment), _powers(moment, width, roomy)]
    if height >= _SHORT:
        lines += ["", _bars(moment, width)]
    return Panel(
        Group(*lines, _counts(moment, width)),
        title=Text(f"Site {moment.system_id}", "bold"),
        subtitle=Text("Ctrl-C ends it", "dim") if moment.running else None,
        border_style="dim",
        padding=(1 if roomy else 0, 2),
        width=width,
    )


def snapshot_table(reading: Reading) -> RenderableType:
    """Return one reading as a table."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, value in (
        ("Time", f"{day(reading)} {clock_time(reading)}"),
        ("Grid status", clean(reading.grid_status)),
        ("Mode", clean(reading.battery_mode)),
        ("Charge", percent(reading.battery_soc)),
    ):
        table.add_row(label, Text(value))
    for flow in _shown([reading]):
        table.add_row(flow.label, Text(" ").join(_now(flow, [reading])))
    return table


def _headline(moment: Moment) -> RenderableType:
    line = Table.grid(expand=True, padding=(0, 2, 0, 0))
    line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    line.add_column(no_wrap=True, justify="right")
    if not moment.readings:
        line.add_row(Text("Waiting for the first reading", "dim"), Text(moment.host, "dim"))
        return line
    last = moment.readings[-1]
    status = clean(last.grid_status)
    said = f"{status}   {clean(last.battery_mode)}"
    at = f"{clock_time(last)}   {moment.host}"
    if moment.note:  # nothing comes: what is shown was so when the last reading came
        line.add_row(Text(f"○ {said}", "dim"), Text(f"as of {at}", "dim"))
        return line
    left = Text("● ", _STATUS_STYLES.get(status, "dim")).append(said, "default not dim")
    line.add_row(left, Text(at, "dim"))
    return line


def _note(moment: Moment) -> RenderableType:
    note = clean(moment.note, longest=200) if moment.note else ""
    return Text(note, "yellow", no_wrap=True, overflow="ellipsis")


def _powers(moment: Moment, width: int, roomy: bool) -> RenderableType:
    table = _grid(width)
    for flow in _shown(moment.readings):
        if roomy and table.row_count:
            table.add_row()
        course = _course(flow, moment, max(1, width - _BESIDE_COURSE))
        amount, word = _now(flow, moment.readings)
        if moment.note:
            word.style = "dim"
        table.add_row(flow.label, amount, word, *_fitting(course, width))
    return table


def _bars(moment: Moment, width: int) -> RenderableType:
    table = _grid(width)
    charge = moment.readings[-1].battery_soc if moment.readings else None
    full = "" if charge is None else _bar(charge, 100, "green")
    table.add_row("Charge", percent(charge), "", *_fitting(full, width))
    # The API may leave it open for a little longer, which is no part of the window.
    elapsed = min(moment.elapsed or 0, moment.duration)
    gone = "" if moment.elapsed is None else _bar(elapsed, moment.duration, "blue")
    seconds = MISSING if moment.elapsed is None else f"{moment.duration - elapsed:.0f} s"
    table.add_row("Window", seconds, f"left of {moment.duration} s", *_fitting(gone, width))
    return table


def _counts(moment: Moment, width: int) -> RenderableType:
    table = _grid(width)
    beside = Text(moment.beside, "dim", no_wrap=True, overflow="ellipsis")
    table.add_row("Readings", f"{moment.received:,}", "", *_fitting(beside, width))
    calls, _, price = moment.cost.partition(", ")
    left = Text(moment.left, "dim", no_wrap=True, overflow="ellipsis")
    table.add_row("Spent", price, calls, *_fitting(left, width))
    return table


def _grid(width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=_LABEL, no_wrap=True)
    table.add_column(width=_AMOUNT, justify="right", no_wrap=True)
    table.add_column(width=_WORD, no_wrap=True)
    if width - _BESIDE_COURSE >= _NARROWEST_COURSE:
        table.add_column(width=width - _BESIDE_COURSE, no_wrap=True)
    return table


def _fitting(course: RenderableType, width: int) -> list[RenderableType]:
    return [course] if width - _BESIDE_COURSE >= _NARROWEST_COURSE else []


def _shown(readings: Sequence[Reading]) -> Sequence[Flow]:
    # Once it ran, it keeps its row: nothing else moves when it stops.
    return [*FLOWS, GENERATOR] if any(each.generator_power for each in readings) else FLOWS


def _now(flow: Flow, readings: Sequence[Reading]) -> list[Text]:
    watts = flow.watts(readings[-1]) if readings else None
    arrow, word, style = flow.direction(watts)
    amount = Text(flow.amount(watts), "bold" if watts else "dim")
    return [amount, Text(f"{arrow} {word}", style)]


def _course(flow: Flow, moment: Moment, room: int) -> Text:
    return sparkline(
        [flow.watts(each) for each in moment.readings],
        room,
        total=moment.duration,
        style=lambda watts: flow.direction(watts).style,
    )


def _bar(completed: float, total: float, style: str) -> ProgressBar:
    return ProgressBar(
        total=total,
        completed=min(max(completed, 0), total),
        complete_style=style,
        finished_style=style,
    )
