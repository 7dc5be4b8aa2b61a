"""Reads JSON and YAML from files that nobody vouches for."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # a PyYAML built without libyaml: the same, slower
    from yaml import SafeLoader  # type: ignore[assignment]

LARGEST = 20_000_000  # bytes
MOST, DEEPEST = 200_000, 200  # nodes of a YAML file
TAG = "tag:yaml.org,2002:"


class DocumentError(Exception):
    """The file cannot be compared. The message says why, without naming the file."""


class Loader(SafeLoader):
    """YAML as OpenAPI wants it: what JSON has.

    In PyYAML's own reading `2023-03-17 08:25:08.556` is a date, `On` is true and `1:30` is 90.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  # a ClassVar in PyYAML, which its types do not say
        None: [
            (f"{TAG}null", re.compile(r"(?:~|null|Null|NULL|)\Z")),
            (f"{TAG}bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")),
            (f"{TAG}int", re.compile(r"-?(?:0|[1-9][0-9]*)\Z")),
            (f"{TAG}float", re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?\Z")),
        ]
    }
    yaml_constructors = {
        tag: constructor
        for tag, constructor in SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(TAG) in ("null", "bool", "float", "str", "seq", "map")
    } | {f"{TAG}int": lambda _, node: int(node.value)}  # in decimal, so of bounded length

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse merge keys: OpenAPI has none, and a few of them grow without bound."""
        for key, _ in node.value:
            if key.value == "<<" or key.tag == f"{TAG}merge":
                raise DocumentError("has a YAML merge key (<<), which OpenAPI does not allow")


def load(file: Path) -> Any:
    """Return what the file holds, raising DocumentError if that is neither JSON nor YAML."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DocumentError(f"cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(raw) > LARGEST:
        raise DocumentError(f"is larger than {LARGEST:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"is not UTF-8: byte {error.start} is wrong") from None
    if not text.strip():
        return None
    try:
        return from_json(text) if file.suffix.lower() == ".json" else from_either(text)
    except RecursionError:
        raise DocumentError("is nested too deeply to be read") from None


def from_json(text: str) -> Any:
    """Return what the text holds, or say where it is wrong as JSON."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise DocumentError(f"is not JSON: {error}") from None


def from_either(text: str) -> Any:
    """Return what the text holds, or say where it is wrong as YAML."""
    if text.lstrip().startswith("{"):
        with suppress(ValueError):  # it may be YAML in its flow style
            return json.loads(text)
    try:
        bounded(text)
        loader = Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        said = " ".join(str(error).split()).replace('in "<unicode string>",', "at")
        raise DocumentError(f"is not YAML: {said}") from None
    except (LookupError, TypeError, ValueError) as error:
        # PyYAML lets these out for a value that its tag or its length makes impossible.
        raise DocumentError(f"is not YAML: a value cannot be read: {error}") from None


def bounded(text: str) -> None:
    """Refuse YAML that would take all the memory, or all the stack: libyaml crashes then."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise DocumentError(f"is nested more than {DEEPEST} deep")
        if number > MOST:
            raise DocumentError(f"holds more than {MOST:,} YAML values")
