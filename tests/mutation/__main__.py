"""Change the code in small ways, one at a time, and run the tests that should notice.

Exit status: 0 if they notice all but what `survivors.yaml` explains; 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mutation.modules import chosen, mutated
from mutation.mutants import Verdicts, mutate
from mutation.report import complaints, table, write

if sys.platform != "win32":
    import resource

_MOST_MEMORY = 4 * 2**30
"""Bytes, for each process."""


def main() -> int:
    """Run the modules that the arguments name, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="sse, window, …; all of them if none is given")
    parser.add_argument("--write", type=Path, help="the page with the table to update")
    options = parser.parse_args()
    if sys.platform != "win32":
        os.nice(10)
        # A mutant that never ends may fill the memory of the machine meanwhile.
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, most))
    verdicts: list[Verdicts] = []
    for module in chosen(options.modules):
        verdicts.append(mutate(module))
        print(table(verdicts[-1:]).splitlines()[-1], flush=True)
    print(f"\n{table(verdicts)}")
    if options.write is not None:
        write(options.write, verdicts, mutated())
    found = complaints(verdicts)
    for complaint in found:
        print(f"\n{complaint}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
