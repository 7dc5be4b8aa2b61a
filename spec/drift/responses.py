"""The statuses of an operation, and the bodies behind them."""

from typing import Any

from .document import Document, items, listed, mapping, text
from .schemas import fields, merge
from .things import Key, Thing, Things, with_fields

PREFERRED = ("text/event-stream", "application/json")


def responses(document: Document, operation: dict[Any, Any]) -> Things:
    """Return every status, with the media type and the fields of its body."""
    things: Things = {}
    for status, node in items(operation.get("responses"), "`responses`"):
        if status.startswith("x-"):
            continue
        response = document.resolved(node, f"the response {status}")
        known = Key("Statuses", "", (status,))
        things[known] = Thing(f"status {status}", {})
        group = "Events" if status.startswith("2") else "Errors"
        names, schema = body(document, operation, response)
        if not names and schema is None:
            continue
        said = {"media type": ", ".join(sorted(names))} if names else {}
        if group == "Events" and schema is not None:
            inner = unwrapped(document, schema)
            said["event"] = "as it is" if inner is schema else "inside one more `data`"
            schema = inner
        key, thing = Key(group, status, ()), Thing("body", said, known)
        things |= with_fields(key, thing, fields(document, {} if schema is None else schema))
    return things


def body(
    document: Document, operation: dict[Any, Any], response: dict[Any, Any]
) -> tuple[set[str], object]:
    """Return the media types of a body, and the schema of the likeliest of them."""
    if document.swagger:
        produces = operation.get("produces", document.root.get("produces"))
        names = {bare(text(name, "a media type")) for name in listed(produces, "`produces`")}
        schema = response.get("schema")
        return set() if schema is None else names, schema
    content = {bare(name): node for name, node in items(response.get("content"), "`content`")}
    for name in (*PREFERRED, *content):
        if name in content:
            media = document.resolved(content[name], f"the media type {name}")
            return set(content), media.get("schema", item(document, media))
    return set(), None


def item(document: Document, media: dict[Any, Any]) -> object:
    """Return the JSON of one event, where OpenAPI 3.2 describes the events one by one."""
    if (schema := media.get("itemSchema")) is None:
        return None
    properties = mapping(merge(document, schema).get("properties"), "`properties`")
    return merge(document, properties.get("data")).get("contentSchema", schema)


def unwrapped(document: Document, schema: object) -> object:
    """Return the event, where what surrounds it is most likely the stream's own `data:`."""
    outer = mapping(merge(document, schema).get("properties"), "`properties`")
    if outer.keys() == {"data"}:
        inner = merge(document, outer["data"]).get("properties")
        if "data" in mapping(inner, "`properties`"):
            return outer["data"]
    return schema


def bare(name: str) -> str:
    """Return a media type without its parameters."""
    return name.partition(";")[0].strip().lower()
