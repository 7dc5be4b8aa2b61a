"""An OpenAPI document: its kind, its references, and nodes that are what they should be."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from .files import DocumentError

# References and YAML aliases let a small file describe an endless tree.
NODES = 20_000
LONGEST = 100


class Document:
    """A Swagger 2.0 or OpenAPI 3 document, or DocumentError."""

    def __init__(self, root: Any) -> None:
        if root is None:
            raise DocumentError("is empty")
        if not isinstance(root, dict) or not ("swagger" in root or "openapi" in root):
            raise DocumentError(
                "is no OpenAPI document: it has neither `swagger` nor `openapi` at its top"
            )
        self.root: dict[Any, Any] = root
        self.swagger = "swagger" in root
        version = text(root["swagger" if self.swagger else "openapi"], "its version")
        if version != "2.0" if self.swagger else not version.startswith("3."):
            raise DocumentError(
                f"is of version {version}; only Swagger 2.0 and OpenAPI 3 can be compared"
            )
        # Before OpenAPI 3.1 what stands beside a $ref has no meaning.
        self.siblings = not self.swagger and not version.startswith("3.0")
        self.nodes = 0

    def count(self) -> None:
        """Count one visited node, so that a tree without end is given up."""
        self.nodes += 1
        if self.nodes > NODES:
            raise DocumentError(f"describes more than {NODES:,} things in this one operation")

    def target(self, pointer: object) -> Any:
        """Return what a reference points to, which may be a reference again."""
        reference = text(pointer, "a $ref")
        if not reference.startswith("#"):
            raise DocumentError(
                f"refers to another document, {reference}. Nothing is ever fetched: "
                "bundle the parts into one file first"
            )
        node: Any = self.root
        for step in reference[1:].split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and name.isdecimal() and len(name) < 9:
                children = dict(enumerate(node))
                node = children.get(int(name))
            else:
                node = dict(items(node, reference)).get(name)
            if node is None:
                raise DocumentError(f"has a $ref that leads nowhere: {reference}")
        return node

    def resolved(self, node: object, what: str) -> dict[Any, Any]:
        """Return a node that is no schema, with its references followed."""
        chain: tuple[str, ...] = ()
        while "$ref" in (found := mapping(node, what)):
            self.count()
            node = self.target(found["$ref"])
            chain = longer(chain, found["$ref"])
        return found


def longer(chain: tuple[str, ...], reference: str) -> tuple[str, ...]:
    """Return the chain with one more reference, raising DocumentError where that closes a loop."""
    if reference in chain:
        raise DocumentError(f"has a $ref loop: {' -> '.join((*chain, reference))}")
    if len(chain) > LONGEST:
        raise DocumentError(f"has more than {LONGEST} $refs that lead from one to the next")
    return (*chain, reference)


def mapping(node: object, what: str) -> dict[Any, Any]:
    """Return the node, or {} where there is none."""
    if node is not None and not isinstance(node, dict):
        raise DocumentError(f"is broken: {what} should be an object, but is {kind(node)}")
    return node or {}


def listed(node: object, what: str) -> list[Any]:
    """Return the node, or [] where there is none."""
    if node is not None and not isinstance(node, list):
        raise DocumentError(f"is broken: {what} should be a list, but is {kind(node)}")
    return node or []


def text(node: object, what: str) -> str:
    """Return the node as text; YAML makes a number of an unquoted version or status."""
    if not isinstance(node, str | int | float):
        raise DocumentError(f"is broken: {what} should be text, but is {kind(node)}")
    return str(node)


def items(node: object, what: str) -> Iterator[tuple[str, Any]]:
    """Pairs of a mapping, by names that are text."""
    return ((text(key, "a name"), value) for key, value in mapping(node, what).items())


def kind(node: object) -> str:
    """Return what a node is, in a word."""
    # Never the value itself: through YAML's aliases, that may be endless.
    return {dict: "an object", list: "a list", str: "text", type(None): "null"}.get(
        type(node), "a number"
    )
