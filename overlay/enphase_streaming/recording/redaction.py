"""Replace identifying values and secrets in the bytes of a response, whole event by whole event.

A pseudonym has the length and the kinds of characters of what it stands for, and the same value
has the same pseudonym throughout: lengths, cuts and repetitions stay what they were.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise

from enphase_streaming.secrets import find_secrets

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# An event's JSON may be spread over several of its `data:` lines, with other lines between them.
_OTHER_LINE = re.compile(rb"(?<![^\r\n])(?!(?:\xef\xbb\xbf)?data:)[^\r\n]++")
_NO_JSON = re.compile(rb"%b|(?<![^\r\n])(?:\xef\xbb\xbf)?data:" % _OTHER_LINE.pattern)
_KNOWN_LINE = re.compile(rb"(?:\xef\xbb\xbf)?(?:event|id|retry)?:")

_IDENTIFYING = re.compile(r"serial|system_?id|email|user|owner|address", re.IGNORECASE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}:,]|[^\s\[\]{}:,"]++')

_DIGITS = re.compile(rb"[0-9]")
_CHARACTERS = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|[0-9A-Za-z]|[\x80-\xff][\x80-\xbf]*+", re.DOTALL)
# What may stand for a character. No zero: a number keeps its form.
_KINDS = (b"123456789", string.ascii_lowercase.encode(), string.ascii_uppercase.encode())
_OTHERS = {b"0": b"123456789"} | {
    kind[at : at + 1]: kind[:at] + kind[at + 1 :] for kind in _KINDS for at in range(len(kind))
}
# What stands for a character beyond ASCII, by its length; the second where it is the first itself.
_BEYOND_ASCII = {
    2: (b"\xc4\x80", b"\xc4\x81"),
    3: (b"\xe4\xb8\x80", b"\xe4\xb8\x81"),
    4: (b"\xf0\xa0\x80\x80", b"\xf0\xa0\x80\x81"),
    6: (rb"\u4e00", rb"\u4e01"),
}
_ILLEGIBLE = bytes.maketrans(
    b"123456789" + string.ascii_letters.encode() + bytes(range(128, 256)),
    b"000000000" + b"x" * (52 + 128),
)


class Redactor:
    """Redact one recording: `key` decides on the pseudonyms, `secrets` returns what to hide.

    An event is held until it is whole; one of more than `max_event_bytes` is made illegible.
    """

    def __init__(
        self, key: bytes, secrets: Callable[[], tuple[str, ...]], max_event_bytes: int = 1_048_576
    ) -> None:
        self._key = key
        self._secrets = secrets
        self._limit = max_event_bytes
        self._pieces: deque[tuple[float, int]] = deque()
        self._pending = bytearray()
        self._is_stream = True
        self._is_oversized = False

    def begin(self, *, is_stream: bool) -> None:
        """Begin a response; one that is no event stream is redacted as a whole, when it ends."""
        self._is_stream = is_stream

    def feed(self, chunk: bytes, at: float) -> list[tuple[float, bytes]]:
        """Return the pieces, redacted, of every event that `chunk` completes, as they arrived."""
        searched = max(0, len(self._pending) - 3)
        self._pieces.append((at, len(chunk)))
        self._pending += chunk
        if not self._is_stream:
            return []
        ends = [0, *(found.end() for found in _BLANK_LINE.finditer(self._pending, searched))]
        events = [self._event(bytes(self._pending[start:end])) for start, end in pairwise(ends)]
        del self._pending[: ends[-1]]
        if self._has_outgrown(self._pending):
            self._is_oversized = True
            # What may be half of a blank line waits for the other half.
            end = len(self._pending.rstrip(b"\r\n"))
            events.append(bytes(self._pending[:end]).translate(_ILLEGIBLE))
            del self._pending[:end]
        return self._cut(b"".join(events))

    def end(self) -> list[tuple[float, bytes]]:
        """Return the pieces that are left: an event that was cut off becomes illegible."""
        rest = bytes(self._pending)
        self._pending.clear()
        self._is_oversized = False
        return self._cut(
            rest.translate(_ILLEGIBLE) if self._is_stream else self._redacted(rest, rest)
        )

    def text(self, text: str) -> str:
        """Return `text` with its secrets replaced."""
        return self._without_secrets(text.encode()).decode()

    def _has_outgrown(self, event: bytes | bytearray) -> bool:
        """Return whether an event is too large, or is the rest of one that was."""
        # Line ends are not counted: the LF of a CR LF may come too late to be taken for one's end.
        return self._is_oversized or (
            len(event) > self._limit and len(event.strip(b"\r\n")) > self._limit
        )

    def _event(self, event: bytes) -> bytes:
        if self._has_outgrown(event) or not all(map(_is_harmless, _OTHER_LINE.findall(event))):
            self._is_oversized = False
            return event.translate(_ILLEGIBLE)
        # The JSON alone, each byte at the place that it has in the event.
        return self._redacted(event, _NO_JSON.sub(lambda found: b" " * len(found[0]), event))

    def _redacted(self, whole: bytes, json_text: bytes) -> bytes:
        """Return `whole` redacted, or illegible if its JSON cannot be parsed."""
        # A character for each byte: those beyond ASCII can only be inside strings.
        text = json_text.decode("latin-1")
        try:
            if text.strip():
                json.loads(text)
        except (ValueError, RecursionError):
            return whole.translate(_ILLEGIBLE)
        redacted = bytearray(self._without_secrets(whole))
        for value in _identifying_values(text):
            place = slice(*value.span())
            hidden = _CHARACTERS if value[0].startswith('"') else _DIGITS
            redacted[place] = self._pseudonym(json_text[place], hidden)
        return bytes(redacted)

    def _without_secrets(self, text: bytes) -> bytes:
        redacted = bytearray(text)
        for start, end in find_secrets(text.decode("latin-1"), self._secrets()):
            redacted[start:end] = self._pseudonym(text[start:end], _CHARACTERS)
        return bytes(redacted)

    def _pseudonym(self, value: bytes, hidden: re.Pattern[bytes]) -> bytes:
        """Return `value` with other characters for those `hidden`, decided by the key."""
        seed = self._key + value.strip(b'"')
        choices = iter(hashlib.shake_256(seed).digest(len(value)))
        return hidden.sub(lambda found: _another(found[0], next(choices)), value)

    def _cut(self, redacted: bytes) -> list[tuple[float, bytes]]:
        """Return bytes in the pieces in which they arrived."""
        pieces: list[tuple[float, bytes]] = []
        start = 0
        while start < len(redacted):
            at, length = self._pieces.popleft()
            piece = redacted[start : start + length]
            pieces.append((at, piece))
            start += len(piece)
            if len(piece) < length:
                self._pieces.appendleft((at, length - len(piece)))
        return pieces


def _is_harmless(line: bytes) -> bool:
    """Return whether a line without data is a comment or a known field, and identifies nothing."""
    known = _KNOWN_LINE.match(line) is not None
    return known and _IDENTIFYING.search(line.decode("latin-1")) is None


def _identifying_values(json_text: str) -> Iterator[re.Match[str]]:
    """Yield every string, number and literal under an identifying field.

    Names of fields in there are such strings too: each may be a serial number.
    """
    depth, is_next, name = 0, False, ""
    for token in _TOKEN.finditer(json_text):
        what = token[0]
        if what in "[{":
            depth += depth > 0 or is_next
            is_next = False
        elif what in "]}":
            depth = max(0, depth - 1)
        elif what == ":":
            is_next = not depth and _IDENTIFYING.search(json.loads(name)) is not None
        elif what != ",":
            if depth or is_next:
                yield token
            is_next, name = False, what


def _another(old: bytes, choice: int) -> bytes:
    """Return another character of the same kind, in as many bytes."""
    if others := _OTHERS.get(old):
        at = choice % len(others)
        return others[at : at + 1]
    if old.startswith(b"\\") and len(old) == 2:
        return old
    first, second = _BEYOND_ASCII.get(len(old), (b"\xff" * len(old),) * 2)
    return first if old.lower() != first else second
