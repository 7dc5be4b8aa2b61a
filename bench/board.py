"""One site on a small board: the CPU time of a second, and the memory of a day.

`make bench ONLY=board` prints the table. `python bench/board.py EVENTS BASE_URL` is one process of
it: it reads so many events and prints what that used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from enphase_streaming import StreamingClient
from following import resident
from paced import paced
from table import Row, Section

_SECONDS = 5
_REPEATS = 2
_DAY, _HOUR = 86_400, 3_600
_SHARE = 10
"""The board has so much less than one core of this machine."""


class Used(NamedTuple):
    """What one process used: ms of CPU per event; its memory after an hour and at the end, MB."""

    cpu: float
    early: float
    memory: float


def use(events: int, base_url: str) -> Used:
    """Read events of one stream with the sync client; the first is not measured."""
    with (
        StreamingClient(api_key="key", access_token="token", base_url=base_url) as client,
        client.live_data(1765, duration=300) as readings,
    ):
        next(readings)
        began, early = time.process_time(), 0.0
        for count, _ in enumerate(islice(readings, events), 1):
            if count == _HOUR:
                early = resident() * 1024 / 1e6
        cpu = time.process_time() - began
        return Used(cpu / events * 1000, early, resident() * 1024 / 1e6)


def measure(events: int, interval: float) -> Used:
    """Return what a new process uses that reads one event each `interval` seconds."""
    with paced(interval=interval) as (base_url, _):
        run = subprocess.run(
            [sys.executable, Path(__file__), str(events), base_url],
            stdout=subprocess.PIPE,
            check=True,
        )
    return Used(*json.loads(run.stdout))


def section() -> Section:
    """Measure seconds at their real pace, and a day's events as fast as they come."""
    seconds = [measure(_SECONDS, 1.0) for _ in range(_REPEATS)]
    day = measure(_DAY, 0.0001)
    return Section(
        "A small board",
        "One site over a socket, with the sync client in its own process. A second is one event at "
        f"the real pace, the mean of {_SECONDS}, {_REPEATS} times: its CPU time here, multiplied "
        f"by {_SHARE} as on a board with a tenth of this core. A day is {_DAY:,} events as fast as "
        "they can be read. The memory is the whole process, with Python and httpx.",
        [
            Row("a second's work, on a tenth of a core", "ms",
                [used.cpu * _SHARE for used in seconds], at_most=20),
            Row("memory at the end of the day", "MB", [day.memory], at_most=60),
            Row("growth of memory after the first hour", "MB", [day.memory - day.early],
                at_most=1),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(use(int(sys.argv[1]), sys.argv[2])))
    else:
        print(section().markdown())
