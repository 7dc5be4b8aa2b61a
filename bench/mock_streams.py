"""How late the mock's events are with many clients at once.

`python bench/mock_streams.py [CLIENTS]` opens that many streams (2000) on a mock in a process of
its own, bound to one core where the system can, reads each to its end at the real pace (30 s, one
event a second), and prints how many events came, how many are missing, and how late they were.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

_SECONDS = 30
_SENT = re.compile(rb'"timestamp_epoch":(\d+)')


async def read(host: str, port: int, request: bytes, late: list[float], opened: float) -> None:
    """Read one stream to its end, noting how late each event is by the timestamp it carries."""
    await asyncio.sleep(opened)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    rest = b""
    while chunk := await reader.read(65_536):
        now = time.time()
        *events, rest = (rest + chunk).split(b"\n\n")
        late += [now - int(found[1]) / 1000 for event in events if (found := _SENT.search(event))]
        if rest.endswith(b"0\r\n\r\n"):
            break
    writer.close()
    await writer.wait_closed()


async def measure(clients: int, address: str, request: bytes) -> list[float]:
    """Return how late every event was, in seconds; clients arrive spread over one second."""
    host, port = address.split(":")
    late: list[float] = []
    await asyncio.gather(
        *(read(host, int(port), request, late, index / clients) for index in range(clients))
    )
    return late


def main() -> int:
    """Run the mock, measure, print one line; fail if an event is missing."""
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    command = Path(sysconfig.get_path("scripts"), "enphase-mock")
    with subprocess.Popen(
        [command, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as mock:
        try:
            if hasattr(os, "sched_setaffinity"):
                cores = sorted(os.sched_getaffinity(0))
                os.sched_setaffinity(mock.pid, cores[:1])
                os.sched_setaffinity(0, cores[1:] or cores)
            assert mock.stdout is not None
            printed = dict(mock.stdout.readline().split() for _ in range(4))
            origin, path = printed["base_url"].removeprefix("http://").split("/", 1)
            request = (
                f"GET /{path}/systems/{printed['system_id']}/live_data HTTP/1.1\r\n"
                f"Host: {origin}\r\nkey: {printed['api_key']}\r\n"
                f"Authorization: Bearer {printed['access_token']}\r\nConnection: close\r\n\r\n"
            ).encode()
            late = sorted(asyncio.run(measure(clients, origin, request)))
            memory, busy = _used(mock.pid)
        finally:
            mock.terminate()
    expected = clients * _SECONDS
    print(
        f"{clients} clients: {len(late)} of {expected} events, late by "
        f"{_at(late, 0.5):.1f} ms (median), {_at(late, 0.99):.1f} ms (p99), "
        f"{_at(late, 1.0):.1f} ms (most); the mock used {busy:.1f} s of one core"
        f"{memory}."
    )
    return int(len(late) != expected)


def _at(late: list[float], share: float) -> float:
    return late[min(len(late) - 1, int(len(late) * share))] * 1000


def _used(pid: int) -> tuple[str, float]:
    """What the mock's process holds and has used so far, where the system tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return "", float("nan")
    ticks = os.sysconf("SC_CLK_TCK")
    megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return f" and holds {megabytes:.0f} MB", (int(fields[11]) + int(fields[12])) / ticks


if __name__ == "__main__":
    sys.exit(main())
