"""Prism in a process group of its own, on a free loopback port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSTALLED = ROOT / "mock" / "prism"
PATIENCE = 60.0
"""Seconds in which Prism has to answer."""


class PrismIsMissing(Exception):
    """Raised with what to install."""


def check_installed(folder: Path = INSTALLED) -> None:
    """Raise PrismIsMissing unless Node.js and the packages of the lock file are there."""
    if shutil.which("npx") is None:
        raise PrismIsMissing("Prism needs Node.js 20 or newer, with npm and npx on the PATH.")
    if not (folder / "node_modules" / ".bin" / "prism").exists():
        raise PrismIsMissing("Prism is not installed: run `make prism` or `make test`.")


@contextmanager
def running_prism(folder: Path) -> Iterator[str]:
    """Build Prism's view of the document into `folder`, serve it, and yield the base URL."""
    if sys.platform == "win32":
        raise PrismIsMissing("Prism is ended as a process group, which Windows lacks.")
    check_installed()
    view, log = folder / "prism.yaml", folder / "prism.log"
    views = ROOT / "spec" / "views"
    subprocess.run(
        [sys.executable, views / "apply.py", views / "prism.overlay.yaml", view], check=True
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["npx", "--no-install", "prism", "mock", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, view],
            cwd=INSTALLED,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        # npx starts further processes in the same group, and would leave them behind.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        _wait_until_it_is_gone(port)


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if _listens(port):
            return
        time.sleep(0.05)
    raise RuntimeError(f"Prism does not answer:\n{log.read_text('utf-8', 'replace')}")


def _wait_until_it_is_gone(port: int) -> None:
    deadline = time.monotonic() + 10
    while _listens(port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"Prism still listens on port {port}")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
