"""Run the benchmarks, and write their page.

`python bench` prints the page and writes it to docs/performance.md; `python bench decode` prints
one section and writes nothing. `--before REVISION` adds to each row its figure at that revision.
`make bench` first installs the packages to compare with.
"""

from __future__ import annotations

import argparse
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

import before

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
_PAGE = _ROOT / "docs" / "performance.md"

MODULES: dict[str, tuple[str, ...]] = {
    "decode": ("decode", "drift", "core"),
    "first_reading": (),
    "latency": (),
    "fleet": ("fleet", "fleet_over_httpx", "fleet_memory", "fleet_memory_tls"),
    "threads": ("thread_memory",),
    "hostile": (),
    "day": (),
    "board": (),
    "recorded_day": (),
    "start": ("imports",),
    "ledger": (),
    "mock_streams": ("mock",),
    "mock_errors": (),
}
"""Scripts that each print one section, in the order of the page, and its profiles."""


def measure(module: str) -> str:
    """Return the section of a module with its profiles, each measured in its own process."""
    began = time.perf_counter()
    print(f"{module} … ", end="", file=sys.stderr, flush=True)
    parts = [_run(f"{module}.py"), *(_run("profiles.py", name) for name in MODULES[module])]
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return "\n\n".join(parts)


def _run(script: str, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, _HERE / script, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    if run.returncode:
        name = " ".join([script.removesuffix(".py"), *arguments])
        sys.exit(f"{name} failed with exit code {run.returncode}.")
    return run.stdout.strip()


def head(revision: str | None) -> str:
    """Return the head of the page: how to read it, the machine, and the versions of the peers."""
    shown = f" “before” is the ratio, or ours without one, at {revision}." if revision else ""
    return f"""# Performance

`make bench` wrote this page. Both sides of a row are measured in turn in the same run, and each
figure is the median of its repeats. A ratio is ours divided by theirs. “moved” is the share by
which a row's ratio, or its figure if it has none, differs between the first and the second half of
the repeats; it is shown above a tenth.{shown}

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
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("only", nargs="*")
    parser.add_argument("--before", metavar="REVISION")
    options = parser.parse_args()
    if unknown := [name for name in options.only if name not in MODULES]:
        sys.exit(
            f"ONLY must be a benchmark, got {', '.join(unknown)}: choose from {', '.join(MODULES)}."
        )
    old = options.before and before.read(_ROOT, options.before)
    page = "\n\n".join([head(options.before), *map(measure, options.only or MODULES)]) + "\n"
    if old:
        page = before.add(page, old)
    print(page, end="")
    if not options.only:
        _PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
