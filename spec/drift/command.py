"""The command: exit 0 for nothing new, 1 for a difference nobody knew, 2 for a file of no use."""

import argparse
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .document import Document
from .files import DocumentError, load
from .known import load_known, told_apart
from .operation import operation
from .things import GROUPS, Difference, Things, differences

SPEC = Path(__file__).resolve().parents[1]
LONGEST = 1000


class Unusable(Exception):
    """A file that cannot be used, and why."""


def main(arguments: Sequence[str]) -> int:
    """Compare, print the report, and return the exit status."""
    parser = argparse.ArgumentParser("drift", description="What is published, beside ours.")
    parser.add_argument("upstream", help="Swagger 2.0 or OpenAPI 3, as JSON or YAML")
    add = parser.add_argument
    add("--ours", type=Path, default=SPEC / "streaming.yaml",
        help="the document to compare with (spec/streaming.yaml)")  # fmt: skip
    add("--known", type=Path, default=SPEC / "known-deviations.yaml",
        help="the differences to pass over (spec/known-deviations.yaml)")  # fmt: skip
    options = parser.parse_args(arguments)
    if not options.upstream:
        return refused("name the published document: make drift UPSTREAM=path")
    if "://" in options.upstream:
        return refused(f"{options.upstream} is an address; nothing is fetched, so save it first")
    try:
        published = picture(Path(options.upstream))
        found = list(differences(published, picture(options.ours)))
        try:
            known = load_known(options.known)
        except DocumentError as error:
            raise Unusable(f"{options.known} {error}") from None
    except Unusable as error:
        return refused(str(error))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a C locale cannot say everything
    new, met, gone = told_apart(found, known)
    for line in report(new):
        print(clean(line))
    if gone:
        delete = f"If they are gone for good, delete them from {options.known.name}:"
        print(f"Known deviations that are gone. {delete}")
        for group, text in gone:
            print(clean(f"  {group}: {text}"))
    print(f"New differences: {len(folded(new))}. Known deviations found: {len(met)}.")
    return 1 if new else 0


def picture(file: Path) -> Things:
    """Return what a file says of the operation, raising Unusable."""
    try:
        return operation(Document(load(file)))
    except DocumentError as error:
        raise Unusable(f"{file} {error}") from None
    except RecursionError:
        raise Unusable(f"{file} is nested too deeply to be compared") from None


def folded(found: Iterable[Difference]) -> dict[tuple[str, str], list[str]]:
    """Return the statuses of each difference, which many responses may share."""
    lines: dict[tuple[str, str], list[str]] = {}
    for each in sorted(found, key=lambda each: GROUPS.index(each.group)):
        lines.setdefault((each.group, each.text), []).append(each.status)
    return lines


def report(found: Iterable[Difference]) -> Iterable[str]:
    """Return the lines of the report, grouped."""
    heading = ""
    for (group, text), statuses in folded(found).items():
        if group != heading:
            heading = group
            yield group
        yield f"  {text}" if statuses == [""] else f"  {', '.join(statuses)}: {text}"


def clean(line: str) -> str:
    """Return one line that does nothing to a terminal: its text comes from somebody's file."""
    if len(line) > LONGEST:
        line = f"{line[:LONGEST]}…"
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in line
    )


def refused(why: str) -> int:
    """Say why there is nothing to compare."""
    print(clean(f"drift: {why}"), file=sys.stderr)
    return 2
