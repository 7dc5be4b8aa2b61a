"""The mock and Prism, started as users start them, and a request that both refuse."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).resolve().parent.parent
_HEADERS = {
    "Prefer": "code=461", "Accept": "application/json", "key": "k", "Authorization": "Bearer t"
}  # fmt: skip


class Server(NamedTuple):
    """A command, with `{port}` for the port, and the path of a stream."""

    command: tuple[str, ...]
    path: str


MOCK = Server(
    (str(Path(sysconfig.get_path("scripts"), "enphase-mock")), "serve", "--port", "{port}"),
    "/api/v4/systems/1765/live_data",
)
PRISM = Server(
    (
        *(str(_ROOT / "mock" / "prism" / "node_modules" / ".bin" / "prism"), "mock"),
        *("--host", "127.0.0.1", "--port", "{port}", str(_ROOT / "build" / "spec" / "prism.yaml")),
    ),
    "/systems/1765/live_data",
)


def ask(connection: http.client.HTTPConnection, path: str) -> None:
    """Read one refusal to its end."""
    connection.request("GET", path, headers=_HEADERS)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 461:
        raise RuntimeError(f"{path} must answer 461, got {answer.status}")


def connect(port: int) -> http.client.HTTPConnection:
    """Return a connection that opens with its first request."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


@contextmanager
def running(server: Server) -> Iterator[tuple[int, float]]:
    """Start a server; yield its port, and the seconds until its first answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [each.format(port=port) for each in server.command]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while True:
            connection = connect(port)
            try:
                ask(connection, server.path)
                break
            except ConnectionRefusedError:
                if process.poll() is not None or time.perf_counter() - began > 30:
                    raise
                time.sleep(0.005)
            finally:
                connection.close()
        yield port, time.perf_counter() - began
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
