"""The column `before`: what each row of the page showed at another revision."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import table


def read(root: Path, revision: str) -> str:
    """Return the page as it was at a revision of git."""
    command = ["git", "show", f"{revision}:./docs/performance.md"]
    try:
        return subprocess.run(
            command, cwd=root, capture_output=True, check=True, encoding="utf-8"
        ).stdout
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().partition("\n")[0]
    except OSError as error:
        reason = str(error)
    sys.exit(f"BEFORE must be a revision with docs/performance.md, got {revision}: {reason}")


def add(page: str, old: str) -> str:
    """Return the page with a column `before` in each table, empty for rows that are new."""
    known = dict(
        _entry(heading, head, row)
        for heading, block in _blocks(old)
        for head, *rows in [_cells(block)]
        for row in rows
    )
    blocks = []
    for heading, block in _blocks(page):
        head, *rows = _cells(block)
        if rows:
            at = head.index("goal") if "goal" in head else 1
            before = [known.get(_entry(heading, head, row)[0], "") for row in rows]
            for line, figure in zip([head, *rows], ["before", *before], strict=True):
                line.insert(at, figure)
            block = table.markdown([head, *rows])
        blocks.append(block)
    return "\n\n".join(blocks) + "\n"


def _blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield what blank lines separate, each with the heading above it."""
    heading = ""
    for block in page.strip().split("\n\n"):
        if block.startswith("#"):
            heading = block
        yield heading, block


def _cells(block: str) -> list[list[str]]:
    """Return the rows of a table, the head first; an empty head if the block is no table."""
    lines = [re.split(r" *\| *", line)[1:-1] for line in block.splitlines()]
    return [lines[0], *lines[2:]] if block.startswith("| ") else [[]]


def _entry(heading: str, head: list[str], row: list[str]) -> tuple[tuple[str, ...], str]:
    """Return the key of a row, and its figure: the ratio if it has one; in a profile the first."""
    cells = dict(zip(head, row, strict=True))
    if "what" not in cells:
        return (heading, row[-1]), row[0]
    return (heading, cells["what"], cells["beside"]), cells["ratio"] or cells["ours"]
