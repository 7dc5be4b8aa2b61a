"""Secrets that an answer repeats, whole and cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from enphase_streaming.recording.echoes import Echoes


def stars(secret: bytes) -> bytes:
    return b"*" * len(secret)


def echoes(*secrets: str) -> Echoes:
    return Echoes(lambda: secrets, stars)


def as_json(char: str) -> str:
    return json.dumps(char)[1:-1]


def as_hexadecimal(char: str) -> str:
    return char if char.isascii() and char.isalnum() else f"\\u{ord(char):04X}"


def percent(char: str) -> str:
    return quote(char, safe="")


SPELLINGS: list[Callable[[str], str]] = [percent, as_json, as_hexadecimal]


@given(
    st.text("abAB09", max_size=2) | st.text('aB1/."\\ é山😀', max_size=8),
    st.sampled_from([str, *SPELLINGS]),
    st.text("<>{ ", max_size=3),
    st.data(),
)
def test_the_beginning_of_a_secret_is_masked_at_a_cut(
    secret: str, spelled: Callable[[str], str], before: str, data: st.DataObject
) -> None:
    # A backslash as it is cannot be told from half of an escaped one.
    assume(spelled is not str or "\\" not in secret)
    # The whole secret is no beginning.
    secret = f"q{secret}z"
    count = data.draw(st.integers(1, len(secret) - 1))
    known = "".join(map(spelled, secret[:count])).encode()
    text = before.encode() + known
    assert echoes("other", "", secret).masked_at_a_cut(text) == before.encode() + stars(known)


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("char", ["/", "ä", "é", "😀"])
def test_so_it_is_where_the_cut_is_within_a_character(
    spelled: Callable[[str], str], char: str
) -> None:
    whole = spelled(char).encode()
    for cut in range(1, len(whole)):  # not where the character is spelled as it is
        masked = echoes(f"token{char}1234").masked_at_a_cut(b"<token" + whole[:cut])
        assert masked.startswith(b"<*****")
        assert len(masked) == 6 + cut


def test_each_of_several_secrets_is_masked_and_nothing_else() -> None:
    found = echoes("key", "to", "token")
    assert found.masked(b"key token to tok") == b"*** ***** ** **k"
    assert found.masked_at_a_cut(b"key token, tok") == b"*** *****, ***"
    assert found.masked_at_a_cut(b"key token tok,") == b"*** ***** **k,"
    assert found.masked_at_a_cut(b"") == b""
    assert echoes().masked_at_a_cut(b"tok%2") == b"tok%2"
    assert echoes("token").masked_at_a_cut(b"tok\\u00") == b"***\\u00"
    assert echoes("token").masked_at_a_cut(rb"tok\u0041\u0042") == rb"tok\u0041\u0042"
    assert echoes("tok\udc80n").masked_at_a_cut(b"tok") == b"***"


def test_the_longest_beginning_is_masked() -> None:
    assert echoes("aab-aac").masked_at_a_cut(b" aab-aa") == b" ******"
    assert echoes("aab-aac").masked_at_a_cut(b" aac-aa") == b" aac-**"
    assert echoes("-" * 9).masked_at_a_cut(b" " + b"-" * 8) == b" " + b"*" * 8


def test_a_long_secret_is_found_at_the_end_of_a_long_text() -> None:
    # To look for each beginning of the one in all of the other would take minutes.
    secret = "ab/" * 1000
    known = quote(secret[:-1], safe="").encode()
    text = b"c" * 1_000_000 + known
    assert echoes(secret).masked_at_a_cut(text) == b"c" * 1_000_000 + stars(known)
