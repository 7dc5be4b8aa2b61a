"""A line for each reading: plain text, or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from types import TracebackType
from typing import Self

from enphase_streaming.cli.exits import say
from enphase_streaming.cli.words import FLOWS, GENERATOR, Flow, clean, clock_time, day, percent
from enphase_streaming.core.reading import Reading


class Plain:
    """Makes lines of text of readings. The first has the date, and the first of each new day."""

    def __init__(self) -> None:
        self._day = ""

    def __call__(self, reading: Reading) -> str:
        """Return the line of the next reading."""
        before, self._day = self._day, day(reading)
        line = _plain(reading)
        return line if self._day == before else f"{self._day} {line}"


def _plain(reading: Reading) -> str:
    flows = [*FLOWS, GENERATOR] if reading.generator_power else FLOWS
    return "  ".join(
        (
            clock_time(reading),
            *(_flow(flow, reading) for flow in flows),
            clean(reading.battery_mode),
            clean(reading.grid_status),
        )
    )


def as_json(reading: Reading) -> str:
    """Return a reading as one line of JSON."""
    return json.dumps(reading.to_dict())


def _flow(flow: Flow, reading: Reading) -> str:
    watts = flow.watts(reading)
    word = flow.direction(watts).word if flow.signed else ""
    amount = "" if word == "idle" else flow.amount(watts)
    charge = f"({percent(reading.battery_soc)})" if flow.field == "battery_power" else ""
    return " ".join(part for part in (flow.short, word, amount, charge) if part)


class Lines:
    """Prints each reading as a line, the moment it is there; waits and gaps go to stderr."""

    def __init__(self, line: Callable[[Reading], str]) -> None:
        self.gaps = 0
        self._line = line

    def connecting(self) -> AbstractContextManager[object]:
        """Show nothing: lines are for programs and files."""
        return nullcontext()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def show(self, reading: Reading) -> None:
        """Print a reading."""
        print(self._line(reading), flush=True)

    def wait(self, why: str, seconds: float) -> None:
        """Say that nothing comes for a while."""
        say(f"Next try in {seconds:.0f} s. {why}".rstrip())

    def gap(self, since: datetime, until: datetime, why: Exception) -> None:
        """Say which readings are missing."""
        self.gaps += 1
        say(f"No readings from {since.astimezone():%H:%M:%S} to {until.astimezone():%H:%M:%S}.")
