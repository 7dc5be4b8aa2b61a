"""What a flat schema says of one value, in words that any version of OpenAPI leads to."""

import json
import reprlib
from typing import Any

# Keyword → what the report calls it.
LIMITS = {
    "format": "format",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive minimum",
    "exclusiveMaximum": "exclusive maximum",
    "multipleOf": "multiple of",
    "minLength": "shortest length",
    "maxLength": "longest length",
    "pattern": "pattern",
    "minItems": "fewest items",
    "maxItems": "most items",
    "default": "default",
}
BOUNDED = reprlib.Repr()
BOUNDED.maxlevel, BOUNDED.maxlist, BOUNDED.maxdict, BOUNDED.maxstring = 3, 20, 20, 200
Facts = dict[str, str]


def facts(schema: dict[str, Any]) -> Facts:
    """Return what is said of one value, by the names that the report uses."""
    flags = (schema.get("nullable"), schema.get("x-nullable"), "null" in types(schema))
    found = {"type": kind(schema), "null": "allowed" if True in flags else "not mentioned"}
    values = [schema["const"]] if "const" in schema else optional_list(schema.get("enum"))
    if values:
        found["values"] = ", ".join(sorted({shown(value) for value in values if value is not None}))
    limits = {key: schema[key] for key in LIMITS if schema.get(key) is not None}
    for bound in ("minimum", "maximum"):
        # A flag until OpenAPI 3.0, a number since.
        exclusive = f"exclusive{bound.title()}"
        if isinstance(limits.get(exclusive), bool) and limits.pop(exclusive) and bound in limits:
            limits[exclusive] = limits.pop(bound)
    found |= {LIMITS[key]: shown(value) for key, value in limits.items()}
    if schema.get("additionalProperties") is False:
        found["other fields"] = "forbidden"
    return found


def kind(schema: dict[str, Any]) -> str:
    """Return the type, stated or implied."""
    if forms := schema.get("$forms"):
        return f"one of {len(forms)} forms ({', '.join(forms)})"
    implied = "object" if "properties" in schema else "array" if "items" in schema else "anything"
    return " or ".join(sorted(types(schema) - {"null"})) or implied


def types(schema: dict[str, Any]) -> set[str]:
    """Return the stated types, of which OpenAPI 3.1 allows several."""
    stated = schema.get("type") or []
    several = stated if isinstance(stated, list) else [stated]
    return {each if isinstance(each, str) else shown(each) for each in several}


def shown(value: object) -> str:
    """Return one spelling for equal values, on one line."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, dict | list):
        return BOUNDED.repr(value)  # through YAML's aliases, it may be endless
    return json.dumps(value, ensure_ascii=False)


def optional_list(value: object) -> list[Any]:
    """Return a list, or nothing: old drafts had a flag of the same name."""
    return value if isinstance(value, list) else []


def yes(answer: object) -> str:
    """Return a flag in words."""
    return "yes" if answer is True else "no"
