"""Masks what names a site in the bytes that one call of the real API brought.

As in every recording of this project (docs/recording.md), a mask has the length and the kinds of
characters of what it hides, and the same value has the same mask throughout.
"""

import random
import re
import secrets
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from enphase_streaming_mock.checks.events import Chunk, read_body

# A JSON text may be spread over several `data:` lines.
_GAP = rb"(?:\s|[\r\n]data:?)*"
_NAMED = re.compile(
    rb'("[^"\\]*(?:serial|system_?id|email|user|owner|address)[^"\\]*"%b:%b)'
    rb'(\[[^\]]*\]|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)' % (_GAP, _GAP),
    re.IGNORECASE,
)
"""A field that names a site, a device or a person, and its value or the array of its values."""
_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')
# An escape sequence is found first, to be left alone.
_LETTER_OR_DIGIT = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|[0-9A-Za-z]")
_DIGITS, _LOWER, _UPPER = b"123456789", bytes(range(97, 123)), bytes(range(65, 91))


class Redactor:
    """Masks in one way for as long as it lives; nobody can tell another's way from it."""

    def __init__(self, hidden: Iterable[str]) -> None:
        self._hidden = [secret.encode() for secret in hidden]
        self._key = secrets.token_bytes(32)

    def masked(self, chunks: Sequence[Chunk], *, is_stream: bool) -> list[Chunk]:
        """Mask a whole body, and leave its pieces and their times as they are."""
        whole = _NAMED.sub(
            lambda named: named[1] + _VALUE.sub(lambda value: self.mask(value[0]), named[2]),
            b"".join(data for _, data in chunks),
        )
        for secret in self._hidden:
            whole = whole.replace(secret, self.mask(secret))
        # What never became an event may end within a name, which then cannot be told.
        rest = len(read_body(chunks).rest) if is_stream else 0
        kept = len(whole) - rest
        whole = whole[:kept] + re.sub(rb"[0-9]", b"0", whole[kept:])
        masked, start = list[Chunk](), 0
        for at, data in chunks:
            masked.append((at, whole[start : start + len(data)]))
            start += len(data)
        return masked

    def mask(self, value: bytes) -> bytes:
        """Mask a JSON text or number, or any other bytes: other letters, other digits."""
        chance = random.Random(blake2b(value.strip(b'"'), key=self._key).digest())
        number = re.fullmatch(rb"-?\d[\d.eE+-]*", value) is not None

        def other(found: re.Match[bytes]) -> bytes:
            old = found[0]
            if len(old) > 1 or (number and old.isalpha()):
                return old
            kind = _DIGITS if old.isdigit() else _LOWER if old.islower() else _UPPER
            return bytes([chance.choice(kind.replace(old, b""))])

        return _LETTER_OR_DIGIT.sub(other, value)
