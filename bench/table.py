"""Rows that compare two measurements, and the Markdown of a section."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

_HEAD = ("what", "ours", "beside", "theirs", "ratio", "goal", "")
_STEADY = 0.1
"""The share by which both halves of the repeats may differ unmentioned."""


@dataclass(frozen=True)
class Row:
    """One figure of ours, and one of a peer from the same run, each the median of its repeats.

    `beside` is the name of the peer. The goals `at_most` and `at_least` are for the ratio of ours
    to theirs, or for ours if there is no peer.
    """

    what: str
    unit: str
    ours: Sequence[float]
    beside: str = ""
    theirs: Sequence[float] = ()
    at_most: float | None = None
    at_least: float | None = None

    @property
    def value(self) -> float:
        """The ratio, or the figure if there is no peer."""
        ours = statistics.median(self.ours)
        return ours / statistics.median(self.theirs) if self.beside else ours

    @property
    def met(self) -> bool:
        """Whether the goals are reached; true without a goal."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def moved(self) -> float:
        """By what share the value differs between the two halves of the repeats, 0 if unknown."""
        half = len(self.ours) // 2
        if not half or (self.beside and len(self.theirs) != len(self.ours)):
            return 0.0
        first, second = (
            replace(self, ours=self.ours[part], theirs=self.theirs[part]).value
            for part in (slice(half), slice(-half, None))
        )
        return abs(first - second) / max(abs(first), abs(second)) if first != second else 0.0

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row."""
        theirs = self.beside and f"{_figure(statistics.median(self.theirs))} {self.unit}"
        bounds = [("≤", self.at_most), ("≥", self.at_least)]
        goals = [f"{sign} {goal:g}" for sign, goal in bounds if goal is not None]
        unit = "" if self.beside or not goals else f" {self.unit}"
        remarks = ["met" if self.met else "missed"] if goals else []
        if self.moved > _STEADY:
            remarks.append(f"moved {self.moved:.0%}")
        return (
            self.what,
            f"{_figure(statistics.median(self.ours))} {self.unit}",
            self.beside,
            theirs,
            f"{self.value:.2f}" if self.beside else "",
            " and ".join(goals) + unit,
            ", ".join(remarks),
        )


@dataclass(frozen=True)
class Section:
    """Rows that were measured in one way. `how` describes it; `notes` explain missed goals."""

    title: str
    how: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """Return the Markdown of the section."""
        parts = [f"## {self.title}", self.how, markdown([_HEAD, *(r.cells() for r in self.rows)])]
        return "\n\n".join([*parts, *self.notes])


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return the Markdown of a table, whose head comes first."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    head, *rows = (map(str.ljust, line, widths) for line in lines)
    rule = ("-" * width for width in widths)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))


def _figure(value: float) -> str:
    """Return a value with three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
