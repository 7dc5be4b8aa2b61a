"""The sync client in threads: 200 streams of one event a second, compared with httpx-sse.

`make bench ONLY=threads` prints the table. `python bench/threads.py SIDE BASE_URL` is one process
of it: it follows every site and prints what that uses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import httpx_sse

import stock
from enphase_streaming import Budget, StreamingClient
from following import POOL, resident
from paced import paced
from table import Row, Section

STREAMS = 200
_SETTLE, _SECONDS, _TIMES = 1.0, 2.0, 3
_REPEATS = 2
_PEER = "httpx, httpx-sse, json, stock models"


class Used(NamedTuple):
    """What one process used: µs of CPU per event; threads and KiB of memory per stream."""

    cpu: float
    threads: float
    memory: float


Follow = Callable[[int], Iterator[object]]


def ours(base_url: str) -> Follow:
    """Follow sites with `StreamingClient`."""
    client = StreamingClient(api_key="key", access_token="token", base_url=base_url)

    def follow(site: int) -> Iterator[object]:
        with client.watch(site, budget=Budget.unlimited()) as readings:
            yield from readings

    return follow


def theirs(base_url: str) -> Follow:
    """Follow sites with httpx and its defaults, httpx-sse, json and the stock models."""
    clients = [httpx.Client() for _ in range(STREAMS // POOL)]
    from_dict = stock.module("models").StreamSystemLiveDataResponse.from_dict
    headers = {"Authorization": "Bearer token", "key": "key", "duration": "300"}

    def follow(site: int) -> Iterator[object]:
        client = clients[site % len(clients)]
        url = f"{base_url}/systems/{site}/live_data"
        with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
            for event in source.iter_sse():
                yield from_dict(json.loads(event.data))

    return follow


def use(side: str, base_url: str) -> list[Used]:
    """Follow every site, each in a thread of its own, and return what each measurement used."""
    follow = {"ours": ours, "theirs": theirs}[side](base_url)
    counts = dict.fromkeys(range(1, STREAMS + 1), 0)
    opened = threading.Semaphore(0)

    def count(site: int) -> None:
        for _ in follow(site):
            counts[site] += 1
            if counts[site] == 1:
                opened.release()

    before = resident()
    for site in counts:
        threading.Thread(target=count, args=(site,), daemon=True).start()
    for _ in counts:
        opened.acquire()
    time.sleep(_SETTLE)
    found = []
    for _ in range(_TIMES):
        cpu, events = time.process_time(), sum(counts.values())
        time.sleep(_SECONDS)
        cpu, events = time.process_time() - cpu, sum(counts.values()) - events
        threads = (threading.active_count() - 1) / STREAMS
        found.append(Used(cpu / events * 1e6, threads, (resident() - before) / STREAMS))
    return found


def idle() -> float:
    """Return the memory of a thread that only waits, in KiB."""
    end, before = threading.Event(), resident()
    waiting = [threading.Thread(target=end.wait) for _ in range(STREAMS)]
    for thread in waiting:
        thread.start()
    memory = (resident() - before) / STREAMS
    end.set()
    for thread in waiting:
        thread.join()
    return memory


def measure(side: str, path: str) -> list[Used]:
    """Return what a new process uses."""
    with paced(interval=1.0, streams=STREAMS) as (base_url, _):
        run = subprocess.run(
            [sys.executable, Path(__file__), side, base_url],
            stdout=subprocess.PIPE,
            check=True,
            env=os.environ | {"PYTHONPATH": path},
        )
    return [Used(*used) for used in json.loads(run.stdout)]


def section() -> Section:
    """Measure both sides in turn."""
    mine: list[Used] = []
    other: list[Used] = []
    with stock.generated() as path:
        for _ in range(_REPEATS):
            mine += measure("ours", path)
            other += measure("theirs", path)

    def row(what: str, unit: str, field: str, goal: float | None) -> Row:
        mine_of, theirs_of = ([getattr(each, field) for each in used] for used in (mine, other))
        return Row(what, unit, mine_of, _PEER, theirs_of, at_most=goal)

    threads = [each.threads for each in mine]
    return Section(
        f"{STREAMS} streams in threads",
        f"{STREAMS} streams of one event a second, each read by its own thread with the sync "
        f"client, {_TIMES} times for {_SECONDS:g} s in each of {_REPEATS} processes; the server is "
        "another process, on another core.",
        [
            row("CPU of an event", "µs", "cpu", 1.2),
            Row("threads of a stream, the caller's included", "", threads, at_most=2),
            row("memory of a stream", "KiB", "memory", 1.2),
            Row("memory of a thread that waits", "KiB", [idle()]),
        ],
        [
            "A second thread reads from the socket, so that a deadline or `close()` frees the "
            "caller on every transport. It passes each chunk through a queue. Without anything "
            "else, such a thread is nearly all of the memory that the goal allows beyond the peer. "
            "In the profile, `_backends/sync.py` is httpcore's buffer of 64 KiB for each read, "
            "which the peer has, too, and of which a process holds only the pages that are used."
        ],
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(use(sys.argv[1], sys.argv[2])), flush=True)
        os._exit(0)  # closing the streams is not measured
    print(section().markdown())
