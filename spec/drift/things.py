"""What a document says, thing by thing, and how two documents differ."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .facts import Facts
from .schemas import Path

GROUPS = ("Operation", "Parameters", "Security", "Statuses", "Events", "Errors")


class Key(NamedTuple):
    """One thing in either document, whatever they call it; `status` is empty outside responses."""

    group: str
    status: str
    path: Path


class Thing(NamedTuple):
    """What a reader calls it, what is said of it, and what it is a part of."""

    name: str
    facts: Facts
    parent: Key | None = None


Things = dict[Key, Thing]


class Difference(NamedTuple):
    """One difference in words."""

    group: str
    status: str
    text: str


def with_fields(key: Key, thing: Thing, inner: Iterable[tuple[Path, Facts]]) -> Things:
    """Return a thing that has a schema, and one thing for each field in it."""
    things: Things = {}
    for path, facts in inner:
        label = ".".join(path).replace(".[]", "[]")
        things[key._replace(path=key.path + path)] = (
            Thing(f"{thing.name}: {label}", facts, key._replace(path=key.path + path[:-1]))
            if path
            else thing._replace(facts=thing.facts | facts)
        )
    return things


def differences(published: Things, ours: Things) -> Iterator[Difference]:
    """Every difference once: parts of what is new, gone or of another type are passed over."""
    over: set[Key | None] = set()
    for key in [*ours, *(key for key in published if key not in ours)]:
        theirs, mine = published.get(key), ours.get(key)
        if any(each.parent in over for each in (theirs, mine) if each):
            over.add(key)
        elif mine is None and theirs is not None:
            over.add(key)
            yield Difference(key.group, key.status, f"added {theirs.name}{described(theirs)}")
        elif theirs is None and mine is not None:
            over.add(key)
            yield Difference(key.group, key.status, f"removed {mine.name}{described(mine)}")
        elif theirs is not None and mine is not None:
            if theirs.facts.get("type") != mine.facts.get("type"):
                over.add(key)
            for text in changes(theirs.facts, mine.facts):
                yield Difference(key.group, key.status, f"changed {mine.name}: {text}")


def changes(theirs: Facts, mine: Facts) -> Iterator[str]:
    """Return what is said otherwise of one thing, fact by fact."""
    for fact in [*mine, *(fact for fact in theirs if fact not in mine)]:
        if theirs.get(fact) != mine.get(fact):
            unsaid = "any" if fact == "values" else "not stated"
            yield f"{fact} {theirs.get(fact, unsaid)}, ours {mine.get(fact, unsaid)}"


def described(thing: Thing) -> str:
    """Return what is said of a thing, without what its name or a silence says already."""
    said = [
        value if fact == "type" else fact if value == "yes" else f"{fact} {value}"
        for fact, value in thing.facts.items()
        if fact not in ("in", "spelt") and value not in ("no", "not mentioned")
    ]
    return f" ({', '.join(said)})" if said else ""
