"""The mock beside Prism, in one run: time to the first answer, and refusals a second.

`python bench/mock_beside_prism.py` wants Prism installed and the view built: `make prism` does
both. It prints the medians of several repeats, and their ratio.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sysconfig
import threading
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_REPEATS = 5
_CONNECTIONS = 8
_SECONDS = 2.0
_HEADERS = {"Prefer": "code=461", "Accept": "application/json", "key": "k"}


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def mock(port: int) -> tuple[list[str], str]:
    """Return how to start our mock, and the path of a stream."""
    command = Path(sysconfig.get_path("scripts"), "enphase-mock")
    return [str(command), "serve", "--port", str(port)], "/api/v4/systems/1765/live_data"


def prism(port: int) -> tuple[list[str], str]:
    """Return how to start Prism, and the path of a stream."""
    command = _ROOT / "mock" / "prism" / "node_modules" / ".bin" / "prism"
    view = _ROOT / "build" / "spec" / "prism.yaml"
    started = [str(command), "mock", "--host", "127.0.0.1", "--port", str(port), str(view)]
    return started, "/systems/1765/live_data"


def status(port: int, path: str) -> int:
    """Return the status of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=_HEADERS | {"Authorization": "Bearer t"})
        return connection.getresponse().status
    finally:
        connection.close()


def refusals(port: int, path: str) -> float:
    """Return the refusals a second that eight kept connections get."""
    counts = [0] * _CONNECTIONS
    stop = time.perf_counter() + _SECONDS

    def ask(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while time.perf_counter() < stop:
            connection.request("GET", path, headers=_HEADERS | {"Authorization": "Bearer t"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 461
            counts[index] += 1
        connection.close()

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / _SECONDS


def measure(command: list[str], port: int, path: str) -> tuple[float, float]:
    """Return the seconds to the first answer, and the refusals a second."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while time.perf_counter() - began < 30:
            try:
                assert status(port, path) == 461
                break
            except OSError:
                time.sleep(0.01)
        first = time.perf_counter() - began
        return first, refusals(port, path)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def main() -> None:
    """Measure both in turn, several times, and print the table."""
    found: dict[str, list[tuple[float, float]]] = {"mock": [], "prism": []}
    for _ in range(_REPEATS):
        for name, server in (("mock", mock), ("prism", prism)):
            port = free_port()
            found[name].append(measure(*_with(server(port), port)))
    start = {name: statistics.median(each[0] for each in runs) for name, runs in found.items()}
    rate = {name: statistics.median(each[1] for each in runs) for name, runs in found.items()}
    print(f"{'':24}{'mock':>10}{'prism':>10}{'ratio':>8}")
    print(
        f"{'first answer after, s':24}{start['mock']:10.2f}{start['prism']:10.2f}"
        f"{start['mock'] / start['prism']:8.2f}"
    )
    print(
        f"{'refusals a second':24}{rate['mock']:10.0f}{rate['prism']:10.0f}"
        f"{rate['mock'] / rate['prism']:8.2f}"
    )


def _with(server: tuple[list[str], str], port: int) -> tuple[list[str], int, str]:
    command, path = server
    return command, port, path


if __name__ == "__main__":
    main()
