"""The verdicts as a table, on the screen and in a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mutation.results import Verdicts

_BEGIN, _END = "<!-- make mutation -->", "<!-- end -->"


def table(verdicts: Iterable[Verdicts]) -> str:
    """Return a row for each module."""
    rows = [
        "| module | mutants | killed | survived | timed out | score |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    rows += [
        f"| `{one.module}` | {one.mutants} | {one.killed} | {len(one.survivors)} "
        f"| {one.timed_out} | {one.score} |"
        for one in verdicts
    ]
    return "\n".join(rows)


def write(page: Path, verdicts: Iterable[Verdicts]) -> None:
    """Put the rows into `page`, between its two marks; rows of other modules stay."""
    text = page.read_text("utf-8")
    before, found, rest = text.partition(_BEGIN)
    old, closed, after = rest.partition(_END)
    if not found or not closed:
        raise ValueError(f"{page} has no {_BEGIN} … {_END} to write the table between.")
    kept = {row.split("|")[1].strip(): row for row in old.splitlines() if row.startswith("| `")}
    head, rule, *rows = table(verdicts).splitlines()
    kept |= {row.split("|")[1].strip(): row for row in rows}
    body = "\n".join([head, rule, *kept.values()])
    page.write_text(f"{before}{_BEGIN}\n{body}\n{_END}{after}", "utf-8")
