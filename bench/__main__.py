"""Run the benchmarks, and write their page.

`python bench` prints the page and writes it to docs/performance.md; `python bench decode` prints
one section and writes nothing. `make bench` first installs the packages to compare with.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
_PAGE = _ROOT / "docs" / "performance.md"

MODULES = (
    "decode",
    "first_reading",
    "latency",
    "fleet",
    "profiles",
    "threads",
    "hostile",
    "day",
    "board",
    "recorded_day",
    "start",
    "ledger",
    "mock_streams",
    "mock_errors",
)
"""Scripts that each print one section, in the order of the page."""


def measure(module: str) -> str:
    """Return the section of a module, measured in its own process."""
    began = time.perf_counter()
    print(f"{module} … ", end="", file=sys.stderr, flush=True)
    run = subprocess.run(
        [sys.executable, _HERE / f"{module}.py"],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    if run.returncode:
        sys.exit(f"{module} failed with exit code {run.returncode}.")
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return run.stdout.strip()


def head() -> str:
    """Return the head of the page: the machine, and the versions of the peers."""
    return f"""# Performance

`make bench` wrote this page. Both sides of a row are measured in turn in the same run, and each
figure is the median of its repeats. A ratio is ours divided by theirs. “moved” is the share by
which a row's ratio, or its figure if it has none, differs between the first and the second half of
the repeats; it is shown above a tenth.

{_processor()}, {os.cpu_count()} cores; {platform.system()} {platform.release()}; \
{platform.python_implementation()} {platform.python_version()}.

Compared with: {", ".join(f"{name} {number}" for name, number in _peers().items())}."""


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _peers() -> dict[str, str]:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    names = [re.split(r"[=<>\[]", each)[0] for each in project["dependency-groups"]["bench"]]
    prism = json.loads((_ROOT / "mock" / "prism" / "package.json").read_text("utf-8"))
    pinned: dict[str, str] = prism["dependencies"]
    return {name: version(name) for name in names} | pinned


def main() -> None:
    """Run the benchmarks that the arguments name, or all of them and write the page."""
    asked = sys.argv[1:]
    if unknown := [name for name in asked if name not in MODULES]:
        sys.exit(
            f"ONLY must be a benchmark, got {', '.join(unknown)}: choose from {', '.join(MODULES)}."
        )
    page = "\n\n".join([head(), *map(measure, asked or MODULES)]) + "\n"
    print(page, end="")
    if not asked:
        _PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
