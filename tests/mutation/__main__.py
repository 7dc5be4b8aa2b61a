"""Changes the code in small ways, one at a time, and asks whether the tests notice.

Exit status: 0 if they do, but for what `survivors.yaml` explains; 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from mutation.copy_of import ROOT, copy_for
from mutation.explained import KNOWN, compare
from mutation.modules import SUITES, chosen
from mutation.report import table, write
from mutation.results import Verdicts, read


def _mutate(module: str) -> Verdicts:
    where = ROOT / "build" / "mutants" / module
    copy_for(module, SUITES[module], where)
    log = where / "mutmut.log"
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, "-m", "mutmut", "run", "--max-children", "2"],
            cwd=where,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"mutmut gave up on {module}; {log.relative_to(ROOT)} tells why.")
    return read(module, where / "mutants")


def main() -> int:
    """Run what the arguments name, and print the table."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="sse, window, …; all of them if none is given")
    parser.add_argument("--write", type=Path, help="the page whose table is to be replaced")
    given = parser.parse_args()
    os.nice(10)
    verdicts: list[Verdicts] = []
    for module in chosen(given.modules):
        verdicts.append(_mutate(module))
        print(table(verdicts[-1:]).splitlines()[-1], flush=True)
    print(f"\n{table(verdicts)}")
    if given.write is not None:
        write(given.write, verdicts)
    complaints = compare(verdicts, KNOWN)
    for complaint in complaints:
        print(f"\n{complaint}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
