"""Arguments, checked before any call is made. Each function raises `InvalidArgument`."""

from __future__ import annotations

import ipaddress
import operator
import re
from datetime import timedelta
from typing import SupportsIndex
from urllib.parse import SplitResult, urlsplit

from enphase_streaming.errors import InvalidArgument, InvalidDuration
from enphase_streaming_api.api.streaming.stream_system_live_data import BOUNDS

Duration = SupportsIndex | timedelta | None

MINIMUM_DURATION, MAXIMUM_DURATION = (bound or 0 for bound in BOUNDS["duration"])
DEFAULT_DURATION = 30
"""How long the API streams when no duration is sent, in seconds (Enphase's documentation)."""

_HOST = re.compile(r"([\w.-]+|\[[\da-fA-F:.]+\])(:\d*)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_URL = 2_000
_URL_RULE = (
    "must be a URL such as https://api.enphaseenergy.com/api/v4, without spaces, credentials, "
    "query or fragment"
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
    """Return `value` as an int if `operator.index` takes it and it is no bool, else None."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def whole_seconds(duration: Duration) -> int | None:
    """Return the duration to send, None to send none and get the API's default.

    The API checks this only after a call was spent. Raises `InvalidDuration`, whose `status_code`
    is what the API would have answered.
    """
    if duration is None:
        return None
    rule = (
        f"duration must be an int of {MINIMUM_DURATION} to {MAXIMUM_DURATION} seconds, a timedelta "
        "of whole seconds in that range, or None"
    )
    if isinstance(duration, timedelta):
        whole, rest = divmod(duration, timedelta(seconds=1))
        if rest:
            raise InvalidDuration(f"{rule}, got {duration}.")
        seconds: int | None = whole
    else:
        seconds = whole_number(duration)
    if seconds is None:
        raise InvalidDuration(f"{rule}, got {shown(duration)}.")
    if seconds < MINIMUM_DURATION:
        raise InvalidDuration(f"{rule}, got {shown(seconds)}.", status_code=461)
    if seconds > MAXIMUM_DURATION:
        raise InvalidDuration(f"{rule}, got {shown(seconds)}.", status_code=462)
    return seconds


def system_id(value: object) -> int:
    """Return the number of a site: a positive int below 2**63."""
    number = whole_number(value)
    if number is None or not 0 < number < 2**63:
        raise InvalidArgument(f"system_id must be an int from 1 to 2**63 - 1, got {shown(value)}.")
    return number


def seconds(name: str, value: object) -> float:
    """Return a time-out in seconds: positive, a day at most."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise InvalidArgument(
            f"{name} must be a number of seconds above 0, at most 86400, got {shown(value)}."
        )
    return float(value)


def positive(name: str, value: object) -> int:
    """Return a positive int."""
    number = whole_number(value)
    if number is None or number < 1:
        raise InvalidArgument(f"{name} must be a positive int, got {shown(value)}.")
    return number


def function(name: str, value: object) -> None:
    """Check a callback: a callable or None."""
    if value is not None and not callable(value):
        raise InvalidArgument(f"{name} must be a callable or None, got {shown(value)}.")


def secret(name: str, value: object, way_out: str) -> str:
    """Return a credential: printable ASCII without spaces. The message never shows the value."""
    if value is None or value == "":
        raise InvalidArgument(f"{name} is missing. {way_out}".strip())
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise InvalidArgument(
            f"{name} must be a str of printable ASCII without spaces or line breaks (the value is "
            f"not shown). {way_out}".strip()
        )
    return value


def text(name: str, value: object) -> str:
    """Return a text that a form or a query can carry. The message never shows the value."""
    # Checked by a pattern: the exception of an encoder would hold the value.
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise InvalidArgument(
            f"{name} must be a str that UTF-8 can encode (the value is not shown)."
        )
    return value


def url(name: str, value: object, *, insecure_http: bool = False) -> str:
    """Return a URL without its trailing slash.

    It has to be https, or http on a loopback host (on any with `insecure_http`), and free of
    credentials, query and fragment.
    """
    if not isinstance(value, str) or (parts := _split(value)) is None:
        # A part that may hold a secret is not shown.
        is_risky = isinstance(value, str) and re.search("[@?#]", value)
        given = "another value" if is_risky else shown(value)
        raise InvalidArgument(f"{name} {_URL_RULE}, got {given}.")
    if parts.scheme == "http" and not insecure_http and not is_loopback(parts.hostname or ""):
        raise InvalidArgument(
            f"{name} must be https, got {shown(value)}: plain http shows your key and token to the "
            "network. Loopback hosts may use http; for another test server pass insecure_http=True."
        )
    return value.rstrip("/")


def _split(value: str) -> SplitResult | None:
    if not value.isascii() or not value.isprintable() or len(value) > _LONGEST_URL:
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port
        host = parts.hostname or ""
        if ":" in host or re.fullmatch(r"[\d.]+", host):
            ipaddress.ip_address(host)
    except ValueError:
        return None
    is_usable = parts.scheme in ("https", "http") and not re.search("[ ?#]", value)
    return parts if is_usable and host and _HOST.fullmatch(parts.netloc) else None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
