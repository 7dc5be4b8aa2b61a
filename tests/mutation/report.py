"""The table of scores, and the survivors that are or are not explained in survivors.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from mutation.mutants import Survivor, Verdicts

KNOWN = Path(__file__).with_name("survivors.yaml")
_BEGIN, _END = "<!-- make mutation -->", "<!-- end -->"


def table(verdicts: Iterable[Verdicts]) -> str:
    """Return a Markdown table with a row for each module."""
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


def write(page: Path, verdicts: Iterable[Verdicts], modules: Iterable[str]) -> None:
    """Replace rows of the table in a page; keep those of other `modules`, in their order."""
    text = page.read_text("utf-8")
    before, found, rest = text.partition(_BEGIN)
    old, closed, after = rest.partition(_END)
    if not found or not closed:
        raise ValueError(f"{page} must have {_BEGIN} and {_END} around its table.")
    head, rule, *rows = table(verdicts).splitlines()
    by_module = {row.split("`")[1]: row for row in [*old.splitlines(), *rows] if "`" in row}
    kept = [by_module[module] for module in modules if module in by_module]
    body = "\n".join([head, rule, *kept])
    page.write_text(f"{before}{_BEGIN}\n{body}\n{_END}{after}", "utf-8")


def complaints(verdicts: Iterable[Verdicts], known: Path = KNOWN) -> list[str]:
    """Return survivors that lack an explanation, and explanations that lack a survivor."""
    seen = list(verdicts)
    ran = {found.module for found in seen}
    explained: Counter[Survivor] = Counter()
    for entry in yaml.safe_load(known.read_text("utf-8")) or []:
        if not entry["why"].strip():
            raise ValueError(f"{known.name} must give a reason for {entry['function']}.")
        change = entry["change"].strip()
        explained[Survivor(entry["module"], entry["function"], change)] += entry.get("times", 1)
    survived = Counter(survivor for found in seen for survivor in found.survivors)
    return [
        f"No test noticed this in {one.module}, {one.function}:\n{one.change}"
        for one in (survived - explained).elements()
    ] + [
        f"This no longer survives in {one.module}, {one.function}; delete it from {known.name}:\n"
        f"{one.change}"
        for one in (explained - survived).elements()
        if one.module in ran
    ]
