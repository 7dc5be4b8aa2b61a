"""How two documents differ, which differences are known, and the lines that tell the rest."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .document import DocumentError, items, listed, load, text
from .operation import Key, Thing, Things
from .schemas import Facts

GROUPS = ("Operation", "Parameters", "Security", "Statuses", "Events", "Errors")


class Difference(NamedTuple):
    """One difference in words; `status` is that of a body."""

    group: str
    status: str
    text: str


def differences(published: Things, ours: Things) -> Iterator[Difference]:
    """Yield every difference once: parts of what is new, gone or of another type are left out."""
    told: set[Key] = set()
    for key in [*ours, *(key for key in published if key not in ours)]:
        theirs, mine = published.get(key), ours.get(key)
        if _parent(key) in told:
            told.add(key)
        elif theirs is None or mine is None:
            told.add(key)
            word, thing = ("removed", mine) if theirs is None else ("added", theirs)
            if thing is not None:
                yield Difference(key.group, key.status, f"{word} {thing.name}{_described(thing)}")
        else:
            if theirs.facts.get("type") != mine.facts.get("type"):
                told.add(key)
            for change in _changes(theirs.facts, mine.facts):
                yield Difference(key.group, key.status, f"changed {mine.name}: {change}")


def _parent(key: Key) -> Key:
    """Return what a field is part of; for a whole body, its status."""
    if key.status and len(key.path) == 1:
        return Key("Statuses", "", (key.status,))
    return key._replace(path=key.path[:-1])


def _changes(theirs: Facts, mine: Facts) -> Iterator[str]:
    """Yield what is said otherwise of one thing, fact by fact."""
    for fact in [*mine, *(fact for fact in theirs if fact not in mine)]:
        if theirs.get(fact) != mine.get(fact):
            unsaid = "any" if fact == "values" else "not stated"
            yield f"{fact} {theirs.get(fact, unsaid)}, ours {mine.get(fact, unsaid)}"


def _described(thing: Thing) -> str:
    """Return what is said of a thing, without what its name or a silence already says."""
    said = [
        value if fact == "type" else fact if value == "yes" else f"{fact} {value}"
        for fact, value in thing.facts.items()
        if fact not in ("in", "spelt") and value not in ("no", "not mentioned")
    ]
    return f" ({', '.join(said)})" if said else ""


Known = set[tuple[str, str]]
"""The group and the text of each known deviation."""


def load_known(file: Path) -> Known:
    """Return the known deviations; raise DocumentError if one is broken or has no reason."""
    known: Known = set()
    for number, node in enumerate(listed(load(file), "the list"), 1):
        entry = {name: text(value, name).strip() for name, value in items(node, f"entry {number}")}
        if entry.keys() != {"group", "difference", "reason"} or not all(entry.values()):
            raise DocumentError(f"is broken: entry {number} needs difference, group, reason")
        if (key := (entry["group"], entry["difference"])) in known:
            raise DocumentError(f"is broken: entry {number} repeats an earlier one")
        known.add(key)
    return known


def report(found: Iterable[Difference], known: Known) -> tuple[list[str], bool]:
    """Return the lines of the report, and whether a difference is new."""
    statuses: dict[tuple[str, str], list[str]] = {}
    for each in sorted(found, key=lambda each: GROUPS.index(each.group)):
        statuses.setdefault((each.group, each.text), []).append(each.status)
    lines, heading = [], ""
    new = [key for key in statuses if key not in known]
    for group, difference in new:
        if group != heading:
            heading = group
            lines.append(group)
        where = ", ".join(filter(None, statuses[group, difference]))
        lines.append(f"  {where}: {difference}" if where else f"  {difference}")
    if gone := sorted(known - statuses.keys()):
        lines.append(
            "Known deviations that are gone. If they are gone for good, delete them from the list:"
        )
        lines += [f"  {group}: {difference}" for group, difference in gone]
    met = len(known & statuses.keys())
    lines.append(f"New differences: {len(new)}. Known deviations found: {met}.")
    return lines, bool(new)
