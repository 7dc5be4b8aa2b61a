"""The fields of a schema, with what stands behind references and in several parts put together."""

from collections.abc import Iterable, Iterator
from typing import Any

from .document import Document, items, listed, longer
from .facts import Facts, facts, kind, optional_list, yes
from .files import DocumentError

DEEPEST = 40
Path = tuple[str, ...]


def fields(
    document: Document,
    schema: object,
    *,
    path: Path = (),
    required: bool = False,
    outer: frozenset[str] = frozenset(),
) -> Iterator[tuple[Path, Facts]]:
    """Every field with its facts, outer ones first: () is the whole, [] an item, * any name."""
    whole = merge(document, schema)
    references = whole.get("$ref", frozenset())
    if len(path) > DEEPEST:
        raise DocumentError(f"has fields nested deeper than {DEEPEST}")
    if references & outer:
        yield path, {"type": "what is around it, once more", "required": yes(required)}
        return
    yield path, {"required": yes(required), **facts(whole)}
    children = dict(items(whole.get("properties"), "`properties`"))
    needed = {name for name in optional_list(whole.get("required")) if isinstance(name, str)}
    if whole.get("items") is not None:
        children["[]"] = whole["items"]
    if isinstance(whole.get("additionalProperties"), dict) and whole["additionalProperties"]:
        children["*"] = whole["additionalProperties"]
    for name, child in children.items():
        yield from fields(
            document,
            child,
            path=(*path, name),
            required=name in needed,
            outer=outer | references,
        )


def merge(document: Document, schema: object, chain: Path = ()) -> dict[str, Any]:
    """Return one flat schema for its references, its `allOf` and a choice between it and null.

    What it refers to is kept in `$ref`, as a set, and other choices in `$forms`, as their types.
    """
    document.count()
    if isinstance(schema, bool):
        return {} if schema else {"type": "nothing"}
    own = dict(items(schema, "a schema"))
    parts = []
    if (reference := own.pop("$ref", None)) is not None:
        target = document.target(reference)
        parts.append(merge(document, target, longer(chain, reference)))
        parts.append({"$ref": frozenset({reference})})
        if not document.siblings:
            return join(document, parts)
    parts += [merge(document, each, chain) for each in listed(own.pop("allOf", None), "`allOf`")]
    for choice in ("anyOf", "oneOf"):
        members = listed(own.get(choice), f"`{choice}`")
        real = [member for member in members if member != {"type": "null"}]
        if len(real) < len(members):
            own["nullable"] = True
        merged = [merge(document, member, chain) for member in real]
        if len(merged) == 1:
            parts += merged
        elif merged:
            own["$forms"] = sorted(kind(each) for each in merged)
    return join(document, [*parts, own])


def join(document: Document, parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return one schema that says what all the parts say; the last word on a keyword counts."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                known = dict(items(whole.get(key), "`properties`"))
                for name, child in items(value, "`properties`"):
                    document.count()
                    known[name] = {"allOf": [known[name], child]} if name in known else child
                whole[key] = known
            elif key == "required":
                whole[key] = [*optional_list(whole.get(key)), *optional_list(value)]
            elif key == "$ref":
                whole[key] = whole.get(key, frozenset()) | value
            else:
                whole[key] = value
    return whole
