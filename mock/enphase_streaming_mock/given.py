"""What a user gives the mock, checked: each refusal names the option and what it could be."""

from collections.abc import Sequence
from ipaddress import ip_address


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise ValueError, with the choices, unless `value` is one of them."""
    if not any(type(value) is type(each) and value == each for each in choices):
        raise ValueError(f"{name} is {value!r}; choose from {', '.join(map(repr, choices))}")


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Raise ValueError, with the range, unless `value` lies within it, both ends included.

    It has to be a whole number if `least` is one.
    """
    whole = isinstance(least, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        rule = "whole number" if whole else "number"
        raise ValueError(f"{name} is {value!r}; give a {rule} from {least:,} to {most:,}")
    # NaN is within nothing, and an integer may be too large to become a float.
    if not least <= value <= most:
        raise ValueError(f"{name} is {value!r}; it has to lie between {least:,} and {most:,}")


def is_text(value: object) -> bool:
    """Whether it is a text that is not empty."""
    return isinstance(value, str) and value != ""


def is_loopback(host: str) -> bool:
    """Whether a host, by address or name, is this machine and no other."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
