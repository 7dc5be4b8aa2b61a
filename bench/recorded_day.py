"""A recording of a day, made with the mock: exported, summed and drawn by the command.

`make bench ONLY=recorded_day` prints the table.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from enphase_streaming import AsyncStreamingClient, Budget, read_recording, sum_energy
from enphase_streaming_mock import HandClock, Mock, Scenario
from table import Row, Section

_START = datetime(2026, 6, 21, tzinfo=UTC)
_WINDOW = 300
_WINDOWS = 288
_SECONDS = _WINDOW * _WINDOWS


class Day(Scenario):
    """A day in June, from midnight."""

    name = "day"
    hour = 0.0
    charge = 40


async def record(path: Path) -> Mock:
    """Record 24 hours of the mock by the client, on a clock that the client moves."""
    clock = HandClock(_START)
    mock = Mock(clock=clock, scenario=Day, token_lifetime=None, plan="unlimited")
    async with (
        AsyncStreamingClient(**mock.client_options) as client,
        client.watch(mock.system_id, budget=Budget(calls=_WINDOWS)).record(path) as readings,
    ):
        async for _ in readings:
            pass
    return mock


def simulated(mock: Mock) -> dict[str, float]:
    """Return the energy that the simulation itself counts, in kWh."""
    watts = {"pv_power": 0, "consumption_power": 0, "grid_import": 0, "grid_export": 0}
    watts |= {"battery_charging": 0, "battery_discharging": 0}
    for second in range(_SECONDS):
        report = mock.engine.site.reading(second)
        watts["pv_power"] += report["pv_power"]
        watts["consumption_power"] += report["consumption_power"]
        watts["grid_import"] += max(report["grid_power"], 0)
        watts["grid_export"] += max(-report["grid_power"], 0)
        watts["battery_discharging"] += max(report["battery_power"], 0)
        watts["battery_charging"] += max(-report["battery_power"], 0)
    return {flow: seconds / 3_600_000 for flow, seconds in watts.items()}


def command(*arguments: str | Path) -> tuple[float, float]:
    """Return the CPU time in seconds and the peak memory in MiB of one run of the command."""
    line = [sys.executable, "-m", "enphase_streaming", *map(str, arguments)]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(sys.executable, line, os.environ, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"{' '.join(line)} failed.")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def section() -> Section:
    """Record a day, and measure each use of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "day.jsonl")
        expected = simulated(asyncio.run(record(path)))
        with read_recording(path) as readings:
            found = sum_energy(readings)
        errors = [abs(found.flows[flow].kwh / kwh - 1) * 100 for flow, kwh in expected.items()]
        runs = {
            "`export --energy`": command("export", path, "--energy"),
            "`export -o day.csv`": command("export", path, "-o", Path(folder, "day.csv")),
            "`plot -o day.png`": command("plot", path, "-o", Path(folder, "day.png")),
        }
        size = path.stat().st_size / 2**20
    rows = [Row("energy, the largest error of a flow", "%", [max(errors)], at_most=0.1)]
    for name, (seconds, memory) in runs.items():
        rows.append(Row(name, "s of CPU", [seconds], at_most=20))
        rows.append(Row(f"{name}, peak memory", "MiB", [memory], at_most=100))
    return Section(
        "A recorded day",
        f"{_WINDOWS} windows of {_WINDOW} s from the mock in a recording of {size:.0f} MiB: "
        f"{_SECONDS:,} readings. The error is that to the simulation's own sums.",
        rows,
    )


if __name__ == "__main__":
    print(section().markdown())
