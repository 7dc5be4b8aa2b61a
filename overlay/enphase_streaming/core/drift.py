"""What is kept of JSON that is not of the documented form, and what is noted about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_MOST_NAMES = 1_000
_WHOLE = re.compile(r"(-?\d{1,18})(?:\.0{1,18})?", re.ASCII)


class Drift(NamedTuple):
    """A value that is not of the documented form.

    `expected` is what the documentation promises: `integer`, `string`, `array of string`, or
    `absent` for a field that is not documented at all.
    """

    field: str
    value: Any
    expected: str


def make_fit(found: dict[str, Any], documented: Mapping[str, Any], noted: set[str]) -> list[Drift]:
    """Give the fields of `found` their documented types, in place, and return what had another.

    A value that means the same in the documented type is kept, another one becomes None. A field
    that is not documented is dropped, and returned unless its name is among those `noted`.
    """
    drift = []
    strange = []
    for name, value in found.items():
        kind = documented.get(name)
        if type(value) is kind:
            continue
        if kind is None:
            strange.append(name)
        elif value is not None:
            expected, keep = _KEEP[kind]
            kept = found[name] = keep(value)
            if kept is not value:
                drift.append(Drift(name, value, expected))
    for name in strange:
        value = found.pop(name)
        if name not in noted:
            drift.append(Drift(name, value, "absent"))
            if len(noted) < _MOST_NAMES:
                noted.add(name)
    return drift


def _integer(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (whole := _WHOLE.fullmatch(value)):
        return int(whole[1])
    return None


def _string(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None


def _strings(value: object) -> list[str] | None:
    if isinstance(value, list):
        texts = [text for item in value if (text := _string(item)) is not None]
        if len(texts) != len(value):
            return None
        return value if texts == value else texts
    only = _string(value)
    return None if only is None else [only]


_KEEP: dict[Any, tuple[str, Callable[[object], Any]]] = {
    int: ("integer", _integer),
    str: ("string", _string),
    list[str]: ("array of string", _strings),
}
