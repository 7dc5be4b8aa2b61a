"""An address that is taken is one that requests can go to, and only to there."""

from __future__ import annotations

import ipaddress

import httpx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enphase_streaming import InvalidArgument
from enphase_streaming.core.arguments import url

parts = st.sampled_from(
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
addresses = st.one_of(
    st.text(),
    st.lists(parts, max_size=8).map("".join),
    st.tuples(
        st.sampled_from(["https://", "http://"]), st.lists(parts, max_size=6).map("".join)
    ).map("".join),
)


@given(addresses)
@settings(max_examples=500)
@example("http://localhost\\@evil.example")
@example("http://127.0.0.1:80\\.evil.example")
@example("https://host/api?")
def test_what_is_taken_leads_to_its_own_host_and_path(address: str) -> None:
    try:
        taken = url("base_url", address)
    except InvalidArgument:
        return
    request = httpx.URL(taken + "/systems/1765/live_data")
    assert request.path.endswith("/systems/1765/live_data")
    assert (request.query, request.fragment, request.userinfo) == (b"", "", b"")
    assert request.scheme in ("https", "http")
    if request.scheme == "http":
        host = request.raw_host.decode()
        assert host == "localhost" or ipaddress.ip_address(host).is_loopback
