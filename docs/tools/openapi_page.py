"""An OpenAPI document as Markdown: its operations, and the schemas that they refer to."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Json = Mapping[str, Any]
_METHODS = ("get", "put", "post", "delete")
_PARAMETERS = ("| parameter | in | value | |", "|---|---|---|---|")
_FIELDS = ("| field | value | |", "|---|---|---|")


def page(file: Path) -> str:
    """Return the operations, then the schemas, each under a heading of the second level."""
    document = yaml.safe_load(file.read_text("utf-8"))
    lines = [*_operations(document)]
    for name, schema in document["components"].get("schemas", {}).items():
        lines += ["", f"## {name}", "", schema.get("description", ""), "", *_schema(schema)]
    return "\n".join(lines)


def _operations(document: Json) -> Iterator[str]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield from ("", f"## {method.upper()} {path}", "")
                yield from _operation(item[method], document)


def _operation(operation: Json, document: Json) -> Iterator[str]:
    yield from (f"{operation['summary']}.", "", operation.get("description", ""), "")
    if parameters := operation.get("parameters"):
        yield from _PARAMETERS
        for each in parameters:
            value = _value(each["schema"])
            yield f"| `{each['name']}` | {each['in']} | {value} | {each.get('description', '')} |"
    if body := operation.get("requestBody"):
        media, content = next(iter(body["content"].items()))
        yield from ("", f"The body is `{media}`:", "", *_schema(content["schema"]))
        yield from _examples(content)
    yield from ("", "| status | body | |", "|---|---|---|")
    answers = {status: _resolved(each, document) for status, each in operation["responses"].items()}
    for status, answer in answers.items():
        bodies = (
            f"`{media}`: {_value(content['schema'])}"
            for media, content in answer.get("content", {}).items()
        )
        yield f"| {status} | {', '.join(bodies)} | {answer['description']} |"
    success, *errors = answers
    for content in answers[success].get("content", {}).values():
        yield from _examples(content)
    rows = [
        f"| {status} | {name} | `{json.dumps(example['value'], ensure_ascii=False)}` |"
        for status in errors
        for content in answers[status].get("content", {}).values()
        for name, example in content.get("examples", {}).items()
    ]
    if rows:
        yield from ("", "| status | example | |", "|---|---|---|", *rows)


def _examples(content: Json) -> Iterator[str]:
    for name, example in content.get("examples", {}).items():
        text = json.dumps(example["value"], indent=2, ensure_ascii=False)
        yield from ("", f"Example `{name}`:", "", "```json", text, "```")


def _schema(schema: Json) -> Iterator[str]:
    """Yield a table of the fields of an object, or the values of anything else."""
    if "properties" not in schema:
        yield _value(schema)
        return
    yield from _FIELDS
    for name, field in schema["properties"].items():
        need = "Required. " if name in schema.get("required", ()) else ""
        yield f"| `{name}` | {_value(field)} | {need}{field.get('description', '')} |"


def _value(schema: Json) -> str:
    """Return what a value may be: `integer, 30 to 300`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(each)}`" for each in schema["enum"])
    types = schema.get("type", "anything")
    text = types if isinstance(types, str) else " or ".join(types)
    if schema.get("items"):
        text = f"array of {_value(schema['items'])}"
    if "properties" in schema:
        text += f" with {', '.join(f'`{name}`' for name in schema['properties'])}"
    if "minimum" in schema:
        text += f", {schema['minimum']:,} " + (
            f"to {schema['maximum']:,}" if "maximum" in schema else "or more"
        )
    return text


def _resolved(node: Json, document: Json) -> Json:
    while "$ref" in node:
        _, _, section, name = node["$ref"].split("/")
        node = document["components"][section][name]
    return node
