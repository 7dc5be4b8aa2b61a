"""Durations and URLs of any form: accepted exactly when they keep to the rule."""

from __future__ import annotations

import ipaddress
import operator
from datetime import timedelta
from typing import Any

import httpx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enphase_streaming import InvalidArgument, InvalidDuration
from enphase_streaming.core.arguments import (
    MAXIMUM_DURATION,
    MINIMUM_DURATION,
    url,
    whole_seconds,
)

# Durations


class Subclass(int):
    pass


class Index:
    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


near = st.integers(-MAXIMUM_DURATION, 2 * MAXIMUM_DURATION) | st.sampled_from(
    [bound + step for bound in (MINIMUM_DURATION, MAXIMUM_DURATION) for step in (-1, 0, 1)]
)
ints = near | st.integers() | st.integers(4000, 6000).map(lambda digits: 10**digits)
timedeltas = st.one_of(
    st.timedeltas(),
    near.map(lambda seconds: timedelta(seconds=seconds)),
    st.builds(lambda s, us: timedelta(seconds=s, microseconds=us), near, st.integers(-2, 2)),
)
values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    ints,
    ints.map(Subclass),
    ints.map(Index),
    timedeltas,
    st.floats(),
    near.map(float),
    near.map(str),
    near.map(lambda number: str(number).encode()),
    st.text(),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.lists(near, max_size=2),
    st.dictionaries(near, near, max_size=2),
    st.sampled_from([int, object(), ..., range(60), memoryview(b"60")]),
)


def expected(value: Any) -> int | None:
    """Return the status code with which `value` is refused, else the duration that is sent."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        if value % timedelta(seconds=1):
            return 463
        number = value // timedelta(seconds=1)
    elif isinstance(value, bool):
        return 463
    else:
        try:
            number = operator.index(value)
        except TypeError:
            return 463
    if number < MINIMUM_DURATION:
        return 461
    return 462 if number > MAXIMUM_DURATION else number


def ask(value: Any) -> tuple[int | None, str]:
    """Return the same of the library, and the text of a refusal."""
    try:
        return whole_seconds(value), ""
    except InvalidDuration as refused:
        return refused.status_code, str(refused)


@given(values)
@settings(max_examples=500)
def test_accepts_none_and_ints_and_whole_timedeltas_within_the_bounds(value: Any) -> None:
    answer, text = ask(value)
    assert answer == expected(value)
    assert len(text) < 600  # forty characters of a str, each perhaps an escape of ten


# URLs

url_parts = st.sampled_from(
    [
        "https://",
        "http://",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "evil.example",
        ":80",
        "/api",
        "/",
        "@",
        "?",
        "#",
        "\\",
        ".",
        ":",
        "//",
        "%2e",
        "%",
        "[",
        "]",
        "1",
        "a",
        "-",
        "_",
        "xn--",
        "é",
    ]
)
urls = st.one_of(
    st.text(),
    st.lists(url_parts, max_size=8).map("".join),
    st.tuples(
        st.sampled_from(["https://", "http://"]), st.lists(url_parts, max_size=6).map("".join)
    ).map("".join),
)


@given(urls)
@settings(max_examples=500)
@example("http://localhost\\@evil.example")
@example("http://127.0.0.1:80\\.evil.example")
@example("https://host/api?")
def test_an_accepted_url_leads_to_its_own_host_and_path(text: str) -> None:
    try:
        accepted = url("base_url", text)
    except InvalidArgument:
        return
    request = httpx.URL(accepted + "/systems/1765/live_data")
    assert request.path.endswith("/systems/1765/live_data")
    assert (request.query, request.fragment, request.userinfo) == (b"", "", b"")
    assert request.scheme in ("https", "http")
    if request.scheme == "http":
        host = request.raw_host.decode()
        assert host == "localhost" or ipaddress.ip_address(host).is_loopback
