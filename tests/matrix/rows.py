"""What can be said of the contract: rows, and what a witness says of each."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

import httpx


class Part(Enum):
    """The parts of the contract, in the order of the page; the value is the heading."""

    OPERATIONS = "Operations"
    PARAMETERS = "Parameters of the stream"
    BOUNDS = "Bounds"
    CREDENTIALS = "Credentials"
    MEDIA_TYPES = "Media types of the stream"
    STATUSES = "Statuses of the stream"
    EVENT = "Fields of an event"
    KNOWN = "Known values of open strings"
    ERROR = "Fields of an error"
    TOKEN_STATUSES = "Statuses of the token operation"
    TOKEN_REQUEST = "Fields of a token request"
    GRANTS = "Values that a token request is limited to"
    TOKEN_ANSWER = "Fields of a pair of tokens"
    TOKEN_REFUSAL = "Fields of a refused token request"
    REQUIRED = "Required fields"


class Row(NamedTuple):
    """One fact that may or may not hold."""

    part: Part
    name: str


class Said(NamedTuple):
    """What a witness says of a row: a value that has to be everyone's, and what is worth a note.

    What a witness only puts up with, without claiming it, makes no row of its own.
    """

    value: str
    note: str = ""
    claimed: bool = True


class Witness(NamedTuple):
    """One reading of the contract. `silent` holds the parts that it may leave out, and why."""

    name: str
    said: dict[Row, Said]
    silent: dict[Part, str]


Claims = Iterator[tuple[Row, Said]]
Fields = Mapping[str, str]
"""Name of a field, such as `error.details[]`, to its type."""

YES = Said("yes")


def claims(part: Part, values: Mapping[str, str]) -> Claims:
    """Yield one claim for each name and its value."""
    return ((Row(part, name), Said(value)) for name, value in values.items())


def named(path: Iterable[str]) -> str:
    """Return the name of a field for the names that lead to it, [] for the items of a list."""
    return ".".join(path).replace(".[]", "[]")


def field_in(part: Part, path: Iterable[str]) -> str:
    """Return the name of a field along with what it is a field of, such as `type of an event`."""
    whole = part.value.removeprefix("Fields of ")
    return " of ".join(name for name in (named(path), whole) if name)


def required(part: Part, path: Iterable[str]) -> tuple[Row, Said]:
    """Return the claim that a field has to be there."""
    return Row(Part.REQUIRED, field_in(part, path)), YES


def field_of(known: str) -> str:
    """Return the field that an enum of known values is about: KnownGridStatus → grid_status."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", known.removeprefix("Known")).lower()


def shared(by_status: Mapping[str, Fields]) -> dict[str, str]:
    """Return the fields of several answers; one that they do not share names those that have it."""
    having: dict[tuple[str, str], list[str]] = {}
    for status, fields in by_status.items():
        for field in fields.items():
            having.setdefault(field, []).append(status)
    return {
        name if len(statuses) == len(by_status) else f"{name} of {', '.join(statuses)}": kind
        for (name, kind), statuses in having.items()
    }


def sent_fields(texts: Iterable[str | bytes]) -> dict[str, str]:
    """Return the fields of JSON objects as they were sent, each with every type that it had."""
    types: dict[str, list[str]] = {}
    for text in texts:
        for name, kind in _fields(json.loads(text), ()):
            if kind not in types.setdefault(name, []):
                types[name].append(kind)
    return {name: " or ".join(kinds) for name, kinds in types.items()}


_KINDS: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
}


def _fields(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if path and value is not None:
        yield named(path), _KINDS[type(value)]
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _fields(child, (*path, name))
    elif isinstance(value, list):
        for child in value:
            yield from _fields(child, (*path, "[]"))


def places_of(text: str, request: httpx.Request) -> list[tuple[str, str]]:
    """Return where in a request a text stands, and under which name."""
    found = [("path", "")] if text in request.url.path.split("/") else []
    found += [("header", name) for name, value in request.headers.items() if value == text]
    return found + [("query", name) for name, value in request.url.params.items() if value == text]


def parameter(name: str, kind: str, place: str, *, needed: bool) -> tuple[Row, Said]:
    """Return the claim that there is a parameter."""
    said = f"{kind} in the {place}{', required' if needed else ''}"
    return Row(Part.PARAMETERS, name), Said(said)


def when_not_given(name: str, sent: str | None) -> tuple[Row, Said]:
    """Return the claim of what is sent for a parameter that the caller left out."""
    return Row(Part.PARAMETERS, f"{name}, sent when not given"), Said(sent or "nothing")
