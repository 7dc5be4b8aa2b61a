"""A row of small bars: how high a power was over the window."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.text import Text

_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"
_MOST = 10**15
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0)


def sparkline(
    values: Sequence[float | None],
    width: int,
    *,
    total: int,
    style: Callable[[float], str] = lambda value: "",
) -> Text:
    """Return the course of a power, from the oldest value to the newest.

    `total` values fill `width` bars: a bar is the mean of those that fall on it, and a value
    that has several bars for itself stands on each of them. Bars stand on 0 and show how far from
    it a power is; `style` gives its sign a colour. A bar without a value is a gap.
    """
    means = [_mean(values[start:end]) for start, end in _spans(len(values), width, total)]
    top = _top(max((abs(mean) for mean in means if mean is not None), default=0.0))
    line = Text(no_wrap=True)
    for mean in means:
        if mean is None:
            line.append(_GAP, "dim")
        else:
            height = round(abs(mean) / top * (len(_BARS) - 1))
            line.append(_BARS[height], style(mean))
    return line


def _spans(count: int, width: int, total: int) -> list[tuple[int, int]]:
    """Return which values each bar is made of, for the bars that have any."""
    spans = ((bar * total // width, (bar + 1) * total // width) for bar in range(width))
    return [(start, max(start + 1, end)) for start, end in spans if start < count]


def _top(largest: float) -> float:
    """Return a round number above the largest: the bars are not drawn anew for each new peak."""
    magnitude = 10.0 ** math.floor(math.log10(max(largest, 10.0)))
    return next(step * magnitude for step in _STEPS if step * magnitude >= largest)


def _mean(values: Sequence[float | None]) -> float | None:
    # JSON knows numbers that no float can hold.
    known = [max(-_MOST, min(_MOST, value)) for value in values if value is not None]
    return sum(known) / len(known) if known else None
