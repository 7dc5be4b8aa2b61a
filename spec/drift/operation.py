"""One operation of a document, as things with facts that can be compared."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .document import Document, DocumentError, items, listed, mapping, text
from .schemas import Facts, Path, fields, merge, yes

STREAM = "/systems/{system_id}/live_data"
# In Swagger 2.0, the schema of a parameter is the parameter without these.
NO_SCHEMA = {"name", "in", "description", "required"}
# OpenAPI 3 ignores parameters for these headers: something else in it describes them.
IGNORED = {"accept", "authorization", "content-type"}
MEDIA_TYPES = ("text/event-stream", "application/json")
"""Which schema to compare where a body may have several media types, most likely first."""


class Key(NamedTuple):
    """One thing, the same in every document; `status` is that of a body."""

    group: str
    status: str
    path: Path


class Thing(NamedTuple):
    """What the report calls a thing, and what the document says of it."""

    name: str
    facts: Facts


Things = dict[Key, Thing]


class Found(NamedTuple):
    """One operation: its path, its whole addresses, its path item and itself."""

    path: str
    addresses: list[str]
    item: dict[Any, Any]
    node: dict[Any, Any]


def operation(document: Document, wanted: str = STREAM, method: str = "get") -> Things:
    """Return all that is compared of an operation.

    Raises:
        DocumentError: the document lacks it, or is broken.
    """
    found, *others = find(document, wanted, method)
    said = {"address": ", ".join(found.addresses), "deprecated": yes(found.node.get("deprecated"))}
    things: Things = {Key("Operation", "", ()): Thing("operation", said)}
    for other in others:
        name = f"second operation at {', '.join(other.addresses)}"
        things[Key("Operation", "", (name,))] = Thing(name, {})
    nodes = parameter_nodes(document, found.item, found.node)
    described_elsewhere = [node for node in nodes if _is_no_parameter(document, node)]
    things |= _parameters(
        document, found, [each for each in nodes if each not in described_elsewhere]
    )
    always = {"bearer"} if document.swagger and described_elsewhere else set()
    needed = {"credentials": _credentials(document, found.node, always)}
    things[Key("Security", "", ())] = Thing("security", needed)
    return things | _responses(document, found.node)


# Where it is --------------------------------------------------------------------------------------


def find(document: Document, wanted: str, method: str) -> list[Found]:
    """Return the operations at `…{wanted}`, version 4 of the API first."""
    found = []
    for path, node in items(document.root.get("paths"), "`paths`"):
        item = document.resolved(node, f"the path {path}")
        if method not in item:
            continue
        operation = mapping(item[method], f"{method.upper()} {path}")
        addresses = sorted({base + _shape(path) for base in _bases(document, item, operation)})
        if any(address.endswith(_shape(wanted)) for address in addresses):
            found.append(Found(path, addresses, item, operation))
    if not found:
        raise DocumentError(f"lacks the operation {method.upper()} …{wanted}")
    return sorted(found, key=lambda each: "/v4/" not in each.addresses[0])


def _shape(path: str) -> str:
    """Return a path without the names of its parameters, which no request carries."""
    return "/" + re.sub(r"\{[^{}/]*\}", "{}", path).strip("/")


def _bases(document: Document, *levels: dict[Any, Any]) -> list[str]:
    """Return what precedes a path: origin and base path, as far as the document names them."""
    if document.swagger:
        root = document.root
        host = text(root.get("host") or "", "`host`")
        schemes = listed(root.get("schemes"), "`schemes`") or ["https"]
        base = text(root.get("basePath") or "", "`basePath`")
        servers = [f"{text(each, 'a scheme')}://{host}/{base}" for each in schemes]
        servers = servers if host else [base]
    else:
        document.count()
        nearest = [each["servers"] for each in (*levels[::-1], document.root) if "servers" in each]
        nodes = listed(nearest[0], "`servers`") if nearest else []
        servers = [text(mapping(each, "a server").get("url", ""), "a `url`") for each in nodes]
    return [_base(server) for server in servers] or [""]


def _base(server: str) -> str:
    try:
        parts = urlsplit(server)
    except ValueError:
        raise DocumentError(f"is broken: {server} is no address") from None
    origin = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
    return origin + _shape(parts.path).rstrip("/")


# What is sent -------------------------------------------------------------------------------------


def parameter_nodes(document: Document, *levels: dict[Any, Any]) -> list[dict[Any, Any]]:
    """Return every parameter; one of a later level overrides one of an earlier level."""
    nodes = {}
    for level in levels:
        for each in listed(level.get("parameters"), "`parameters`"):
            node = document.resolved(each, "a parameter")
            nodes[text(node.get("name"), "a `name`"), text(node.get("in"), "an `in`")] = node
    return list(nodes.values())


def _is_no_parameter(document: Document, node: dict[Any, Any]) -> bool:
    """Tell whether OpenAPI 3 ignores it, or Swagger 2.0 uses it to ask for a token."""
    name = str(node["name"]).lower()
    if node["in"] != "header":
        return False
    if document.swagger:
        return name == "authorization" and node.get("required") is True
    return name in IGNORED


def _parameters(document: Document, found: Found, nodes: Iterable[dict[Any, Any]]) -> Things:
    """Return every parameter and the body of the request, each with its fields."""
    things: Things = {}
    for node in nodes:
        name, place = str(node["name"]), str(node["in"])
        key = Key("Parameters", "", (_identity(found.path, name, place),))
        if key in things:
            key = Key("Parameters", "", (f"{name.lower()} in {place}",))
        said = {"in": place}
        if place != "path":
            said["spelt"] = name.lower() if place == "header" else name
        required = node.get("required") is True
        inner = fields(document, _schema_of(document, node), required=required)
        things |= _with_fields(key, Thing(f"{place} parameter {name}", said), inner)
    if body := document.resolved(found.node.get("requestBody"), "`requestBody`"):
        _, schema = _content(document, body)
        required = body.get("required") is True
        inner = fields(document, {} if schema is None else schema, required=required)
        key, thing = Key("Parameters", "", ("body",)), Thing("body of the request", {})
        things |= _with_fields(key, thing, inner)
    return things


def _identity(path: str, name: str, place: str) -> str:
    """Return what makes it the same parameter: in a path its position, elsewhere its name."""
    if place == "path" and f"{{{name}}}" in path:
        return f"path {path[: path.index(f'{{{name}}}')].count('{')}"
    return name.lower()


def _schema_of(document: Document, node: dict[Any, Any]) -> object:
    """Return the schema of a parameter."""
    if document.swagger and "schema" not in node:
        return {key: value for key, value in node.items() if key not in NO_SCHEMA}
    _, schema = _content(document, node)
    return node.get("schema", schema)


def _with_fields(key: Key, thing: Thing, inner: Iterable[tuple[Path, Facts]]) -> Things:
    """Return a thing that has a schema, and one thing for each field in it."""
    things: Things = {}
    for path, facts in inner:
        name = f"{thing.name}: {'.'.join(path).replace('.[]', '[]')}"
        things[key._replace(path=key.path + path)] = (
            Thing(name, facts) if path else Thing(thing.name, thing.facts | facts)
        )
    return things


def _credentials(document: Document, node: dict[Any, Any], always: set[str]) -> str:
    """Return what a caller has to show, such as `a and b, or c`: `always`, and what is listed."""
    needed = node.get("security", document.root.get("security"))
    ways = {
        " and ".join(
            sorted(always.union(_credential_names(document, mapping(way, "a requirement"))))
        )
        for way in listed(needed, "`security`") or [{}]
    }
    return ", or ".join(sorted(way or "nothing" for way in ways))


def _credential_names(document: Document, way: dict[Any, Any]) -> Iterator[str]:
    """Yield each credential in words that Swagger 2.0 and OpenAPI 3 both lead to."""
    root, place = document.root, "securityDefinitions"
    if not document.swagger:
        root, place = mapping(root.get("components"), "`components`"), "securitySchemes"
    schemes = dict(items(root.get(place), f"`{place}`"))
    for name, scopes in items(way, "a requirement"):
        scheme = document.resolved(schemes.get(name), f"the security scheme {name}")
        kind = text(scheme.get("type", "undefined"), "a `type`")
        if kind == "http":
            called = text(scheme.get("scheme", "undefined"), "a `scheme`").lower()
        elif kind == "apiKey":
            called, where = (text(scheme.get(key, "undefined"), key) for key in ("name", "in"))
            called = f"{called.lower() if where == 'header' else called} in the {where}"
            if document.swagger and called == "authorization in the header":
                called = "bearer"  # Swagger 2.0 has no other way to say so
        elif kind == "oauth2":
            called = "bearer"  # RFC 6750: how an OAuth 2.0 token travels
        else:
            called = kind
        scoped = sorted(text(scope, "a scope") for scope in listed(scopes, "scopes"))
        yield f"{called} ({', '.join(scoped)})" if scoped else called


# What is answered ---------------------------------------------------------------------------------


def _responses(document: Document, operation: dict[Any, Any]) -> Things:
    """Return every status, with the media types and the fields of its body."""
    things: Things = {}
    for status, node in items(operation.get("responses"), "`responses`"):
        if status.startswith("x-"):
            continue
        response = document.resolved(node, f"the response {status}")
        things[Key("Statuses", "", (status,))] = Thing(f"status {status}", {})
        group = "Events" if status.startswith("2") else "Errors"
        if document.swagger:
            names, schema = _produces(document, operation), response.get("schema")
            names = [] if schema is None else names
        else:
            names, schema = _content(document, response)
        if not names and schema is None:
            continue
        said = {"media type": ", ".join(sorted(set(names)))} if names else {}
        if group == "Events" and schema is not None:
            inner = _unwrapped(document, schema)
            said["event"] = "as it is" if inner is schema else "inside one more `data`"
            schema = inner
        key = Key(group, status, ("body",))
        whole = fields(document, {} if schema is None else schema)
        things |= _with_fields(key, Thing("body", said), whole)
    return things


def _produces(document: Document, operation: dict[Any, Any]) -> list[str]:
    names = operation.get("produces", document.root.get("produces"))
    return [_bare(text(name, "a media type")) for name in listed(names, "`produces`")]


def _content(document: Document, node: dict[Any, Any]) -> tuple[list[str], object]:
    """Return the media types of an OpenAPI 3 body, and the schema of the likeliest of them."""
    content = {_bare(name): media for name, media in items(node.get("content"), "`content`")}
    for name in (*MEDIA_TYPES, *content):
        if name in content:
            media = document.resolved(content[name], f"the media type {name}")
            return list(content), media.get("schema", _event_of(document, media))
    return [], None


def _event_of(document: Document, media: dict[Any, Any]) -> object:
    """Return the JSON of one event, where OpenAPI 3.2 describes a stream event by event."""
    if (schema := media.get("itemSchema")) is None:
        return None
    properties = mapping(merge(document, schema).get("properties"), "`properties`")
    return merge(document, properties.get("data")).get("contentSchema", schema)


def _unwrapped(document: Document, schema: object) -> object:
    """Return the event inside an outer `data`, which is most likely the stream's own `data:`."""
    outer = mapping(merge(document, schema).get("properties"), "`properties`")
    if outer.keys() == {"data"}:
        inner = merge(document, outer["data"]).get("properties")
        if "data" in mapping(inner, "`properties`"):
            return outer["data"]
    return schema


def _bare(name: str) -> str:
    """Return a media type without its parameters."""
    return name.partition(";")[0].strip().lower()
