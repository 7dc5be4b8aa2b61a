"""Run `enphase-streaming` as a shell does: through pipes, or on a pseudo-terminal."""

from __future__ import annotations

import io
import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NamedTuple, TextIO
from unittest import mock

import pytest

from enphase_streaming.cli import main
from enphase_streaming_mock import MockServer

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)
else:
    import fcntl
    import pty
    import termios

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from enphase_streaming.cli import main; sys.exit(main())",
]
REAL = {
    "ENPHASE_API_KEY": "planted-key",
    "ENPHASE_ACCESS_TOKEN": "planted-token",
    "ENPHASE_SYSTEM_ID": "1765",
    # Nothing answers here, should a question be skipped.
    "ENPHASE_BASE_URL": "https://no.such.host.invalid/api/v4",
}


def environment(mock: MockServer | None, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ENPHASE_")}
    kept |= {"TERM": "xterm-256color", "TZ": "UTC", "COLUMNS": "", "LINES": ""}
    # The person who runs the tests may be logged in.
    kept |= {"HOME": "/nonexistent", "XDG_CONFIG_HOME": ""}
    if mock is not None:
        kept |= {
            "ENPHASE_BASE_URL": mock.base_url,
            "ENPHASE_API_KEY": mock.api_key,
            "ENPHASE_ACCESS_TOKEN": mock.access_token,
            "ENPHASE_SYSTEM_ID": str(mock.system_id),
        }
    return {**kept, **more}


def run(
    *arguments: str, env: dict[str, str], answers: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=env,
        input=answers,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


class Done(NamedTuple):
    """The result of a command that ran in the test's own process."""

    returncode: int
    stdout: str
    stderr: str


def inside(*arguments: str, env: dict[str, str], answers: str = "") -> Done:
    """Run a command as `run` does, without starting Python."""
    out = io.StringIO()
    done = printing_to(out, *arguments, env=env, answers=answers)
    return done._replace(stdout=out.getvalue())


def printing_to(
    out: TextIO | None, *arguments: str, env: dict[str, str], answers: str | None = ""
) -> Done:
    """Run a command with a stdout of the test; None is one that was closed."""
    err = io.StringIO()
    typed = None if answers is None else io.StringIO(answers)
    with (
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch.object(sys, "stdin", typed),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main(arguments)
    return Done(code, "", err.getvalue())


@contextmanager
def unwritable(kind: str) -> Iterator[TextIO]:
    """Yield a stdout whose reader is gone, or that is on a full disk."""
    if kind == "full":
        if not os.path.exists("/dev/full"):
            pytest.skip("this system has no /dev/full")
        target: int | str = "/dev/full"
    else:
        reader, target = os.pipe()
        os.close(reader)
    with open(target, "w") as out:
        yield out
        # Discard what is left in it, so that the file can be closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def wait_until_asleep(process: subprocess.Popen[Any]) -> None:
    """Wait until a process sleeps."""
    state = ["ps", "-o", "state=", "-p", str(process.pid)]
    deadline = time.monotonic() + 20
    while not subprocess.check_output(state).startswith(b"S"):
        assert time.monotonic() < deadline, "the process never sleeps"


class Terminal:
    """A command under a pseudo-terminal of 80 columns and 24 lines."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master, self.process = master, process
        self.text = ""

    def read_until(self, wanted: str | None) -> str:
        """Read until `wanted` is on the screen, or to the end."""
        deadline = time.monotonic() + 20
        while wanted is None or wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            if not select.select([self.master], [], [], 1)[0]:
                continue
            try:
                chunk = os.read(self.master, 65536)
            except OSError:  # raised by Linux when the other side is gone
                chunk = b""
            if not chunk:
                break
            self.text += chunk.decode("utf-8", "replace")
        return self.text

    def wait_until_it_reads(self) -> None:
        """Wait until the command waits for an answer."""
        wait_until_asleep(self.process)

    def finish(self) -> int:
        self.read_until(None)
        return self.process.wait(20)


@contextmanager
def terminal(*arguments: str, env: dict[str, str]) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        # Hidden answers are read from /dev/tty, which must not be the one of the test run.
        start_new_session=True,
    ) as process:
        os.close(slave)
        try:
            yield Terminal(master, process)
        finally:
            process.kill()
            os.close(master)


def left_clean(text: str) -> bool:
    """Whether the normal screen is back, with its cursor."""
    back, shown = text.rfind("\x1b[?1049l"), text.rfind("\x1b[?25h")
    return back > text.rfind("\x1b[?1049h") and shown > text.rfind("\x1b[?25l")


def after_the_screen(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.rpartition("\x1b[?1049l")[2])
