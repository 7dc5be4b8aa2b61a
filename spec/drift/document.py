"""An OpenAPI document: read from a file, its version, its references, its checked nodes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

LARGEST = 20_000_000  # bytes
NODES = 20_000  # YAML aliases and references let a small file describe an endless tree
TAG = "tag:yaml.org,2002:"


class DocumentError(Exception):
    """The file cannot be compared. The message says why, without naming the file."""


class _Loader(yaml.SafeLoader):
    """Read YAML as OpenAPI defines it, with the types of JSON only.

    PyYAML itself reads `2023-03-17 08:25:08.556` as a date, `On` as true and `1:30` as 90. Its C
    parser is not used, as deep nesting can crash it.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  # a ClassVar in PyYAML, which its types do not say
        None: [
            (f"{TAG}null", re.compile(r"(?:~|null|Null|NULL|)\Z")),
            (f"{TAG}bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")),
            (f"{TAG}int", re.compile(r"-?(?:0|[1-9][0-9]*)\Z")),
            (f"{TAG}float", re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?\Z")),
        ]
    }

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse merge keys: OpenAPI has none, and a few of them grow without bound."""
        if any(key.value == "<<" for key, _ in node.value):
            raise DocumentError("has a YAML merge key (<<), which OpenAPI does not allow")


def load(file: Path) -> Any:
    """Return the content of a JSON or YAML file; raise DocumentError if it is neither."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise DocumentError(f"is larger than {LARGEST:,} bytes")
    is_json = file.suffix.lower() == ".json"
    try:
        text = raw.decode("utf-8-sig")
        return json.loads(text) if is_json else yaml.load(text, _Loader)
    except RecursionError:
        raise DocumentError("is nested too deeply to be read") from None
    except (yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML raises the last four for a value that does not fit its tag.
        reason = " ".join(str(error).split()).replace('in "<unicode string>", ', "at ")
        raise DocumentError(f"is not {'JSON' if is_json else 'YAML'}: {reason}") from None


class Document:
    """A Swagger 2.0 or OpenAPI 3 document.

    Raises:
        DocumentError: `root` is no such document.
    """

    def __init__(self, root: Any) -> None:
        if root is None:
            raise DocumentError("is empty")
        if not isinstance(root, dict) or not root.keys() & {"swagger", "openapi"}:
            raise DocumentError("is no OpenAPI document: it has neither `swagger` nor `openapi`")
        self.root: dict[Any, Any] = root
        self.swagger = "swagger" in root
        version = text(root["swagger" if self.swagger else "openapi"], "its version")
        if version != "2.0" if self.swagger else not version.startswith("3."):
            raise DocumentError(
                f"is of version {version}; only Swagger 2.0 and OpenAPI 3 can be compared"
            )
        # Before OpenAPI 3.1, keywords beside a $ref have no meaning.
        self.siblings = not self.swagger and not version.startswith("3.0")
        self._visited = 0

    def count(self) -> None:
        """Count one visited node; raise DocumentError beyond NODES."""
        self._visited += 1
        if self._visited > NODES:
            raise DocumentError(f"has more than {NODES:,} nodes in one operation, or a $ref loop")

    def target(self, pointer: object) -> Any:
        """Return the node that a `$ref` points to, which may be a reference again."""
        self.count()
        reference = text(pointer, "a $ref")
        if not reference.startswith("#"):
            raise DocumentError(
                f"refers to another document, {reference}. Nothing is ever fetched: "
                "bundle the parts into one file first"
            )
        node: Any = self.root
        for step in reference[1:].split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            node = dict(items(node, reference)).get(name)
            if node is None:
                raise DocumentError(f"has a $ref that leads nowhere: {reference}")
        return node

    def resolved(self, node: object, what: str) -> dict[Any, Any]:
        """Return a node other than a schema, with its references followed."""
        while "$ref" in (found := mapping(node, what)):
            node = self.target(found["$ref"])
        return found


def mapping(node: object, what: str) -> dict[Any, Any]:
    """Return an object, or {} for None."""
    if node is not None and not isinstance(node, dict):
        raise DocumentError(f"is broken: {what} should be an object, but is {kind(node)}")
    return node or {}


def listed(node: object, what: str) -> list[Any]:
    """Return a list, or [] for None."""
    if node is not None and not isinstance(node, list):
        raise DocumentError(f"is broken: {what} should be a list, but is {kind(node)}")
    return node or []


def text(node: object, what: str) -> str:
    """Return a text, or a number as text: YAML makes one of an unquoted version or status."""
    if not isinstance(node, str | int | float):
        raise DocumentError(f"is broken: {what} should be text, but is {kind(node)}")
    return str(node)


def items(node: object, what: str) -> Iterator[tuple[str, Any]]:
    """Return the pairs of an object, their names as text."""
    return ((text(key, "a name"), value) for key, value in mapping(node, what).items())


def kind(node: object) -> str:
    """Return the JSON type of a node, in words; its value may be endless through aliases."""
    kinds = {dict: "an object", list: "a list", str: "text", type(None): "null"}
    return kinds.get(type(node), "a number")
