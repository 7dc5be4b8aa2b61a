"""Time to the first answer of the mock and to import the library, compared with others.

`make bench ONLY=start` prints the table.
"""

from __future__ import annotations

import subprocess
import sys

from refusing import MOCK, PRISM, Server, running
from table import Row, Section

_STARTS = 5
_IMPORTS = 15
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


def section() -> Section:
    """Measure each in turn with its peer."""
    starts = [(first_answer(MOCK), first_answer(PRISM)) for _ in range(_STARTS)]
    imports = [(imported("enphase_streaming.client"), imported("httpx")) for _ in range(_IMPORTS)]
    mock, prism = zip(*starts, strict=True)
    ours, httpx = zip(*imports, strict=True)
    return Section(
        "Starting",
        "From starting the command to its first answer; and the CPU time of an import, in a new "
        "process, without the start of Python itself.",
        [
            Row("`enphase-mock serve`, first answer", "s", mock, "Prism", prism, at_most=1),
            Row(
                "`import enphase_streaming.client`",
                "ms",
                ours,
                "`import httpx`",
                httpx,
                at_most=1.25,
            ),
        ],
        [
            "Beyond httpx, the import is mostly msgspec and many small modules (`python -X "
            "importtime`). Modules for a login, a recording or asyncio are imported on first use."
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
