"""The rows of the matrix, the cells of its columns, which cells fail, and the Markdown."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = "-"


class Section(StrEnum):
    """The sections of the page, in their order; the value is the heading."""

    OPERATIONS = "Operations"
    PARAMETERS = "Parameters of the stream"
    BOUNDS = "Bounds"
    CREDENTIALS = "Credentials"
    MEDIA_TYPES = "Media types of the stream"
    STATUSES = "Statuses of the stream"
    EVENT = "Fields of an event"
    KNOWN = "Known values of open strings"
    ERROR = "Fields of an error"
    TOKEN_STATUSES = "Statuses of the token operation"
    TOKEN_REQUEST = "Fields of a token request"
    GRANTS = "Grants of a token request"
    TOKEN_ANSWER = "Fields of a pair of tokens"
    TOKEN_REFUSAL = "Fields of a refused token request"


class Row(NamedTuple):
    """One fact about the API."""

    section: Section
    name: str


class Cell(NamedTuple):
    """What one column says of a row.

    `value` has to be the same in every column. A cell with `claims=False` makes no row of its own.
    """

    value: str = "yes"
    note: str = ""
    claims: bool = True


Cells = Iterator[tuple[Row, Cell]]


@dataclass(frozen=True)
class Column:
    """One implementation of the contract.

    `optional` maps a section that may be incomplete here to the reason. `place` returns what to
    edit or run where a row of a section is missing or wrong.
    """

    name: str
    cells: Mapping[Row, Cell]
    place: Callable[[Section], str]
    optional: Mapping[Section, str] = field(default_factory=dict)


def each(section: Section, values: Mapping[str, str]) -> Cells:
    """Yield a cell for each name and value."""
    return ((Row(section, name), Cell(value)) for name, value in values.items())


def dotted(path: Iterable[str]) -> str:
    """Return the name of a field for its path: `("details", "[]")` is `details[]`."""
    return ".".join(path).replace(".[]", "[]")


def united(bodies: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the fields of several bodies, each with every type that it has in one of them."""
    types: dict[str, set[str]] = {}
    for body in bodies:
        for name, kind in body.items():
            types.setdefault(name, set()).add(kind)
    return {name: " or ".join(sorted(kinds)) for name, kinds in types.items()}


def edges(accepts: Callable[[int], bool], inside: int, highest: int = 100_000) -> tuple[int, int]:
    """Return the lowest and the highest accepted int around one that is accepted."""

    def last(good: int, bad: int) -> int:
        while abs(good - bad) > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if accepts(middle) else (good, middle)
        return good

    return last(inside, -1), last(inside, highest)


def line_with(pattern: str, package: str) -> str:
    """Return file and line of the first match in a package, or the package."""
    for file in sorted((ROOT / package).rglob("*.py")):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if re.search(pattern, line):
                return f"{file.relative_to(ROOT)}:{number}"
    return f"{package}/"


def rows(columns: Sequence[Column]) -> list[Row]:
    """Return every row that a column claims, section by section."""
    claimed = {row: cell for column in columns for row, cell in column.cells.items() if cell.claims}
    order = list(Section)
    return sorted(claimed, key=lambda row: order.index(row.section))


def failures(columns: Sequence[Column]) -> dict[tuple[Row, str], str]:
    """Return why cells fail, by row and name of the column."""
    found = {}
    for row in rows(columns):
        for column in columns:
            if wrong := _wrong(row, column, columns):
                where = column.place(row.section)
                found[row, column.name] = f"{row.section}, {row.name}: {wrong} ({where})"
    return found


def _wrong(row: Row, column: Column, columns: Sequence[Column]) -> str:
    """Return what is wrong with a cell, or ""."""
    cell = column.cells.get(row)
    if cell is None:
        return "" if row.section in column.optional else f"the {column.name} does not have it"
    first = next(each for each in columns if row in each.cells)
    wanted = first.cells[row].value
    if cell.value == wanted or wanted == "anything":
        return ""
    return f"the {column.name} says {cell.value}, the {first.name} {wanted}"


def markdown(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the lines of the page: a heading and a table for each section."""
    for section, found in groupby(rows(columns), key=lambda row: row.section):
        table = [["", *(column.name for column in columns)]]
        for row in found:
            table.append([row.name, *(_shown(row, column, columns) for column in columns)])
        yield from ("", f"## {section}", "", *_aligned(table))
        reasons = [
            f"{OPTIONAL} in {column.name}: {column.optional[section]}."
            for number, column in enumerate(columns, 1)
            if any(line[number] == OPTIONAL for line in table)
        ]
        if reasons:
            yield from ("", *reasons)


def _shown(row: Row, column: Column, columns: Sequence[Column]) -> str:
    cell, wrong = column.cells.get(row), _wrong(row, column, columns)
    if cell is None:
        return "✗" if wrong else OPTIONAL
    if wrong:
        return f"✗ {cell.value}"
    if column is columns[0] and cell.value != "yes":
        return cell.value
    return f"✓ {cell.note}".strip()


def _aligned(table: list[list[str]]) -> Iterator[str]:
    lines = [[cell.replace("|", "\\|") for cell in line] for line in table]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        yield f"| {' | '.join(map(str.ljust, line, widths))} |"
