"""Masks what names a site in the bytes that one call of the real API brought.

As in every recording of this project (docs/recording.md), a mask has the length and the kinds of
characters of what it hides, and the same value has the same mask throughout.
"""

import json
import random
import re
import secrets
import string
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

from enphase_streaming_mock.checks.events import Chunk, read_body

_EVENT = re.compile(rb"(?s:.+?)(?:(?>\r\n|\n|\r){2}|\Z)")
# A JSON text may be spread over several `data:` lines, with others between them.
_DATA = rb"(?<![^\r\n])(?:\xef\xbb\xbf)?data:"
_OTHER = rb"(?<![^\r\n])(?!(?:\xef\xbb\xbf)?data:)[^\r\n]++"
_TEXT = rb'"(?:[^"\\\r\n]++|\\[^\r\n])*+'
_NAME = re.compile(rb'(?<!\\)(?=(%b)"\s*+(:))' % _TEXT)
"""A field's name, and the colon after it, wherever a quote may begin one: one may be missing."""
_NAMING = re.compile(
    rb"serial|system_?id|email|user|owner|address|\\u00(?:[46].|[57][0-9a]|5f)", re.IGNORECASE
)
"""Who escapes letters of ASCII may have escaped any of these."""
_BARE = rb'[^\s"\[\]{},:]++'
_TOKEN = re.compile(rb'%b"?|[\[\]{},]|%b' % (_TEXT, _BARE))
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*")
# Surrogates are a pair; any other escape sequence is found to be left alone.
_CHARACTER = re.compile(
    rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[0-9a-fA-F]{4}|\\[\x00-\x7f]|[0-9A-Za-z]"
    rb"|[\x80-\xff][\x80-\xbf]*+"
)
_KINDS = ("0123456789", string.ascii_lowercase, string.ascii_uppercase)
_FIRST = {2: 0x100, 3: 0x4E00, 4: 0x20000}
"""The first of a hundred letters that take so many bytes in UTF-8."""


def _values(text: bytes) -> Iterator[tuple[int, int]]:
    """Where in `text` a field that names has a text, a number or a word in its value."""
    end = 0
    for name in _NAME.finditer(text):
        if name.start() < end or not _NAMING.search(name[1]):
            continue
        open_ones, end = list[bytes](), len(text)
        for token in _TOKEN.finditer(text, name.end(2)):
            what = token[0]
            if what in (b"[", b"{"):
                open_ones.append(what)
            elif what in (b",", b"]", b"}"):
                if not open_ones:
                    end = token.start()
                    break
                if open_ones[-1] + what in (b"[]", b"{}"):
                    open_ones.pop()
            elif what not in (b"true", b"false", b"null"):
                yield token.span()


class Redactor:
    """Masks in one way for as long as it lives; nobody can tell another's way from it."""

    def __init__(self, hidden: Iterable[str]) -> None:
        self._hidden = [secret.encode() for secret in hidden]
        self._key = secrets.token_bytes(32)

    def masked(self, chunks: Sequence[Chunk], *, is_stream: bool) -> list[Chunk]:
        """Mask a whole body, and leave its pieces and their times as they are."""
        body = b"".join(data for _, data in chunks)
        whole = b"".join(map(self._event, _EVENT.findall(body))) if is_stream else self._json(body)
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

    def _event(self, event: bytes) -> bytes:
        event = re.sub(_OTHER, lambda line: self._json(line[0]), event)
        text = re.sub(rb"%b|%b" % (_DATA, _OTHER), lambda found: b" " * len(found[0]), event)
        return self._json(event, text)

    def _json(self, whole: bytes, text: bytes | None = None) -> bytes:
        """Mask what `text` says, which stands in `whole` at the same place."""
        masked = bytearray(whole)
        for start, end in _values(whole if text is None else text):
            masked[start:end] = self.mask(whole[start:end])
        return bytes(masked)

    def mask(self, value: bytes) -> bytes:
        """Mask a JSON text or number, or any other bytes: other letters, other digits."""
        chance = random.Random(blake2b(value.strip(b'"'), key=self._key).digest())
        number = _NUMBER.fullmatch(value) is not None

        def other(found: re.Match[bytes]) -> bytes:
            old = found[0]
            if number and old.isalpha():
                return old
            try:
                if not re.match(rb"\\u.", old):
                    return _other(old.decode(), chance).encode()
                units = _other(json.loads(b'"%b"' % old), chance).encode("utf-16-be").hex(",", 2)
            except UnicodeDecodeError:
                return b"\xff" * len(old)
            return b"".join(b"\\u" + unit.encode() for unit in units.split(","))

        return _CHARACTER.sub(other, value)


def _other(char: str, chance: random.Random) -> str:
    for kind in _KINDS:
        if char in kind:
            # A number keeps its form: no leading zero appears.
            return chance.choice(kind.strip("0").replace(char, ""))
    first = _FIRST.get(len(char.encode("utf-8", "surrogatepass")))
    if first is None or len(char) > 1:
        return char
    return chr(first + (ord(char) + chance.randrange(1, 100) - first) % 100)
