"""The live view: a full screen while the stream runs, its last frame left behind afterwards."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live

from enphase_streaming.cli.frame import Moment, frame
from enphase_streaming.reading import Reading

_FRAMES_A_SECOND = 5


class LiveView:
    """Shows the readings of one stream on a terminal.

    The screen is drawn over, never erased, so that nothing flickers.
    """

    def __init__(
        self,
        console: Console,
        *,
        system_id: int,
        host: str,
        duration: int,
        cost: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._console = console
        self._system_id = system_id
        self._host = host
        self._duration = duration
        self._cost = cost
        self._monotonic = monotonic
        self._readings: deque[Reading] = deque(maxlen=duration)
        self._count = 0
        self._started = monotonic()
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
        self._started = self._monotonic()
        return self._console.status(f"Connecting to {self._host}", spinner_style="dim")

    def __enter__(self) -> Self:
        # Asked to end from outside, it takes the same way out, and gives the terminal back.
        self._asked_to_end = signal.signal(signal.SIGTERM, signal.default_int_handler)
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended = self._monotonic()
        self._live.stop()
        signal.signal(signal.SIGTERM, self._asked_to_end)
        self._console.print(self._frame())

    def show(self, reading: Reading) -> None:
        """Add a reading; it is on the screen at once."""
        with self._changing:
            self._readings.append(reading)
            self._count += 1
        self._live.refresh()

    def _frame(self) -> RenderableType:
        with self._changing:
            readings, count = list(self._readings), self._count
        now = self._monotonic() if self._ended is None else self._ended
        return frame(
            Moment(
                self._system_id,
                self._host,
                self._duration,
                now - self._started,
                readings,
                count,
                self._cost,
                running=self._ended is None,
            ),
            self._console.width,
            self._console.height,
        )
