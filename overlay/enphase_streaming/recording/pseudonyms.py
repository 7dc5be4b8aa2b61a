"""Writes other characters for those of a value: of the same kind, and in as many bytes."""

from __future__ import annotations

import hashlib
import json
import re
import string

DIGITS = re.compile(rb"[0-9]")
"""What is hidden of a number."""
CHARACTERS = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}"
    rb"|\\[\x00-\x7f]|[0-9A-Za-z]|[\x80-\xff][\x80-\xbf]*+",
)
"""What is hidden of a text. An escape sequence is found first: one as `\\n` is left alone."""


# No zero: a number keeps its form.
_ASCII = ("123456789", string.ascii_lowercase, string.ascii_uppercase)
_KINDS = {"0": _ASCII[0]} | {char: kind for kind in _ASCII for char in kind}
# Letters, by the bytes that UTF-8 takes for each.
_OTHERS = {
    size: "".join(map(chr, range(first, first + 128)))
    for size, first in {2: 0x100, 3: 0x4E00, 4: 0x20000}.items()
}


def pseudonym(key: bytes, value: bytes, hidden: re.Pattern[bytes]) -> bytes:
    """Return `value` with other characters for all that are `hidden`, decided by the key."""
    choices = iter(hashlib.shake_256(key + value).digest(len(value)))

    def other(found: re.Match[bytes]) -> bytes:
        old = found[0]
        escaped = old.startswith(b"\\u") and old != b"\\u"
        try:
            char = json.loads(b'"%b"' % old) if escaped else old.decode()
        except UnicodeDecodeError:
            return b"\xff" * len(old)
        kind = _KINDS.get(char) or _OTHERS.get(len(char.encode(errors="surrogatepass")))
        if kind is None or len(char) > 1:
            return old
        others = kind.replace(char, "")
        new = others[next(choices) % len(others)]
        return _escaped(new) if escaped else new.encode()

    return hidden.sub(other, value)


def _escaped(char: str) -> bytes:
    units = char.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)).encode()
