"""What `streaming.yaml`, or another document, says."""

import json
import pathlib
import re
from itertools import chain
from typing import Any

from drift.addresses import Found, find, shape
from drift.document import Document, items, listed, mapping
from drift.facts import LIMITS, Facts, facts
from drift.files import load
from drift.operation import credentials, operation
from drift.responses import responses
from drift.schemas import Path, fields, merge
from drift.things import Things

from .rows import (
    YES,
    Claims,
    Part,
    Row,
    Said,
    Witness,
    claims,
    field_in,
    field_of,
    named,
    parameter,
    required,
    shared,
    when_not_given,
)

TOKENS = "/oauth/token"
# What is said of a value beside its type. How text looks inside is nothing that is compared.
BOUNDS = {*LIMITS.values(), "other fields"} - {"format"}
_UNSENT = re.compile(r"[Ww]ithout the header .*?(\d+) seconds", re.DOTALL)


def witness(file: pathlib.Path) -> Witness:
    """Return what the document says. Raises DocumentError if there is no use in it."""
    document = Document(load(file))
    stream = find(document)[0]
    things = operation(document)
    said = chain(
        [(Row(Part.OPERATIONS, f"GET {shape(stream.path)}"), YES)],
        _parameters(things),
        _unsent(document, stream),
        _credentials("stream", document, stream.node),
        _media_types(things),
        _known(document),
        _answers(things, Part.STATUSES, Part.EVENT, Part.ERROR),
        _tokens(document),
    )
    return Witness("document", dict(said), {})


def _parameters(things: Things) -> Claims:
    for key, thing in things.items():
        if key.group != "Parameters" or "in" not in thing.facts:
            continue
        said = thing.facts
        name = said.get("spelt", thing.name.rpartition(" ")[2])
        needed = said["required"] == "yes"
        yield parameter(name, said["type"], said["in"], needed=needed)
        if not needed:
            # A default in the schema is what the generated client would always send.
            yield when_not_given(name, said.get("default"))
        yield from _bounds(name, {fact: said[fact] for fact in said if fact != "default"})


def _unsent(document: Document, stream: Found) -> Claims:
    """Yield what a header that is left out stands for: no schema can say that, so prose does."""
    for level in (stream.shared, stream.node):
        for each in listed(level.get("parameters"), "`parameters`"):
            node = document.resolved(each, "a parameter")
            description = node.get("description")
            if isinstance(description, str) and (found := _UNSENT.search(description)):
                yield Row(Part.BOUNDS, f"{node['name']}, without the header"), Said(found[1])


def _bounds(name: str, said: Facts) -> Claims:
    for bound in sorted(BOUNDS & said.keys()):
        yield Row(Part.BOUNDS, f"{name}, {bound}"), Said(said[bound])


def _credentials(operation: str, document: Document, node: dict[Any, Any]) -> Claims:
    ways = [way.split(" and ") for way in credentials(document, node).split(", or ")]
    for name in dict.fromkeys(name for way in ways for name in way):
        if name != "nothing":
            when = "always" if all(name in way for way in ways) else "one of several ways"
            yield Row(Part.CREDENTIALS, f"{operation}: {name}"), Said(when)


def _media_types(things: Things) -> Claims:
    for key, thing in things.items():
        if key.group in ("Events", "Errors") and "media type" in thing.facts:
            for kind in thing.facts["media type"].split(", "):
                yield Row(Part.MEDIA_TYPES, kind), YES


def _answers(things: Things, statuses: Part, good: Part, bad: Part) -> Claims:
    """Yield the statuses of an operation, and what is said of the fields of its answers."""
    found = [key.path[0] for key in things if key.group == "Statuses"]
    yield from ((Row(statuses, status), YES) for status in found)
    errors = [status for status in found if not status.startswith("2")]
    yield from claims(good, _kinds(things, "Events", "200"))
    yield from claims(bad, shared({status: _kinds(things, "Errors", status) for status in errors}))
    for key, thing in things.items():
        if key.group in ("Events", "Errors"):
            part = good if key.group == "Events" else bad
            yield from _limits(part, Part.KNOWN, key.path, thing.facts)


def _kinds(things: Things, group: str, status: str) -> dict[str, str]:
    return {
        named(key.path): thing.facts["type"]
        for key, thing in things.items()
        if (key.group, key.status) == (group, status) and key.path
    }


def _limits(part: Part, values: Part, path: Path, said: Facts) -> Claims:
    """Yield what is said of a field beside its type: bounds, that it is required, its values."""
    yield from _bounds(field_in(part, path), said)
    if path and said.get("required") == "yes":
        yield required(part, path)
    for value in _values(said.get("values", "")):
        yield Row(values, f"{'.'.join(path[-1:])}: {value}"), Said("no other")


def _values(listed: str) -> list[object]:
    try:
        return list(json.loads(f"[{listed}]"))
    except ValueError:  # an object or a list among them is not told as JSON
        return [listed]


def _known(document: Document) -> Claims:
    """Yield the values of the enums that restrict no field; they are named after one."""
    components = mapping(document.root.get("components"), "`components`")
    for name, schema in items(components.get("schemas"), "`schemas`"):
        if name.startswith("Known"):
            values = facts(merge(document, schema)).get("values", "")
            for value in _values(values):
                yield Row(Part.KNOWN, f"{field_of(name)}: {value}"), Said("and others")


def _tokens(document: Document) -> Claims:
    """Yield what is said of the token operation; nothing if there is none."""
    paths = dict(items(document.root.get("paths"), "`paths`"))
    path = document.resolved(paths.get(TOKENS), f"the path {TOKENS}")
    node = mapping(path.get("post"), f"POST {TOKENS}")
    if not node:
        return
    yield Row(Part.OPERATIONS, f"POST {TOKENS}"), YES
    yield from _credentials("token", document, node)
    yield from _token_request(document, node)
    things = responses(document, node)
    yield from _answers(things, Part.TOKEN_STATUSES, Part.TOKEN_ANSWER, Part.TOKEN_REFUSAL)


def _token_request(document: Document, node: dict[Any, Any]) -> Claims:
    body = document.resolved(node.get("requestBody"), "`requestBody`")
    for _, media in items(body.get("content"), "`content`"):
        schema = document.resolved(media, "a media type").get("schema")
        for path, said in fields(document, schema):
            if path:
                yield Row(Part.TOKEN_REQUEST, named(path)), Said(said["type"])
            yield from _limits(Part.TOKEN_REQUEST, Part.GRANTS, path, said)
