"""A day of one site through one watch: CPU time and growth of memory.

`make bench ONLY=day` prints the table.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Sequence

import driven
from enphase_streaming_mock.wire import Wire
from events import COUNT, reports, written
from table import Row, Section

_WINDOWS = 288
_WARM = 12
"""Windows of the first hour, after which memory should no longer grow."""
_REPEATS = 3


def seconds(day: Sequence[list[bytes]]) -> float:
    """Return the CPU time of the core for the day."""
    began = time.thread_time()
    count = sum(1 for _ in driven.readings(day))
    took = time.thread_time() - began
    assert count == _WINDOWS * COUNT
    return took


def growth(day: Sequence[list[bytes]]) -> float:
    """Return the growth of memory from the end of the first hour to the last event, in MiB."""
    # Copies, so that a chunk that is kept counts as growth.
    windows = ([event[:-1] + b"\n" for event in window] for window in day)
    held: list[int] = []
    tracemalloc.start()
    try:
        for count, _ in enumerate(driven.readings(windows), 1):
            if count in (_WARM * COUNT, _WINDOWS * COUNT):
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    warm, last = held
    return (last - warm) / 2**20


def section() -> Section:
    """Measure both with windows of one event a chunk, all different."""
    day = [written(reports(number), Wire(), number) for number in range(_WINDOWS)]
    return Section(
        "A day",
        f"{_WINDOWS} windows of {COUNT} different events through one `watch`, without the I/O: its"
        f" CPU time, {_REPEATS} times, and by how much its memory grew after the first hour.",
        [
            Row("86,400 events", "s of CPU", [seconds(day) for _ in range(_REPEATS)]),
            Row("growth of memory", "MiB", [growth(day)], at_most=1),
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
