"""Masks what identifies a site in the bytes of an event stream, whole event by whole event.

A mask has the length and the kinds of characters of what it hides, and the same value has the
same mask throughout: lengths, cuts and repetitions stay what they were.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import itertools
import re
from collections import deque
from collections.abc import Callable

from enphase_streaming.spelling import pattern

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# A JSON text may be spread over several `data:` lines.
_GAP = rb"(?:\s|[\r\n]data:?)*"
_NAMING = re.compile(
    rb'"[^"\\]*(?:serial|system_?id|email|user|owner|address)[^"\\]*"%b:%b'
    rb'(\[[^\]]*+\]?|"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*)' % (_GAP, _GAP),
    re.IGNORECASE,
)
"""A field that names a site, a device or a person: its value, or the array of its values.

An array without an end reaches as far as the bytes do: to look on from within it, over and over,
would be quadratic.
"""
_DIGIT = re.compile(rb"[0-9]")
# An escape sequence is found first, to be left alone.
_LETTER_OR_DIGIT = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|[0-9]|[A-Za-z]")
_VALUE = re.compile(rb'"((?:[^"\\]|\\.)*)"|(-?[0-9][0-9.eE+-]*)')


class Redactor:
    """Masks one recording's events: `key` decides how, and what `secrets` gives goes anywhere."""

    def __init__(self, key: bytes, secrets: Callable[[], tuple[str, ...]]) -> None:
        self._key = key
        self._secrets = secrets
        self._pattern = functools.cache(_pattern)
        self._pieces: deque[tuple[float, int]] = deque()
        self._pending = bytearray()

    def feed(self, chunk: bytes, at: float) -> list[tuple[float, bytes]]:
        """Return the pieces, masked, of every event that `chunk` completes, as they arrived."""
        searched = max(0, len(self._pending) - 3)
        self.hold(chunk, at)
        ends = [found.end() for found in _BLANK_LINE.finditer(self._pending, searched)]
        if not ends:
            return []
        whole = bytes(self._pending[: ends[-1]])
        del self._pending[: ends[-1]]
        return self._cut(self._masked(whole))

    def rest(self) -> list[tuple[float, bytes]]:
        """Return what never became an event. A name cut short cannot be told: no digit is kept."""
        return self._cut(re.sub(rb"[0-9]", b"0", self._masked(self._taken())))

    def hold(self, chunk: bytes, at: float) -> None:
        """Keep bytes of an answer that is no event stream: a secret may be cut anywhere in it."""
        self._pieces.append((at, len(chunk)))
        self._pending += chunk

    def held(self) -> list[tuple[float, bytes]]:
        """Return the pieces of an answer that is no event stream, with only secrets masked."""
        return self._cut(self.plain(self._taken()))

    def plain(self, text: bytes) -> bytes:
        """Return bytes with only secrets masked, however they are spelled in it."""
        # The longest first: one secret may be a part of another.
        for secret in sorted(filter(None, self._secrets()), key=len, reverse=True):
            text = self._pattern(secret).sub(
                lambda found: self._mask(found[0], _LETTER_OR_DIGIT), text
            )
        return text

    def _taken(self) -> bytes:
        taken = bytes(self._pending)
        self._pending.clear()
        return taken

    def _masked(self, events: bytes) -> bytes:
        def hide(naming: re.Match[bytes]) -> bytes:
            return naming[0].removesuffix(naming[1]) + _VALUE.sub(self._value, naming[1])

        return self.plain(_NAMING.sub(hide, events))

    def _value(self, value: re.Match[bytes]) -> bytes:
        text, number = value.groups()
        if text is None:
            return self._mask(number, _DIGIT)
        return b'"%s"' % self._mask(text, _LETTER_OR_DIGIT)

    def _mask(self, value: bytes, hidden: re.Pattern[bytes]) -> bytes:
        """Return other digits for digits and other letters for letters, decided by the key."""
        masks = itertools.chain.from_iterable(
            hmac.digest(self._key, value + b"%d" % block, hashlib.sha256)
            for block in itertools.count()
        )

        def other(found: re.Match[bytes]) -> bytes:
            old = found[0]
            if old.isdigit():
                # A number keeps its form: no leading zero appears.
                return b"%d" % (1 + next(masks) % 9)
            if len(old) > 1:
                return old
            return bytes([ord("a" if old.islower() else "A") + next(masks) % 26])

        return hidden.sub(other, value)

    def _cut(self, masked: bytes) -> list[tuple[float, bytes]]:
        pieces: list[tuple[float, bytes]] = []
        start = 0
        while start < len(masked):
            at, length = self._pieces.popleft()
            piece = masked[start : start + length]
            pieces.append((at, piece))
            start += len(piece)
            if len(piece) < length:
                self._pieces.appendleft((at, length - len(piece)))
        return pieces


def _pattern(secret: str) -> re.Pattern[bytes]:
    return re.compile(pattern(secret).encode(errors="surrogatepass"))
