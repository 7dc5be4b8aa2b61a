"""Servers for thousands of streams, each in its own process on one core.

`python bench/streaming.py bare` serves a bare handler, `together` the mock with all streams due at
the same time. Both print their base URL first, as `enphase-mock serve` does.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from enphase_streaming_mock import MockServer, ScaledClock

MOCK = (str(Path(sysconfig.get_path("scripts"), "enphase-mock")), "serve", "--port", "0")
BARE = (sys.executable, __file__, "bare")
TOGETHER = (sys.executable, __file__, "together")

STANDS = 14.0
"""Seconds until the clock of `TOGETHER` starts."""

_EVENT = (
    b'data:{"data":{"system_id":1765,"envoy_serial_number":["121900000001"],"pv_power":4210,'
    b'"consumption_power":1830,"battery_power":-1500,"battery_soc":64,'
    b'"battery_mode":"Self-consumption","grid_power":-880,"grid_status":"On Grid",'
    b'"generator_power":0},"timestamp_epoch":1782043200250,'
    b'"timestamp_utc":"2026-06-21 12:00:00.250","type":"response"}\n\n'
)


@dataclass(frozen=True)
class Served:
    """A running server, and what it has used according to Linux."""

    pid: int
    host: str
    port: int

    @property
    def cpu(self) -> float:
        """CPU time in seconds, including the kernel's."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> int:
        """Resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def served(command: tuple[str, ...]) -> Iterator[Served]:
    """Run a server on the first core, and this process on the others."""
    cores = os.sched_getaffinity(0)
    first = {min(cores)}
    os.sched_setaffinity(0, first)  # which the server inherits
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.sched_setaffinity(0, cores - first or cores)
    try:
        assert process.stdout is not None
        url = urlsplit(process.stdout.readline().strip().partition("=")[2])
        assert url.hostname is not None
        assert url.port is not None
        yield Served(process.pid, url.hostname, url.port)
    finally:
        process.kill()
        process.communicate()
        os.sched_setaffinity(0, cores)


async def _stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        await response.write(_EVENT)
        # Kept on schedule, as the mock's are: pauses of a second would drift until many streams
        # wake at once, which costs less.
        due += 1.0
        await asyncio.sleep(due - loop.time())


async def _bare() -> None:
    application = web.Application()
    application.router.add_get("/{path:.*}", _stream)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(f"export ENPHASE_BASE_URL=http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


class _Standing(ScaledClock):
    """A clock that stays at 0 at first, so that all streams opened meanwhile start together."""

    def __init__(self) -> None:
        super().__init__(start=datetime.now(UTC) + timedelta(seconds=STANDS))

    def monotonic(self) -> float:
        return max(0.0, super().monotonic() - STANDS)

    def delay(self, moment: float) -> float:
        return moment + STANDS - super().monotonic()


def _together() -> None:
    with MockServer(clock=_Standing()) as mock:
        print(f"export ENPHASE_BASE_URL={mock.base_url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        asyncio.run(_bare())
    else:
        _together()
