"""Which arguments are accepted, and what the refusal of each says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any

import httpx
import pytest

from enphase_streaming import InvalidArgument, InvalidDuration
from enphase_streaming.core import arguments
from enphase_streaming.core.arguments import (
    DEFAULT_DURATION,
    MAXIMUM_DURATION,
    MINIMUM_DURATION,
    shown,
    whole_seconds,
)
from enphase_streaming_api.api.streaming.stream_system_live_data import BOUNDS

# The document's bounds: tests of durations follow them.
LOW, HIGH = MINIMUM_DURATION, MAXIMUM_DURATION


class Index:
    """No int, but convertible to one without loss, as numpy's integers are."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value


class Subclass(int):
    pass


class Preset(IntEnum):
    LOW = LOW


class Mixed(int, Enum):
    LOW = LOW  # str() returns "Mixed.LOW", which must never be sent


class BadRepr:
    def __repr__(self) -> str:
        raise RuntimeError("never call this")


class HugeRepr:
    def __repr__(self) -> str:
        return "x" * 10_000_000


class BadString(str):
    __slots__ = ()
    __repr__ = BadRepr.__repr__

    def __len__(self) -> int:
        raise RuntimeError("never call this")


class BadInt(int):
    __repr__ = BadRepr.__repr__


HOSTILE = [
    10**5000,
    -(10**5000),
    Subclass(10**5000),
    Index(10**5000),
    BadInt(10**5000),
    "9" * 5000,
    b"9" * 5000,
    [10**5000],
    BadRepr(),
    HugeRepr(),
    BadString("9" * 5000),
    1e308,
    timedelta.max,
    timedelta.min,
]
"""Values whose repr is huge, or raises."""


def refusal(check: Callable[..., object], *values: Any) -> str:
    """Return the message with which `check` refuses `values`."""
    with pytest.raises(InvalidArgument) as raised:
        check(*values)
    assert isinstance(raised.value, ValueError)
    message = str(raised.value)
    assert message.isprintable()
    assert len(message) < 300
    return message


def type_of(value: object) -> str:
    return type(value).__name__


# Values in messages


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (-5, "-5"),
        (10**18 - 1, "999999999999999999"),
        (10**18, "an int of 60 bits"),
        (-(10**18), "an int of 60 bits"),
        (0.5, "0.5"),
        ("it's", '"it\'s"'),
        ("x" * 40, f"'{'x' * 40}'"),
        ("x" * 41, f"'{'x' * 40}…'"),
        ([1], "a value of type list"),
        (Subclass(5), "a value of type Subclass"),
        (BadInt(5), "a value of type BadInt"),
        (BadString(), "a value of type BadString"),
        (BadRepr(), "a value of type BadRepr"),
    ],
    ids=type_of,
)
def test_a_value_is_shown_short_and_without_calling_its_code(value: object, text: str) -> None:
    assert shown(value) == text


# Durations


def test_the_bounds_are_those_of_the_document() -> None:
    assert BOUNDS["duration"] == (MINIMUM_DURATION, MAXIMUM_DURATION)
    assert None not in BOUNDS["duration"], (
        "overlay/enphase_streaming/core/arguments.py expects duration to have both bounds"
    )


def test_the_default_duration_is_that_of_the_api() -> None:
    assert DEFAULT_DURATION == 30  # Enphase's documentation; no schema says it
    assert LOW <= DEFAULT_DURATION <= HIGH


def test_no_duration_is_none() -> None:
    assert whole_seconds(None) is None


@pytest.mark.parametrize("seconds", [LOW, LOW + 1, HIGH - 1, HIGH])
def test_accepts_durations_within_the_bounds(seconds: int) -> None:
    assert whole_seconds(seconds) == seconds


@pytest.mark.parametrize("value", [Subclass(LOW), Index(LOW), Preset.LOW, Mixed.LOW], ids=type_of)
def test_returns_a_plain_int_for_anything_with_an_index(value: Any) -> None:
    seconds = whole_seconds(value)
    assert seconds == LOW
    assert type(seconds) is int


@pytest.mark.parametrize(
    "value",
    [
        timedelta(seconds=LOW),
        timedelta(seconds=HIGH),
        timedelta(milliseconds=LOW * 1000),
        timedelta(minutes=1),
    ],
)
def test_accepts_a_timedelta_of_whole_seconds(value: timedelta) -> None:
    assert whole_seconds(value) == value.total_seconds()


TOO_SHORT: list[Any] = [
    *(LOW - 1, 0, -1, -LOW),
    *(Subclass(LOW - 1), Index(LOW - 1), -(10**5000)),
    *(timedelta(seconds=LOW - 1), timedelta(0), timedelta(seconds=-LOW), timedelta.min),
]
TOO_LONG: list[Any] = [
    *(HIGH + 1, 2**63, 10**5000),
    *(Subclass(HIGH + 1), Index(HIGH + 1)),
    *(timedelta(seconds=HIGH + 1), timedelta(days=1)),
]
NOT_WHOLE: list[Any] = [
    *(True, False, 60.0, 60.5, float("nan"), float("inf")),
    *("60", b"60", "", Decimal(60), Fraction(60), 60j),
    *([60], (60,), {60}, object(), int, Index("60"), Index(60.0)),
    *(timedelta(seconds=LOW, microseconds=1), timedelta(seconds=LOW - 0.5)),
    *(timedelta(seconds=-0.5), timedelta.max),
]


@pytest.mark.parametrize(
    ("value", "status_code"),
    [
        *((value, 461) for value in TOO_SHORT),
        *((value, 462) for value in TOO_LONG),
        *((value, 463) for value in NOT_WHOLE),
    ],
    ids=type_of,
)
def test_refuses_a_duration_with_the_status_that_the_api_would_answer(
    value: Any, status_code: int
) -> None:
    with pytest.raises(InvalidDuration) as raised:
        whole_seconds(value)
    assert raised.value.status_code == status_code


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (LOW - 1, f"{LOW - 1}"),
        (HIGH + 1, f"{HIGH + 1}"),
        (Index(HIGH + 1), f"{HIGH + 1}"),
        ("60", "'60'"),
        (60.5, "60.5"),
        (True, "True"),
        (timedelta(seconds=60.5), "0:01:00.500000"),
        (timedelta(seconds=LOW - 1), f"{LOW - 1}"),
    ],
)
def test_the_refusal_of_a_duration_says_rule_and_value(value: Any, text: str) -> None:
    assert refusal(whole_seconds, value) == (
        f"duration must be an int of {LOW} to {HIGH} seconds, a timedelta of whole seconds in that "
        f"range, or None, got {text}."
    )


@pytest.mark.parametrize("value", HOSTILE, ids=type_of)
def test_the_refusal_of_a_hostile_duration_is_short(value: Any) -> None:
    assert len(refusal(whole_seconds, value)) < 200


# Numbers


@pytest.mark.parametrize(
    "value",
    [0, -1, "12", 1.5, 12.0, True, None, 2**63, b"12", object(), [12], *HOSTILE],
    ids=type_of,
)
def test_refuses_a_system_id_that_is_no_positive_int_below_2_63(value: Any) -> None:
    assert refusal(arguments.system_id, value) == (
        f"system_id must be an int from 1 to 2**63 - 1, got {shown(value)}."
    )


@pytest.mark.parametrize("value", [1, 1765, 2**63 - 1, Subclass(7), Index(7)])
def test_accepts_a_system_id_with_an_index(value: Any) -> None:
    number = arguments.system_id(value)
    assert type(number) is int
    assert number == value.__index__()


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, 0.0, -0.5, "20", None, True, 86_401, timedelta(seconds=20), [20]),
        *(float("nan"), float("inf"), float("-inf"), *HOSTILE),
    ],
    ids=type_of,
)
def test_refuses_a_timeout_that_is_no_number_of_seconds(value: Any) -> None:
    assert refusal(arguments.seconds, "stall_timeout", value) == (
        f"stall_timeout must be a number of seconds above 0, at most 86400, got {shown(value)}."
    )


@pytest.mark.parametrize("value", [0.001, 1, 86_400])
def test_accepts_a_timeout_of_up_to_a_day(value: float) -> None:
    assert arguments.seconds("stall_timeout", value) == value


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, 1.5, 1e6, "1000", None, True, -(10**5000)),
        *(value for value in HOSTILE if not hasattr(value, "__index__")),
    ],
    ids=type_of,
)
def test_refuses_a_count_that_is_no_positive_int(value: Any) -> None:
    assert refusal(arguments.positive, "calls", value) == (
        f"calls must be a positive int, got {shown(value)}."
    )


@pytest.mark.parametrize("value", [1, Subclass(7), Index(7), 10**5000], ids=type_of)
def test_accepts_a_count_with_an_index(value: Any) -> None:
    count = arguments.positive("calls", value)
    assert type(count) is int
    assert count == value.__index__()


# Callbacks and credentials


def test_refuses_a_callback_that_cannot_be_called() -> None:
    assert refusal(arguments.function, "on_gap", "log") == (
        "on_gap must be a callable or None, got 'log'."
    )
    arguments.function("on_gap", None)
    arguments.function("on_gap", print)


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_credential_is_named_with_the_way_out(value: object) -> None:
    assert refusal(arguments.secret, "api_key", value, "It is in the portal.") == (
        "api_key is missing. It is in the portal."
    )
    assert refusal(arguments.secret, "api_key", value, "") == "api_key is missing."


@pytest.mark.parametrize(
    "value",
    [
        *("hunter2\n", "\thunter2", "hunter 2", "hünter2", "hunter2\0", "hunter2\u2028"),
        *(b"hunter2", 5_318_008, ["hunter2"], True, 10**5000, BadRepr()),
    ],
    ids=type_of,
)
def test_a_credential_that_no_header_can_carry_is_never_shown(value: Any) -> None:
    assert refusal(arguments.secret, "api_key", value, "It is in the portal.") == (
        "api_key must be a str of printable ASCII without spaces or line breaks (the value is not "
        "shown). It is in the portal."
    )


def test_accepts_a_credential_of_printable_ascii() -> None:
    printable = "".join(map(chr, range(0x21, 0x7F)))
    assert arguments.secret("api_key", printable, "") == printable


@pytest.mark.parametrize("value", [None, b"hunter2", 5_318_008, "hunter2\ud800"], ids=type_of)
def test_a_form_field_that_utf_8_cannot_encode_is_never_shown(value: Any) -> None:
    assert refusal(arguments.text, "password", value) == (
        "password must be a str that UTF-8 can encode (the value is not shown)."
    )


@pytest.mark.parametrize("value", ["", "pass word", "pässwörd\n"])
def test_accepts_any_form_field_that_utf_8_can_encode(value: str) -> None:
    assert arguments.text("password", value) == value


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "https://api.enphaseenergy.com/api/v4",
        "HTTPS://API.example",
        "https://proxy.example:8443/enphase",
        "https://192.0.2.1",
        "https://[2001:db8::1]:443/x",
        "https://host/X",
        "https://host/".ljust(2_000, "x"),
    ],
)
def test_accepts_https_to_any_host(url: str) -> None:
    assert arguments.url("base_url", url) == url


def test_drops_trailing_slashes_of_a_url() -> None:
    assert arguments.url("base_url", "https://host/api//") == "https://host/api"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:4010/api/v4",
        "http://LOCALHOST",
        "http://127.0.0.1:4010",
        "http://127.8.9.1",
        "http://[::1]:4010",
    ],
)
def test_accepts_plain_http_to_a_loopback_host(url: str) -> None:
    assert arguments.url("base_url", url) == url


ELSEWHERE = [
    "http://api.enphaseenergy.com/api/v4",
    "http://mock:4010",
    "http://192.168.1.10",
    "http://0.0.0.0",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://128.0.0.1",
    "http://[2001:db8::1]",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_refuses_plain_http_to_any_other_host(url: str) -> None:
    assert refusal(arguments.url, "base_url", url) == (
        f"base_url must be https, got '{url}': plain http shows your key and token to the network. "
        "Loopback hosts may use http; for another test server pass insecure_http=True."
    )


@pytest.mark.parametrize("url", ELSEWHERE)
def test_insecure_http_accepts_plain_http_to_any_host(url: str) -> None:
    assert arguments.url("base_url", url, insecure_http=True) == url


URL_RULE = (
    "base_url must be a URL such as https://api.enphaseenergy.com/api/v4, without spaces, "
    "credentials, query or fragment"
)
NO_URLS: list[Any] = [
    *("", "/", "api.enphaseenergy.com", "//host", "https://", "https:///x"),
    *("ftp://host", "file:///", "https://host:99999", "https://host:abc"),
    *("https://[::1", "https://[v1.a]", "https://[1.2]", "https://999.1.1.1"),
    *("https://ho st", " https://host", "https://host\n", "https://☃.example"),
    *("https://[1:2]", "https://host/".ljust(2_001, "x"), "https://" + "a" * 70_000),
    *(None, 5, b"https://host", httpx.URL("https://host")),
]


@pytest.mark.parametrize("insecure_http", [False, True])
@pytest.mark.parametrize("url", NO_URLS, ids=type_of)
def test_refuses_what_is_no_url(url: Any, insecure_http: bool) -> None:
    message = refusal(lambda: arguments.url("base_url", url, insecure_http=insecure_http))
    assert message == f"{URL_RULE}, got {shown(url)}."


@pytest.mark.parametrize("url", [10**5000, [10**5000], BadRepr()], ids=type_of)
def test_refuses_a_hostile_value_for_a_url(url: Any) -> None:
    assert refusal(arguments.url, "base_url", url) == f"{URL_RULE}, got {shown(url)}."


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@host",
        "https://hunter2@host",
        "http://user:hunter2@host",
        "http://127.0.0.1:hunter2@evil.example",
        "https://host?key=hunter2",
        "https://host/api?",
        "https://host#hunter2",
        "https://host/api#",
        "ftp://user:hunter2@host",
        "//user:hunter2@host",
        "user:hunter2@host",
        "https://user:hunter2@[v1.a]",
        "https://user:hunter2@host:99999",
        "host?key=hunter2",
        "host#hunter2",
    ],
)
def test_refuses_a_url_that_may_hold_a_secret_and_never_shows_it(url: str) -> None:
    assert refusal(arguments.url, "base_url", url) == f"{URL_RULE}, got another value."


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_a_loopback_host_is_this_machine(host: str) -> None:
    assert arguments.is_loopback(host)


@pytest.mark.parametrize("host", ["", "host", "localhost.example", "128.0.0.1", "0.0.0.0", "::"])
def test_any_other_host_is_not(host: str) -> None:
    assert not arguments.is_loopback(host)
