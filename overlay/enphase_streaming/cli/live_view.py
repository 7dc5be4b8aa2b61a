"""The live view: a full screen while a stream runs; its last frame stays on the terminal."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from enphase_streaming.cli.cost import Spending
from enphase_streaming.cli.formatting import MISSING, Flow, clean, count, flows, local_time, percent
from enphase_streaming.cli.options import Access
from enphase_streaming.cli.output import Output, reason
from enphase_streaming.core.reading import Reading

_FRAMES_A_SECOND = 5
_WIDEST = 110
_LOWEST = 13
"""Fewer lines have no room for the charge and the window."""
_STATUS_STYLES = {"On Grid": "green", "Off Grid": "yellow"}
_BARS = "▁▂▃▄▅▆▇█"
_LEAST_TOP = 100
"""Watts that a full bar stands for at least, so that a standby power is not drawn as a peak."""


def live_view(
    access: Access, spending: Spending, duration: int, beside: Callable[[], str] = str
) -> LiveView | None:
    """Return a live view, None if stdout is no terminal. `beside` says what else to show."""
    console = Console(highlight=False)
    # Rich alone would take FORCE_COLOR for a terminal.
    if not (console.file.isatty() and console.is_interactive):
        return None
    return LiveView(console, access, spending, duration, beside)


class LiveView(Output):
    """Shows the readings of a stream or a watch on a terminal.

    The screen is drawn over and never erased, so that it does not flicker.
    """

    def __init__(
        self,
        console: Console,
        access: Access,
        spending: Spending,
        duration: int,
        beside: Callable[[], str] = str,
    ) -> None:
        self._console = console
        self._access = access
        self._spending = spending
        self._duration = duration
        self._beside = beside
        self._readings: deque[Reading] = deque(maxlen=duration)
        self._count = 0
        self._calls = 0
        self._opened = access.monotonic()
        self._waiting: tuple[str, float] | None = None
        self._ended: float | None = None
        # rich draws on a thread of its own.
        self._changing = threading.Lock()
        self._live = Live(
            console=console,
            screen=True,
            get_renderable=self.frame,
            refresh_per_second=_FRAMES_A_SECOND,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended = self._access.monotonic()
        self._live.stop()
        if self._count:
            self._console.print(self.frame())

    def show(self, reading: Reading) -> None:
        """Add a reading, and draw it."""
        with self._changing:
            super().show(reading)
            self._readings.append(reading)
            self._count += 1
            self._waiting = None
        self._live.refresh()

    def wait(self, seconds: float, error: Exception | None) -> None:
        """Show the reason of a wait, and count down."""
        with self._changing:
            super().wait(seconds, error)
            self._waiting = reason(error), self._access.monotonic() + seconds

    def frame(self) -> RenderableType:
        """Return the view of this moment."""
        now = self._access.monotonic() if self._ended is None else self._ended
        with self._changing:
            # Each call that is counted opens a window.
            if self._spending.budget.spent != self._calls:
                self._calls, self._opened = self._spending.budget.spent, now
            age: float | None = now - self._opened
            note = ""
            if self._waiting is not None and self._ended is None:
                why, until = self._waiting
                note = f"Connecting again. {why}"
                if now < until:
                    note, age = f"Next call in {until - now:.0f} s. {why}", None
            stale = bool(note)
            shown_note = Text(note, "yellow", no_wrap=True, overflow="ellipsis")
            return Panel(
                Group(self._headline(stale=stale), shown_note, self._rows(age, stale=stale)),
                title=Text(f"Site {self._access.system_id} at {self._access.host}", "bold"),
                subtitle=Text("Ctrl-C to stop", "dim") if self._ended is None else None,
                border_style="dim",
                padding=(0, 2),
                width=min(self._console.width, _WIDEST),
            )

    def _headline(self, *, stale: bool) -> Text:
        if not self._readings:
            return Text("Waiting for the first reading", "dim")
        last = self._readings[-1]
        status = clean(last.grid_status)
        at = f"{'as of ' if stale else ''}{local_time(last):%H:%M:%S}"
        return Text.assemble(
            ("○ ", "dim") if stale else ("● ", _STATUS_STYLES.get(status, "dim")),
            (f"{status}   {clean(last.battery_mode)}   {at}", "dim" if stale else ""),
            no_wrap=True,
            overflow="ellipsis",
        )

    def _rows(self, age: float | None, *, stale: bool) -> RenderableType:
        rows = Table.grid(expand=True, padding=(0, 2, 0, 0))
        # Fixed widths: nothing moves from one frame to the next.
        rows.add_column(width=11, no_wrap=True)
        rows.add_column(width=8, no_wrap=True, justify="right")
        rows.add_column(width=14, no_wrap=True)
        rows.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        readings = list(self._readings)
        last = readings[-1] if readings else Reading()
        for flow in flows(readings):
            watts = flow.watts(last)
            arrow, word, style = flow.direction(watts)
            rows.add_row(
                flow.label,
                Text(flow.amount(watts), "bold" if watts else "dim"),
                Text(f"{arrow} {word}", "dim" if stale else style),
                Sparkline(flow, readings, self._duration),
            )
        if self._console.height >= _LOWEST:
            charge, total = last.battery_soc, self._duration
            rows.add_row()
            rows.add_row("Charge", percent(charge), "", _bar(charge, 100, "green"))
            # The API may keep a stream open a little longer than its duration.
            left = MISSING if age is None else f"{total - min(age, total):.0f} s"
            rows.add_row("Window", left, f"left of {total} s", _bar(age, total, "blue"))
        gaps = f"{count(self.gaps, 'gap')}  " if self.gaps else ""
        rows.add_row("Readings", f"{self._count:,}", "", Text(gaps + self._beside(), "dim"))
        calls, price = self._spending.spent.split(", ")
        rows.add_row("Spent", price, calls, Text(self._spending.left, "dim"))
        return rows


def _bar(value: float | None, total: float, style: str) -> RenderableType:
    if value is None:
        return ""
    value = min(max(value, 0), total)
    return ProgressBar(total, value, complete_style=style, finished_style=style)


class Sparkline:
    """A power over the window as a line of small bars, as wide as there is room.

    The values of `total` readings fill the line; a bar is the mean of those that fall on it. Bars
    show how far from 0 a power is, and their colour its sign.
    """

    def __init__(self, flow: Flow, readings: Sequence[Reading], total: int) -> None:
        self._values = [flow.watts(each) for each in readings]
        self._flow = flow
        self._total = total

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Draw the line."""
        width, total = options.max_width, self._total
        means = []
        for start in range(0, width * total, total):
            values = self._values[
                start // width : max(start // width + 1, (start + total) // width)
            ]
            if values:
                known = [value for value in values if value is not None]
                # Whole numbers: JSON has some that no float can hold.
                means.append(sum(known) // len(known) if known else None)
        top = max([_LEAST_TOP, *(abs(mean) for mean in means if mean is not None)])
        line = Text(no_wrap=True)
        for mean in means:
            if mean is None:
                line.append("·", "dim")
            else:
                height = (2 * abs(mean) * (len(_BARS) - 1) + top) // (2 * top)  # rounded
                line.append(_BARS[height], self._flow.direction(mean)[-1])
        yield line
