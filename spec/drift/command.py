"""The command: exit 0 if nothing is new, 1 for a new difference, 2 for an unusable file."""

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .document import Document, DocumentError, load
from .operation import Things, operation
from .report import differences, load_known, report

T = TypeVar("T")
SPEC = Path(__file__).resolve().parents[1]
LONGEST_LINE = 1000


def main(arguments: Sequence[str]) -> int:
    """Compare, print the report, and return the exit status."""
    parser = argparse.ArgumentParser("drift", description="Compare a published document with ours.")
    parser.add_argument("upstream", help="Swagger 2.0 or OpenAPI 3, as JSON or YAML")
    parser.add_argument(
        "--ours",
        type=Path,
        default=SPEC / "streaming.yaml",
        help="the document to compare with (spec/streaming.yaml)",
    )
    parser.add_argument(
        "--known",
        type=Path,
        default=SPEC / "known-deviations.yaml",
        help="the differences to ignore (spec/known-deviations.yaml)",
    )
    options = parser.parse_args(arguments)
    try:
        if not options.upstream:
            raise DocumentError("No document: run make drift UPSTREAM=path")
        if "://" in options.upstream:
            raise DocumentError(
                f"UPSTREAM must be a file, got {options.upstream}. Nothing is fetched; save it"
            )
        published = usable(Path(options.upstream), things)
        ours = usable(options.ours, things)
        known = usable(options.known, load_known)
    except DocumentError as error:
        print(clean(f"drift: {error}"), file=sys.stderr)
        return 2
    lines, is_new = report(differences(published, ours), known)
    print_lines(lines)
    return int(is_new)


def things(file: Path) -> Things:
    """Return what a file says of the operation."""
    return operation(Document(load(file)))


def usable(file: Path, read: Callable[[Path], T]) -> T:
    """Return what `read` makes of a file; raise DocumentError that names the file."""
    try:
        return read(file)
    except DocumentError as error:
        raise DocumentError(f"{file} {error}") from None
    except RecursionError:
        raise DocumentError(f"{file} is nested too deeply to be compared") from None


def print_lines(lines: Sequence[str]) -> None:
    """Print lines of any text, in any locale."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a C locale cannot encode everything
    for line in lines:
        print(clean(line))


def clean(line: str) -> str:
    """Return a line of foreign text, cut, without what a terminal would obey."""
    if len(line) > LONGEST_LINE:
        line = f"{line[:LONGEST_LINE]}…"
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in line
    )
