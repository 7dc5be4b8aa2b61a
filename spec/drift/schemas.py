"""The fields of a schema, each with its facts in words that every version of OpenAPI leads to."""

import json
import re
import reprlib
from collections.abc import Iterable, Iterator
from typing import Any

from .document import Document, items, listed

Path = tuple[str, ...]
Facts = dict[str, str]
"""What a document says of one thing: `{"type": "integer", "minimum": "30"}`."""

LIMITS = (
    *("format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "default"),
)


def fields(
    document: Document,
    schema: object,
    *,
    path: Path = (),
    required: bool = False,
    outer: frozenset[str] = frozenset(),
) -> Iterator[tuple[Path, Facts]]:
    """Yield every field with its facts, outer ones first.

    The path of the whole schema is (); `[]` stands for an item, `*` for a field of any name.
    """
    whole = merge(document, schema)
    references = whole.get("$ref", frozenset())
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


def merge(document: Document, schema: object) -> dict[str, Any]:
    """Return one flat schema for its references, its `allOf` and a choice between it and null.

    `$ref` holds what it refers to, as a set; `$forms` the types of other choices.
    """
    document.count()
    if isinstance(schema, bool):
        return {} if schema else {"type": "nothing"}
    own = dict(items(schema, "a schema"))
    parts = []
    if (reference := own.pop("$ref", None)) is not None:
        parts.append(merge(document, document.target(reference)))
        parts.append({"$ref": frozenset({reference})})
        if not document.siblings:
            return _join(document, parts)
    parts += [merge(document, each) for each in listed(own.pop("allOf", None), "`allOf`")]
    for choice in ("anyOf", "oneOf"):
        members = listed(own.get(choice), f"`{choice}`")
        real = [member for member in members if member != {"type": "null"}]
        if len(real) < len(members):
            own["nullable"] = True
        merged = [merge(document, member) for member in real]
        if len(merged) == 1:
            parts += merged
        elif merged:
            own["$forms"] = sorted(_type(each) for each in merged)
    return _join(document, [*parts, own])


def _join(document: Document, parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return one schema for all parts; of several values of a keyword, the last counts."""
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


def facts(schema: dict[str, Any]) -> Facts:
    """Return what a flat schema says of one value, by the names that the report uses."""
    flags = (schema.get("nullable"), schema.get("x-nullable"), "null" in _types(schema))
    found = {"type": _type(schema), "null": "allowed" if True in flags else "not mentioned"}
    values = [schema["const"]] if "const" in schema else optional_list(schema.get("enum"))
    if values:
        found["values"] = ", ".join(sorted({shown(value) for value in values if value is not None}))
    limits = {key: schema[key] for key in LIMITS if schema.get(key) is not None}
    for bound in ("minimum", "maximum"):
        # A flag until OpenAPI 3.0, a number since.
        exclusive = f"exclusive{bound.title()}"
        if isinstance(limits.get(exclusive), bool) and limits.pop(exclusive) and bound in limits:
            limits[exclusive] = limits.pop(bound)
    found |= {in_words(key): shown(value) for key, value in limits.items()}
    if schema.get("additionalProperties") is False:
        found["other fields"] = "forbidden"
    return found


def in_words(keyword: str) -> str:
    """Return `exclusiveMinimum` as `exclusive minimum`."""
    return re.sub(r"[A-Z]", lambda found: f" {found[0].lower()}", keyword)


def _type(schema: dict[str, Any]) -> str:
    """Return the type of a flat schema, stated or implied."""
    if forms := schema.get("$forms"):
        return f"one of {len(forms)} forms ({', '.join(forms)})"
    implied = "object" if "properties" in schema else "array" if "items" in schema else "anything"
    return " or ".join(sorted(_types(schema) - {"null"})) or implied


def _types(schema: dict[str, Any]) -> set[str]:
    """Return the stated types, of which OpenAPI 3.1 allows several."""
    stated = schema.get("type") or []
    several = stated if isinstance(stated, list) else [stated]
    return {each if isinstance(each, str) else shown(each) for each in several}


def shown(value: object) -> str:
    """Return one spelling for equal values, on one line."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, dict | list):
        return reprlib.repr(value)  # may be endless through aliases
    return json.dumps(value, ensure_ascii=False, default=str)  # a date, by an explicit YAML tag


def optional_list(value: object) -> list[Any]:
    """Return a list, or [] for anything else: old drafts had a flag of the same name."""
    return value if isinstance(value, list) else []


def yes(answer: object) -> str:
    """Return a flag in words."""
    return "yes" if answer is True else "no"
