"""The command: exit 0 if all columns agree, 1 for a cell that fails, 2 for an unusable document."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from drift.command import clean, print_lines, usable
from drift.document import DocumentError

from . import document, generated, mock, overlay, pages
from .table import Column, failures, markdown, rows

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "spec" / "streaming.yaml"
DOCS = ROOT / "docs"
PAGE = DOCS / "matrix.md"
HEAD = """\
# The contract matrix

`spec/streaming.yaml` says what the API is; the generated client, the overlay and the mock each
implement it. This page compares the four, row by row. `make client` and `make contract` write it
and name the cells that fail. A test fails if a cell does, or if this page is out of date.

```console
$ make contract
$ .venv/bin/python tests/matrix --check                  # write nothing, fail if the page is old
$ .venv/bin/python tests/matrix --document other.yaml    # the same for another document
```

## How to read it

| a cell | means |
|---|---|
| a value | what the document says, where a yes is not enough |
| ✓ | the same here; beside it the exception, or its attribute |
| ✗ | missing here, or another value |
| - | may be missing here, for the reason under the table |

Each column makes rows: the document by what it says; the generated client by its models, tables
and requests; the overlay by what it sends, refuses and makes of an answer; the mock by its answers.
The last three are never shown the document, so a fact that only the document has fails in their
columns, and a fact that it lacks fails in its own. An exception for a whole range of statuses makes
no row.

The mock reads the document at run time: a new error or another bound needs no change in it, and its
cell fails only for another `--document`, or by the mock's own code.

Formats, examples and prose are not compared, except for one sentence: how long a stream lasts
without the header is in the description of the parameter, as a default in its schema would always
be sent.
"""


def old_pages(columns: Sequence[Column]) -> dict[Path, str]:
    """Return what to write to each page that is out of date."""
    new = {PAGE: "\n".join((HEAD, *list(markdown(columns))[1:], ""))}
    for name in pages.PAGES:
        new[DOCS / name] = pages.updated(name, (DOCS / name).read_text("utf-8"), DOCUMENT)
    return {
        file: page
        for file, page in new.items()
        if not file.is_file() or file.read_text("utf-8") != page
    }


def main(arguments: Sequence[str]) -> int:
    """Print the tables and the cells that fail, write or check the page, return the status."""
    parser = argparse.ArgumentParser("matrix", description="Compare four readings of the contract.")
    parser.add_argument("--document", type=Path, help="another one than spec/streaming.yaml")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if the page is old"
    )
    parser.add_argument("--quiet", action="store_true", help="print only the cells that fail")
    options = parser.parse_args(arguments)
    try:
        first = usable(options.document or DOCUMENT, document.column)
    except DocumentError as error:
        print(clean(f"matrix: {error}"), file=sys.stderr)
        return 2
    columns = [first, generated.column(), overlay.column(), mock.column()]
    lines, wrong = list(markdown(columns)), list(failures(columns).values())
    if not options.document:
        try:
            old = old_pages(columns)
        except DocumentError as error:
            print(clean(f"matrix: {error}"), file=sys.stderr)
            return 2
        if options.check:
            wrong += [f"{file.relative_to(ROOT)} is out of date: run make client" for file in old]
        for file, page in old.items() if not options.check else ():
            file.write_text(page, "utf-8", newline="\n")
    if options.quiet:
        print_lines(wrong)
    else:
        summary = f"Rows: {len(rows(columns))}. Failures: {len(wrong)}."
        print_lines([*lines, "", *wrong, summary])
    return 1 if wrong else 0
