"""What the tests of all examples use: the program as a user runs it, beside a mock."""

from __future__ import annotations

import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from enphase_streaming_mock import MockServer
from examples.demo import NEEDED

EXAMPLES = Path(__file__).parent
AT_ONCE = 2.0
"""Seconds within which a program has ended after SIGTERM."""
DEADLINE = 20.0
"""Seconds within which everything that a test waits for has happened."""


def environment(mock: MockServer, folder: Path) -> dict[str, str]:
    """Return the variables that every example needs, but for CALLS_PER_DAY."""
    return {
        **NEEDED,
        "STATE_DIR": str(folder / "state"),
        "ENPHASE_BASE_URL": mock.base_url,
        "ENPHASE_API_KEY": mock.api_key,
        "ENPHASE_ACCESS_TOKEN": mock.access_token,
        "ENPHASE_SYSTEM_ID": str(mock.system_id),
    }


def command(name: str) -> list[str]:
    """Return the command that runs an example, with warnings as errors."""
    return [sys.executable, "-W", "error", str(EXAMPLES / name / "main.py")]


class Program:
    """A running example, and the lines that it prints."""

    def __init__(self, name: str, variables: dict[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            command(name),
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))
                self._new.put(self.lines[-1])
        self._new.put(None)

    def line(self, pattern: str) -> str:
        """Return the next line that matches; fail the test if none comes."""
        until = time.monotonic() + DEADLINE
        while True:
            try:
                line = self._new.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no line {pattern!r} in {self.lines}")
            if line is None:
                pytest.fail(f"it ended without a line {pattern!r}: {self.lines}")
            if re.search(pattern, line):
                return line

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if any; return the exit code, once all that was printed is read."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def stop(self) -> None:
        """Send SIGTERM; fail the test unless the program then ends at once, with code 0."""
        began = time.monotonic()
        assert self.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < AT_ONCE


Start = Callable[..., Program]


@pytest.fixture
def start(enphase_mock: MockServer, tmp_path: Path) -> Iterator[Start]:
    """Start an example against the mock: `start("alerts", CALLS_PER_DAY="3")`."""
    programs: list[Program] = []

    def started(name: str, **variables: str) -> Program:
        programs.append(Program(name, environment(enphase_mock, tmp_path) | variables, tmp_path))
        return programs[-1]

    yield started
    for program in programs:
        program.process.kill()
        program.end()


def eventually(found: Callable[[], bool], *, seconds: float = DEADLINE) -> None:
    """Wait until something holds; fail the test if it never does."""
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)
