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
_END = rb"(?=[\s,\]}]|\Z)"
_TOKEN = re.compile(
    rb'[\[{\]},]|"(?P<text>%b)"?|(?P<number>-?[0-9][0-9.eE+-]*+)%b|(?P<literal>true|false|null)%b'
    rb'|(?P<word>[^\s"\[\]{},:]++)' % (_CHARACTERS, _END, _END)
)
_CLOSED_BY = {b"[": b"]", b"{": b"}"}


def naming_values(text: bytes) -> Iterator[tuple[slice, bool]]:
    """Yield where the value of a field that names holds a text or a number, and if it is a number.

    The names in an object are such texts: a serial number may be one. So is what is no JSON.
    """
    end = 0
    for field in _FIELD.finditer(text):
        if field.start() >= end and _NAMING.search(field[1]):
            end = yield from _scalars(text, field.end(2))


def _scalars(text: bytes, start: int) -> Generator[tuple[slice, bool], None, int]:
    """Yield what the value that begins at `start` is made of, and return where it ends."""
    closing: list[bytes] = []
    for token in _TOKEN.finditer(text, start):
        what, kind = token[0], token.lastgroup
        if kind == "literal":
            continue
        if kind is not None:
            yield slice(*token.span(kind)), kind == "number"
        elif what in _CLOSED_BY:
            closing.append(_CLOSED_BY[what])
        elif not closing:
            return token.start()
        elif what == closing[-1]:
            closing.pop()
    return len(text)
