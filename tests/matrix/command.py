"""The command: exit 0 where all agree, 1 for a cell that fails, 2 for a document of no use."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from drift.command import clean
from drift.files import DocumentError

from . import document, generated, mock, overlay
from .table import failures, rows, table

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "spec" / "streaming.yaml"
PAGE = ROOT / "docs" / "matrix.md"
HEAD = """\
# The contract matrix

`spec/streaming.yaml` says what the wire is; the generated client, the overlay and the mock are each
a reading of it. This page holds the four side by side, row by row. `make contract` prints it and
writes it, and fails where a cell does. Nothing here is kept by hand: a test fails if this page is
not what would be written.

```console
$ make contract
$ .venv/bin/python tests/matrix --check                  # write nothing, fail if the page is old
$ .venv/bin/python tests/matrix --document other.yaml    # the same for another document
```

## How to read it

| a cell | means |
|---|---|
| a value | what the document says, where a yes would not be enough |
| ✓ | the same here; beside it, in what form: an exception or its attribute, or how it is met |
| ✗ | it is missing here, or is what stands beside it |
| - | it may be missing here, for the reason under the table |

A row is there because one of the four claims it. The document says so; the generated client has it
in its models, its tables or the requests it makes; the overlay sends it, refuses it or makes an
exception or a reading of it; the mock answers so when it is asked. None of these three is shown the
document for it, so what is only in the document fails in their columns, and what the document lacks
in its own. A class of exception that stands for a whole range of statuses does not count as knowing
one of them.

The mock reads the document at run time: change an error or a bound there, and the mock changes with
it. Its cell for that fails for another `--document`, or by the mock's own code. `unasked` is a
status that a client meets by what it does, `on request` one that it has to ask for, with
`Prefer: code=…` or a fault.

Formats, examples and sentences are free, but for one: the seconds that a stream lasts without the
header are in the parameter's description, since a default in its schema would always be sent.
"""


def main(arguments: Sequence[str]) -> int:
    """Print the table and what fails in it, write or check the page, and return the status."""
    parser = argparse.ArgumentParser("matrix", description="Four readings of one contract.")
    parser.add_argument("--document", type=Path, help="another one than spec/streaming.yaml")
    parser.add_argument("--check", action="store_true", help="write no page, fail if it is old")
    options = parser.parse_args(arguments)
    file = options.document or DOCUMENT
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a C locale has no marks
    try:
        first = document.witness(file)
    except DocumentError as error:
        return refused(f"{file} {error}")
    except RecursionError:
        return refused(f"{file} is nested too deeply to be compared")
    witnesses = [first, generated.witness(), overlay.witness(), mock.witness()]
    lines, wrong = list(table(witnesses)), [each.words for each in failures(witnesses)]
    page = "\n".join((HEAD, *lines[1:], ""))
    if options.check and not options.document:
        if not PAGE.is_file() or PAGE.read_text("utf-8") != page:
            wrong.append("docs/matrix.md is not what would be written: run make contract")
    elif not options.document:
        PAGE.write_bytes(page.encode())
    for line in [*lines, "", *wrong, f"Rows: {len(rows(witnesses))}. Failures: {len(wrong)}."]:
        print(clean(line))
    return 1 if wrong else 0


def refused(why: str) -> int:
    """Say why there is nothing to compare."""
    print(clean(f"matrix: {why}"), file=sys.stderr)
    return 2
