"""Checks of what users pass to the mock; each message names the option, its rule and the value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from ipaddress import ip_address
from typing import Any, Literal, get_args, get_origin, get_type_hints


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise ValueError unless `value` is one of `choices`, of the same type."""
    if not any(type(value) is type(each) and value == each for each in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}.")


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Raise ValueError unless `value` is a number from `least` to `most`, both included.

    It must be an int if `least` is one.
    """
    kind = int if isinstance(least, int) else (int, float)
    # NaN compares false with every bound.
    if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
        rule = "an int" if kind is int else "a number"
        bounds = " to ".join(f"{bound:,}".removesuffix(".0") for bound in (least, most))
        raise ValueError(f"{name} must be {rule} from {bounds}, got {value!r}.")


def check_text(name: str, value: object) -> None:
    """Raise ValueError unless `value` is a non-empty string."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a non-empty string, got {value!r}.")


def check_fields(options: Any, bounds: Mapping[str, tuple[float, float]]) -> None:
    """Raise ValueError unless the fields of a dataclass are as their types say.

    A number must lie within its `bounds`.
    """
    cls: Any = type(options)
    for name, optional, choices, is_text in _rules(cls):
        value = getattr(options, name)
        if value is None and optional:
            continue
        if choices:
            check_choice(name, value, choices)
        elif is_text and not isinstance(value, str):
            raise ValueError(f"{name} must be a string, got {value!r}.")
        elif name in bounds:
            check_number(name, value, *bounds[name])


@cache
def _rules(cls: Any) -> list[tuple[str, bool, tuple[object, ...], bool]]:
    """Return, for each field: its name, whether it may be None, its choices, and if it is text."""
    hints, rules = get_type_hints(cls), []
    for each in fields(cls):
        kinds = get_args(hints[each.name])
        optional = type(None) in kinds
        kind = kinds[0] if optional else hints[each.name]
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        rules.append((each.name, optional, (False, True) if kind is bool else choices, kind is str))
    return rules


def check_options(options: Iterable[str], *known: str) -> None:
    """Raise ValueError if there is an option that is not one of the `known`."""
    for name in options:
        if name not in known:
            raise ValueError(f"No option {name!r}: use {', '.join(known) or 'none'}.")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's loopback interface."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
