"""The column of `streaming.yaml`, or of another document."""

import json
import re
from itertools import chain
from pathlib import Path

from drift.document import Document, items, load, mapping
from drift.operation import STREAM, Things, find, operation, parameter_nodes
from drift.schemas import facts, merge

from .table import Cell, Cells, Column, Row, Section, dotted, each, united

TOKENS = "/oauth/token"
_WITHOUT = re.compile(r"[Ww]ithout the header .*?(\d+) seconds", re.DOTALL)


def column(file: Path) -> Column:
    """Return what a document says.

    Raises:
        DocumentError: it is broken, or lacks one of the two operations.
    """
    document = Document(load(file))
    stream, tokens = operation(document), operation(document, TOKENS, "post")
    cells = chain(
        [(Row(Section.OPERATIONS, f"GET {STREAM}"), Cell())],
        [(Row(Section.OPERATIONS, f"POST {TOKENS}"), Cell())],
        _parameters(stream),
        _without_the_header(document),
        _credentials("stream", stream),
        _credentials("token", tokens),
        _media_types(stream),
        _answers(stream, Section.STATUSES, Section.EVENT, Section.ERROR),
        _known(document),
        _token_request(tokens),
        _answers(tokens, Section.TOKEN_STATUSES, Section.TOKEN_ANSWER, Section.TOKEN_REFUSAL),
    )
    return Column("document", dict(cells), lambda section: "spec/streaming.yaml")


def _parameters(things: Things) -> Cells:
    for key, thing in things.items():
        said = thing.facts
        if key.group != "Parameters" or "in" not in said:
            continue
        name = said.get("spelt", thing.name.rpartition(" ")[2])
        required = ", required" if said["required"] == "yes" else ""
        yield Row(Section.PARAMETERS, name), Cell(f"{said['type']} in the {said['in']}{required}")
        if not required:
            # A default in the schema is what the generated client would always send.
            row = Row(Section.PARAMETERS, f"{name}, sent when not given")
            yield row, Cell(said.get("default", "nothing"))
        for bound in ("minimum", "maximum"):
            if bound in said:
                yield Row(Section.BOUNDS, f"{name}, {bound}"), Cell(said[bound])


def _without_the_header(document: Document) -> Cells:
    """Yield what a missing header stands for, which only prose can say without a default."""
    stream = find(document, STREAM, "get")[0]
    for node in parameter_nodes(document, stream.item, stream.node):
        if found := _WITHOUT.search(str(node.get("description"))):
            yield Row(Section.BOUNDS, f"{node['name']}, without the header"), Cell(found[1])


def _credentials(name: str, things: Things) -> Cells:
    (needed,) = (
        thing.facts["credentials"] for thing in things.values() if thing.name == "security"
    )
    ways = [way.split(" and ") for way in needed.split(", or ")]
    for credential in dict.fromkeys(chain(*ways)):
        if credential != "nothing":
            when = "always" if all(credential in way for way in ways) else "one of several ways"
            yield Row(Section.CREDENTIALS, f"{name}: {credential}"), Cell(when)


def _media_types(things: Things) -> Cells:
    for thing in things.values():
        for name in filter(None, thing.facts.get("media type", "").split(", ")):
            yield Row(Section.MEDIA_TYPES, name), Cell()


def _answers(things: Things, statuses: Section, good: Section, bad: Section) -> Cells:
    """Yield the statuses of an operation, and the fields of its answers."""
    bodies: dict[str, dict[str, str]] = {}
    for key, thing in things.items():
        if key.group == "Statuses":
            yield Row(statuses, key.path[0]), Cell()
        elif key.group in ("Events", "Errors") and len(key.path) > 1:
            bodies.setdefault(key.status, {})[dotted(key.path[1:])] = thing.facts["type"]
            if key.group == "Events":
                for value in _values(thing.facts.get("values", "")):
                    yield Row(Section.KNOWN, f"{key.path[-1]}: {value}"), Cell("no other")
    fields = united(body for status, body in bodies.items() if status.startswith("2"))
    yield from each(good, fields)
    yield from each(bad, united(body for status, body in bodies.items() if status[0] != "2"))


def _known(document: Document) -> Cells:
    """Yield the values of the enums that restrict no field; each is named after one."""
    components = mapping(document.root.get("components"), "`components`")
    for name, schema in items(components.get("schemas"), "`schemas`"):
        if name.startswith("Known"):
            for value in _values(facts(merge(document, schema)).get("values", "")):
                row = Row(Section.KNOWN, f"{field_of(name)}: {value}")
                yield row, Cell("and others")


def field_of(known: str) -> str:
    """Return the field that an enum of known values is about: `grid_status` of KnownGridStatus."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", known.removeprefix("Known")).lower()


def _token_request(things: Things) -> Cells:
    for key, thing in things.items():
        if key.group == "Parameters" and key.path[0] == "body" and key.path[1:]:
            yield Row(Section.TOKEN_REQUEST, dotted(key.path[1:])), Cell(thing.facts["type"])
            for value in _values(thing.facts.get("values", "")):
                yield Row(Section.GRANTS, f"{key.path[-1]}: {value}"), Cell("no other")


def _values(listed: str) -> list[object]:
    return list(json.loads(f"[{listed}]"))
