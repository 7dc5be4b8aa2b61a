"""How a recording comes along, where there is no terminal for the live view."""

from __future__ import annotations

from collections.abc import Callable

from enphase_streaming.cli.exits import say
from enphase_streaming.cli.lines import Lines
from enphase_streaming.core.reading import Reading

_EVERY = 60.0


def size(count: int) -> str:
    """Return a number of bytes for a person."""
    if count < 1_000:
        return f"{count} bytes"
    return f"{count / 1e3:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


class Progress(Lines):
    """Says once a minute how far it is; the readings are in the file."""

    def __init__(self, told: Callable[[], str], monotonic: Callable[[], float]) -> None:
        super().__init__(lambda reading: "")
        self._told = told
        self._monotonic = monotonic
        self._readings = 0
        self._next = monotonic() + _EVERY

    def show(self, reading: Reading) -> None:
        """Count a reading."""
        self._readings += 1
        if self._monotonic() >= self._next:
            self._next += _EVERY
            count = "1 reading" if self._readings == 1 else f"{self._readings} readings"
            say(f"{count}, {self._told()}.")
