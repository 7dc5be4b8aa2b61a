"""The live view: a full screen while the stream runs, its last frame left behind afterwards."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live

from enphase_streaming.cli.access import Access
from enphase_streaming.cli.cost import Spending
from enphase_streaming.cli.follow import counted_gaps
from enphase_streaming.cli.frame import Moment, frame
from enphase_streaming.core.reading import Reading

_FRAMES_A_SECOND = 5


def terminal() -> Console | None:
    """Return the terminal that stdout is, None if it is none."""
    console = Console(highlight=False)
    # Rich alone would take FORCE_COLOR for a terminal.
    return console if console.file.isatty() and console.is_interactive else None


class LiveView:
    """Shows the readings of a stream or a watch on a terminal. `beside` tells what else there is.

    The screen is drawn over, never erased, so that nothing flickers.
    """

    def __init__(
        self,
        console: Console,
        access: Access,
        spending: Spending,
        *,
        duration: int,
        beside: Callable[[], str] = str,
    ) -> None:
        self.gaps = 0
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
        # Frames are drawn on rich's own thread, readings come in on the caller's.
        self._changing = threading.Lock()
        self._live = Live(
            console=console,
            screen=True,
            get_renderable=self._frame,
            refresh_per_second=_FRAMES_A_SECOND,
        )

    def connecting(self) -> AbstractContextManager[object]:
        """Show that the stream is being opened."""
        if self._spending.many:
            return nullcontext()  # the view itself shows how that goes
        self._calls, self._opened = 1, self._access.monotonic()
        return self._console.status(f"Connecting to {self._access.host}", spinner_style="dim")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended = self._access.monotonic()
        self._live.stop()
        if self._count:
            self._console.print(self._frame())

    def show(self, reading: Reading) -> None:
        """Add a reading; it is on the screen at once."""
        with self._changing:
            self._readings.append(reading)
            self._count += 1
            self._waiting = None
        self._live.refresh()

    def wait(self, why: str, seconds: float) -> None:
        """Show that nothing comes for a while."""
        with self._changing:
            self._waiting = why, self._access.monotonic() + seconds

    def gap(self, since: datetime, until: datetime, why: Exception) -> None:
        """Count a gap."""
        with self._changing:
            self.gaps += 1

    def _frame(self) -> RenderableType:
        now = self._access.monotonic() if self._ended is None else self._ended
        with self._changing:
            # A call that was counted is a window that was opened.
            if self._spending.budget.spent != self._calls:
                self._calls, self._opened = self._spending.budget.spent, now
            moment = Moment(
                self._access.system_id,
                self._access.host,
                self._duration,
                now - self._opened,
                list(self._readings),
                self._count,
                self._spending.so_far,
                left=self._spending.left,
                beside=", ".join(filter(None, (self._beside(), self._told_gaps()))),
                running=self._ended is None,
            )
            if self._waiting is not None and moment.running:
                moment = _waiting(moment, *self._waiting, now)
        return frame(moment, self._console.width, self._console.height)

    def _told_gaps(self) -> str:
        return counted_gaps(self.gaps) if self.gaps else ""


def _waiting(moment: Moment, why: str, until: float, now: float) -> Moment:
    if now < until:
        return moment._replace(elapsed=None, note=f"Next try in {until - now:.0f} s. {why}")
    return moment._replace(note=f"Trying again. {why}")
