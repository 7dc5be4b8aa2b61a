"""Time to start: the mock, an import of the library, and the command, compared with others.

`make bench ONLY=start` prints the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from enphase_streaming_mock import MockServer
from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from refusing import MOCK, PRISM, Server, running
from table import Row, Section

_STARTS = 3
_IMPORTS = 15
_RUNS = 10
_COMMAND = (str(Path(sysconfig.get_path("scripts"), "enphase-streaming")),)
_SCRIPT = (sys.executable, str(Path(__file__).with_name("typer_script.py")))
_TYPER = "typer, httpx"
_IMPORT = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def first_answer(server: Server) -> float:
    """Return the seconds from the start of a server to its first answer."""
    with running(server) as (_, seconds):
        return seconds


def imported(module: str) -> float:
    """Return the CPU time of an import in a new process, in milliseconds."""
    run = subprocess.run(
        [sys.executable, "-c", _IMPORT.format(module)], capture_output=True, text=True, check=True
    )
    return float(run.stdout) * 1000


def run(command: tuple[str, ...], *arguments: str) -> float:
    """Return the milliseconds from the start of a command to its end."""
    began = time.perf_counter()
    subprocess.run(
        [*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    return (time.perf_counter() - began) * 1000


def commands() -> list[Row]:
    """Measure the command and the script in turn, against a mock in this process."""
    rows = []
    with MockServer() as mock:
        os.environ |= {
            "ENPHASE_BASE_URL": mock.base_url,
            "ENPHASE_API_KEY": API_KEY,
            "ENPHASE_ACCESS_TOKEN": ACCESS_TOKEN,
        }
        for arguments in (("--help",), ("snapshot", str(SYSTEM_ID))):
            both = [(run(_COMMAND, *arguments), run(_SCRIPT, *arguments)) for _ in range(_RUNS)]
            ours, script = zip(*both, strict=True)
            what = f"`enphase-streaming {arguments[0]}`"
            rows.append(Row(what, "ms", ours, _TYPER, script, at_most=1.5))
    return rows


def section() -> Section:
    """Measure each in turn with its peer."""
    starts = [(first_answer(MOCK), first_answer(PRISM)) for _ in range(_STARTS)]
    modules = ("enphase_streaming", "enphase_streaming.client", "httpx")
    imports = [tuple(map(imported, modules)) for _ in range(_IMPORTS)]
    mock, prism = zip(*starts, strict=True)
    package, client, httpx = zip(*imports, strict=True)
    return Section(
        "Starting",
        "From starting the mock to its first answer; the CPU time of an import, in a new process, "
        "without the start of Python itself; and from the start of the command to its end, with a "
        "mock on this machine. `bench/typer_script.py` does the same with typer and httpx alone.",
        [
            Row("`enphase-mock serve`, first answer", "s", mock, "Prism", prism, at_most=1),
            Row("`import enphase_streaming`", "ms", package, "`import httpx`", httpx, at_most=1.2),
            Row(
                "`import enphase_streaming.client`",
                "ms",
                client,
                "`import httpx`",
                httpx,
                at_most=1.2,
            ),
            *commands(),
        ],
        [
            "Beyond httpx, almost half of what `enphase_streaming.client` takes is msgspec, with "
            "what it loads: `uuid`, `decimal` and, where that is installed, typing_extensions. "
            "Modules for a login, a recording or asyncio are imported on first use, and "
            "`enphase_streaming` alone imports neither httpx nor msgspec."
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
