"""Finds, in the bytes of a JSON text, what names a site, a device or a person.

The text need not be JSON: what never ends reaches as far as the bytes do. Every pattern looks at a
byte a fixed number of times, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

_CHARACTERS = rb'[^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+)*+'
# Tried at each quote, as where a quote is missing nobody knows which begin a text. A quote within a
# text has a backslash before it.
_FIELD = re.compile(rb'(?<!\\)"(?=(%b)"\s*+(:))' % _CHARACTERS)
_NAMING = re.compile(
    rb"serial|system_?id|email|user|owner|address"
    # Nobody writes letters of ASCII as escape sequences: such a name may be any of them.
    rb"|\\u00(?:[46].|[57][0-9a]|5f)",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    rb'"(?P<text>%b)"?'
    rb"|(?P<number>-?[0-9][0-9.eE+-]*+)(?=[\s,\]}]|\Z)"
    rb"|(?P<mark>[\[{\]},])"
    rb'|(?!(?:true|false|null)(?=[\s,\]}]|\Z))(?P<word>[^\s"\[\]{},:]++)'
    rb"|[a-z]++" % _CHARACTERS
)
_CLOSED_BY = {b"[": b"]", b"{": b"}"}


def naming_values(text: bytes) -> Iterator[re.Match[bytes]]:
    """Yield every text, number and word in the value of a field that names, in its groups.

    Of an object the names are found as well: a serial number may be one. What is no JSON is a word.
    """
    end = 0
    for field in _FIELD.finditer(text):
        if field.start() >= end and _NAMING.search(field[1]):
            end = yield from _scalars(text, field.end(2))


def _scalars(text: bytes, start: int) -> Generator[re.Match[bytes], None, int]:
    """Yield what the value that begins at `start` is made of, and return where it ends."""
    closing: list[bytes] = []
    for token in _TOKEN.finditer(text, start):
        mark = token["mark"]
        if mark is None:
            if token.lastgroup is not None:
                yield token
        elif mark in _CLOSED_BY:
            closing.append(_CLOSED_BY[mark])
        elif not closing:
            return token.start()
        elif mark == closing[-1]:
            closing.pop()
    return len(text)
