"""The witnesses side by side: cells, those that fail in words, and the table."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from .rows import Part, Row, Witness

SILENT = "-"


class Failure(NamedTuple):
    """A cell that fails: the column, the row, and what is wrong in words."""

    column: str
    row: Row
    words: str


def rows(witnesses: Sequence[Witness]) -> list[Row]:
    """Return every row that somebody claims, part by part."""
    claimed = dict.fromkeys(
        row for witness in witnesses for row, said in witness.said.items() if said.claimed
    )
    order = list(Part)
    return sorted(claimed, key=lambda row: order.index(row.part))


def failures(witnesses: Sequence[Witness]) -> list[Failure]:
    """Return every cell that fails."""
    found = []
    for row in rows(witnesses):
        for witness in witnesses:
            if wrong := _wrong(row, witness, witnesses):
                words = f"{row.part.value}, {row.name}: {wrong}"
                found.append(Failure(witness.name, row, words))
    return found


def _wrong(row: Row, witness: Witness, witnesses: Sequence[Witness]) -> str:
    """Say what is wrong with a cell; "" if nothing is."""
    said = witness.said.get(row)
    if said is None:
        return "" if row.part in witness.silent else f"the {witness.name} does not have it"
    first = next(each for each in witnesses if row in each.said)
    wanted = first.said[row].value
    if said.value == wanted or wanted == "anything":
        return ""
    return f"the {witness.name} says {said.value}, the {first.name} {wanted}"


def _cell(row: Row, witness: Witness, witnesses: Sequence[Witness]) -> str:
    said, wrong = witness.said.get(row), _wrong(row, witness, witnesses)
    if said is None:
        return "✗" if wrong else SILENT
    shown = said.note if said.value == "yes" or not wrong else said.value
    if witness is witnesses[0] and said.value != "yes":
        return said.value
    return f"{'✗' if wrong else '✓'} {shown}".strip()


def table(witnesses: Sequence[Witness]) -> Iterator[str]:
    """Yield the lines of the table, a heading and a Markdown table for each part."""
    for part, found in groupby(rows(witnesses), key=lambda row: row.part):
        lines = [["", *(witness.name for witness in witnesses)]]
        for row in found:
            cells = (_cell(row, witness, witnesses) for witness in witnesses)
            lines.append([row.name, *cells])
        yield from ("", f"## {part.value}", "")
        yield from _aligned(lines)
        reasons = [
            f"{SILENT} in {witness.name}: {witness.silent[part]}."
            for column, witness in enumerate(witnesses, 1)
            if any(line[column] == SILENT for line in lines)
        ]
        if reasons:
            yield from ("", *reasons)


def _aligned(lines: list[list[str]]) -> Iterator[str]:
    lines = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield f"| {' | '.join(padded)} |"
        if number == 0:
            yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"
