"""The streaming operation of a document, as things with facts that can be compared."""

from collections.abc import Iterable, Iterator
from typing import Any

from .addresses import find
from .document import Document, items, listed, mapping, text
from .facts import yes
from .responses import responses
from .schemas import fields
from .things import Key, Thing, Things, with_fields

# In Swagger 2.0 a parameter's schema stands among these.
NO_SCHEMA = {"name", "in", "description", "required"}
# Headers that are no parameters in OpenAPI 3: something else there describes them.
IGNORED = {"accept", "authorization", "content-type"}
Nodes = dict[tuple[str, str], dict[Any, Any]]


def operation(document: Document) -> Things:
    """Return all that is compared, raising DocumentError if the document lacks the operation."""
    found, *more = find(document)
    said = {"address": ", ".join(found.addresses), "deprecated": yes(found.node.get("deprecated"))}
    things: Things = {Key("Operation", "", ()): Thing("operation", said)}
    for other in more:
        name = f"second operation at {', '.join(other.addresses)}"
        things[Key("Operation", "", (name,))] = Thing(name, {})
    nodes = parameter_nodes(document, found.shared, found.node)
    no_parameters = {key for key, node in nodes.items() if is_no_parameter(document, key, node)}
    nodes = {key: node for key, node in nodes.items() if key not in no_parameters}
    things |= parameters(document, found.path, nodes, found.node)
    always = ["bearer"] if document.swagger and no_parameters else []
    needs = {"credentials": credentials(document, found.node, always)}
    things[Key("Security", "", ())] = Thing("security", needs)
    return things | responses(document, found.node)


def parameter_nodes(document: Document, *levels: dict[Any, Any]) -> Nodes:
    """Return every parameter by its name and place; a later level overrides an earlier one."""
    nodes: Nodes = {}
    for level in levels:
        for each in listed(level.get("parameters"), "`parameters`"):
            node = document.resolved(each, "a parameter")
            place = text(node.get("in"), "the `in` of a parameter")
            nodes[text(node.get("name"), "the name of a parameter"), place] = node
    return nodes


def is_no_parameter(document: Document, key: tuple[str, str], node: dict[Any, Any]) -> bool:
    """Whether it is a header that OpenAPI 3 ignores, or how Swagger 2.0 asks for a token."""
    name, place = key[0].lower(), key[1]
    if place != "header":
        return False
    if document.swagger:
        return name == "authorization" and node.get("required") is True
    return name in IGNORED


def parameters(document: Document, path: str, nodes: Nodes, operation: dict[Any, Any]) -> Things:
    """Return every parameter, and the body of the request."""
    things: Things = {}
    for (name, place), node in nodes.items():
        key = Key("Parameters", "", (identity(path, name, place),))
        if key in things:
            key = Key("Parameters", "", (f"{key.path[0]} in {place}",))
        said = {"in": place}
        if place != "path":
            said["spelt"] = name.lower() if place == "header" else name
        thing = Thing(f"{place} parameter {name}", said)
        required = node.get("required") is True
        inner = fields(document, schema_of(document, node), required=required)
        things |= with_fields(key, thing, inner)
    if body := document.resolved(operation.get("requestBody"), "`requestBody`"):
        said = {"required": yes(body.get("required"))}
        things[Key("Parameters", "", ("body",))] = Thing("body of the request", said)
    return things


def identity(path: str, name: str, place: str) -> str:
    """Return what makes it the same parameter: in the path its position, elsewhere its name."""
    if place == "path" and f"{{{name}}}" in path:
        return f"path {path[: path.index(f'{{{name}}}')].count('{')}"
    return name.lower()


def schema_of(document: Document, node: dict[Any, Any]) -> object:
    """Return the schema of a parameter."""
    if document.swagger and "schema" not in node:
        return {key: value for key, value in node.items() if key not in NO_SCHEMA}
    for _, media in items(node.get("content"), "`content`"):
        return mapping(media, "a media type").get("schema")
    return node.get("schema")


def credentials(document: Document, node: dict[Any, Any], always: Iterable[str] = ()) -> str:
    """Return what a caller has to show, such as `a and b, or c`: `always`, and what is listed."""
    needed = node.get("security", document.root.get("security"))
    ways = {
        " and ".join(
            sorted({*always, *credential_names(document, mapping(way, "a security requirement"))})
        )
        for way in listed(needed, "`security`") or [{}]
    }
    return ", or ".join(sorted(way or "nothing" for way in ways))


def credential_names(document: Document, way: dict[Any, Any]) -> Iterator[str]:
    """Return one credential after the other, in words that either version leads to."""
    root = document.root
    if not document.swagger:
        root = mapping(root.get("components"), "`components`")
    place = "securityDefinitions" if document.swagger else "securitySchemes"
    schemes = dict(items(root.get(place), f"`{place}`"))
    for name, scopes in items(way, "a security requirement"):
        scheme = document.resolved(schemes.get(name), f"the security scheme {name}")
        kind = text(scheme.get("type", "undefined"), "a `type`")
        if kind == "http":
            called = text(scheme.get("scheme", "undefined"), "a `scheme`").lower()
        elif kind == "apiKey":
            called, where = (text(scheme.get(key, "undefined"), key) for key in ("name", "in"))
            called = f"{called.lower() if where == 'header' else called} in the {where}"
            if document.swagger and called == "authorization in the header":
                called = "bearer"  # Swagger 2.0 has no other way to say so
        else:
            called = kind
        scoped = sorted(text(scope, "a scope") for scope in listed(scopes, "scopes"))
        yield f"{called} ({', '.join(scoped)})" if scoped else called
