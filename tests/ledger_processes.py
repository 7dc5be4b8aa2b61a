"""Processes that spend one budget on one ledger, and a server that counts what they send.

Each scenario is a process of its own, which has no threads, so that it can fork:
`python tests/ledger_processes.py SCENARIO PATH BASE_URL NUMBER...`.

`python tests/ledger_processes.py kill 200` kills that many at random moments, and prints what was
counted and what was sent.
"""

from __future__ import annotations

import os
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from callers import CREDENTIALS
from enphase_streaming import Budget, BudgetExhausted, Plan, SqliteLedger, StreamingClient

SPEED = 60.0
"""A minute of the plan takes a second in `race_on_a_plan`."""
_EVENT = b'data:{"data":{"pv_power":1}}\n\n'
_LONGEST_LIFE = 0.3
"""Seconds within which a process is killed."""
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares each process the reading of every authority that it could trust."""


class CountingServer(ThreadingHTTPServer):
    """Answers each request with a stream of one event."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests = 0
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that was killed."""


class _Handler(BaseHTTPRequestHandler):
    server: CountingServer

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(_EVENT)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


def run(scenario: Callable[..., None], path: Path, *numbers: int) -> int:
    """Run a scenario on the ledger of that path; return how many requests were sent."""
    with CountingServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            subprocess.run(
                [
                    *(sys.executable, __file__, scenario.__name__, path),
                    f"http://127.0.0.1:{server.server_port}/api/v4",
                    *map(str, numbers),
                ],
                check=True,
                timeout=300,
            )
        finally:
            server.shutdown()
            thread.join()
        return server.requests


def race(path: str, base_url: str, processes: int, attempts: int, calls: int) -> None:
    """Have processes attempt so many snapshots each at the same time, with `calls` a day."""
    _wait_for([_forked(_spend, path, base_url, attempts, calls) for _ in range(processes)])


def race_on_a_plan(path: str, base_url: str, processes: int, calls: int) -> None:
    """Have processes spend `calls` together on a plan, where all clocks are fast."""
    _wait_for([_forked(_spend_fast, path, base_url, calls) for _ in range(processes)])


def restart(path: str, base_url: str, times: int, calls: int) -> None:
    """Run processes one after another, each of which attempts one snapshot."""
    for _ in range(times):
        _wait_for([_forked(_spend, path, base_url, 1, calls)])


def kill(path: str, base_url: str, times: int, calls: int) -> None:
    """Kill processes that spend, two at a time, at random moments."""
    chance = random.Random(times)
    for _ in range(times // 2):
        pair = [_forked(_spend, path, base_url, 10_000, calls) for _ in range(2)]
        for process in pair:
            time.sleep(chance.uniform(0.0, _LONGEST_LIFE))
            os.kill(process, signal.SIGKILL)
        for process in pair:
            os.waitpid(process, 0)


def _forked(work: Callable[..., None], *arguments: Any) -> int:
    process = os.fork()
    if not process:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    return process


def _wait_for(processes: list[int]) -> None:
    for process in processes:
        _, status = os.waitpid(process, 0)
        assert os.waitstatus_to_exitcode(status) == 0


def _spend(path: str, base_url: str, attempts: int, calls: int) -> None:
    budget = Budget(calls=calls, per="day", ledger=SqliteLedger(path))
    transport = httpx.HTTPTransport(verify=_NO_TLS)
    with StreamingClient(**CREDENTIALS, base_url=base_url, transport=transport) as client:
        for _ in range(attempts):
            with suppress(BudgetExhausted):
                client.snapshot(1765, budget)


def _spend_fast(path: str, base_url: str, calls: int) -> None:
    def monotonic() -> float:
        return time.monotonic() * SPEED

    def now() -> datetime:
        return datetime.fromtimestamp(1_790_000_000 + monotonic(), UTC)

    ledger = SqliteLedger(path, now=now, monotonic=monotonic)
    budget = Budget(calls=calls, plan=Plan.KILOWATT, ledger=ledger)
    with (
        StreamingClient(
            **CREDENTIALS,
            base_url=base_url,
            transport=httpx.HTTPTransport(verify=_NO_TLS),
            monotonic=monotonic,
            now=now,
            first_reading_timeout=3600.0,
            stall_timeout=3600.0,
        ) as client,
        suppress(BudgetExhausted),
    ):
        while True:
            client.snapshot(1765, budget)


def main() -> None:
    """Run a scenario, or kill processes and print what came of it."""
    name, *arguments = sys.argv[1:]
    if len(arguments) == 1:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "ledger")
            sent = run(kill, file, int(arguments[0]), 1_000_000)
            rows = len(SqliteLedger(file).attempts())
        print(f"{arguments[0]} processes killed: {sent} requests sent, {rows} counted")
        return
    path, base_url, *numbers = arguments
    httpx.HTTPTransport(verify=_NO_TLS).close()  # imports what each of the processes needs
    scenarios: tuple[Callable[..., None], ...] = (race, race_on_a_plan, restart, kill)
    {each.__name__: each for each in scenarios}[name](path, base_url, *map(int, numbers))


if __name__ == "__main__":
    main()
