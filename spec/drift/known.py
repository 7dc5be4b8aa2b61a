"""The list of deviations that are known, each with its reason."""

from pathlib import Path

from .document import items, listed, text
from .files import DocumentError, load
from .things import Difference

KEYS = {"group", "difference", "reason"}
Known = dict[tuple[str, str], str]


def load_known(file: Path) -> Known:
    """Return the reason of each known (group, text of a difference)."""
    known: Known = {}
    for number, node in enumerate(listed(load(file), "the list"), 1):
        entry = {name: text(value, name).strip() for name, value in items(node, f"entry {number}")}
        if entry.keys() != KEYS or not all(entry.values()):
            raise DocumentError(f"is broken: entry {number} needs {', '.join(sorted(KEYS))}")
        if (key := (entry["group"], entry["difference"])) in known:
            raise DocumentError(f"is broken: entry {number} repeats an earlier one")
        known[key] = entry["reason"]
    return known


def told_apart(found: list[Difference], known: Known) -> tuple[list[Difference], Known, Known]:
    """Return the new differences, the known ones that were found, and the known that were not."""
    there = {(each.group, each.text) for each in found}
    new = [each for each in found if (each.group, each.text) not in known]
    met = {key: reason for key, reason in known.items() if key in there}
    return new, met, {key: reason for key, reason in known.items() if key not in there}
