"""Arguments that are checked before any call is made."""

from __future__ import annotations

import ipaddress
import operator
import re
from typing import SupportsIndex
from urllib.parse import SplitResult, urlsplit

from enphase_streaming.errors import InvalidArgument

_HOST = re.compile(r"([\w.-]+|\[[\da-fA-F:.]+\])(:\d*)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_URL = 2_000
_ADDRESS = (
    "give an address such as https://api.enphaseenergy.com/api/v4, without spaces; http:// is for "
    "a loopback host only."
)


def shown(value: object) -> str:
    """Return `value` for an error message: short, and without calling its own code."""
    if type(value) is int and abs(value) >= 10**18:
        return f"an int of {value.bit_length()} bits"
    if value is None or type(value) in (bool, int, float):
        return repr(value)
    if type(value) is str:
        return repr(value if len(value) <= 40 else value[:40] + "…")
    return f"a value of type {type(value).__name__}"


def whole_number(value: object) -> int | None:
    """Return `value` as an int if it is one by `operator.index` and no bool, else None."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def system_id(value: object) -> int:
    """Return the number of a site. Raises `InvalidArgument` unless it is a positive int."""
    number = whole_number(value)
    if number is None or not 0 < number < 2**63:
        raise InvalidArgument(
            f"system_id is {shown(value)}; give the number of the site, an int from 1 to 2**63 - 1."
        )
    return number


def seconds(name: str, value: object) -> float:
    """Return a time-out in seconds. Raises `InvalidArgument` unless positive and finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise InvalidArgument(
            f"{name} is {shown(value)}; give a number of seconds above 0, at most 86400."
        )
    return float(value)


def size(name: str, value: object) -> int:
    """Return a size in bytes. Raises `InvalidArgument` unless it is a positive int."""
    number = whole_number(value)
    if number is None or number < 1:
        raise InvalidArgument(f"{name} is {shown(value)}; give a positive int of bytes.")
    return number


def secret(name: str, value: object, way_out: str) -> str:
    """Return a credential. Raises `InvalidArgument`, never showing what was given."""
    if value is None or value == "":
        raise InvalidArgument(f"{name} is missing. {way_out}")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise InvalidArgument(
            f"{name} is not a plain string: it must be printable ASCII without spaces (a line "
            f"break copied along with it, perhaps). {way_out}"
        )
    return value


def text(name: str, value: object) -> str:
    """Return what a form or a query can carry. Raises `InvalidArgument`, never showing `value`."""
    # Not found out by encoding it: the exception would hold the value.
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise InvalidArgument(
            f"{name} is not a plain string: it must be a str without surrogates (which stand for "
            "bytes that are no UTF-8)."
        )
    return value


def url(name: str, value: object) -> str:
    """Return an address without its trailing slash.

    Raises `InvalidArgument` unless it is https (or http on a loopback host) and free of
    credentials, query and fragment.
    """
    parts = _split(value)
    if (
        not isinstance(value, str)
        or parts is None
        or parts.scheme not in ("https", "http")
        or not parts.hostname
    ):
        # A part that may hold a secret is not shown.
        given = "no plain address" if re.search("[@?#]", str(value)) else shown(value)
        raise InvalidArgument(f"{name} is {given}; {_ADDRESS}")
    found = {
        "credentials": parts.username is not None,
        "a query": "?" in value,
        "a fragment": "#" in value,
    }
    if carried := [what for what, there in found.items() if there]:
        raise InvalidArgument(
            f"{name} carries {' and '.join(carried)}; give only scheme, host and path."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidArgument(
            f"{name} is {shown(value)}: plain http would show your key and token to the network. "
            "Use https; http is for a loopback host only."
        )
    return value.rstrip("/")


def _split(value: object) -> SplitResult | None:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    if " " in value or len(value) > _LONGEST_URL:
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port
        host = parts.hostname or ""
        if ":" in host or re.fullmatch(r"[\d.]+", host):
            ipaddress.ip_address(host)
    except ValueError:
        return None
    return parts if _HOST.fullmatch(parts.netloc.rpartition("@")[2]) else None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
