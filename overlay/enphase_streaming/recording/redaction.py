"""Masks what identifies a site in the bytes of an event stream, whole event by whole event.

A mask has the length and the kinds of characters of what it hides, and the same value has the
same mask throughout: lengths, cuts and repetitions stay what they were.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from itertools import pairwise

from enphase_streaming.recording.echoes import Echoes
from enphase_streaming.recording.naming import naming_values
from enphase_streaming.recording.pseudonyms import CHARACTERS, DIGITS, pseudonym

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# An event's JSON may be spread over several of its `data:` lines, with other lines between them.
_OTHER_LINE = re.compile(rb"(?<![^\r\n])(?!(?:\xef\xbb\xbf)?data:)[^\r\n]++")
_NO_JSON = re.compile(rb"%b|(?<![^\r\n])(?:\xef\xbb\xbf)?data:" % _OTHER_LINE.pattern)
_DIGITS_TO_0 = bytes.maketrans(b"123456789", b"000000000")
_ALL_TO_X = re.compile(rb"[A-Za-z\x80-\xff]")


class Redactor:
    """Masks one recording's events: `key` decides how, and what `secrets` gives goes anywhere.

    It holds an event until that is whole. One of more than `max_event_bytes` is given up.
    """

    def __init__(
        self, key: bytes, secrets: Callable[[], tuple[str, ...]], max_event_bytes: int = 1_048_576
    ) -> None:
        self._key = key
        self._echoes = Echoes(secrets, self._mask)
        self._limit = max_event_bytes
        self._pieces: deque[tuple[float, int]] = deque()
        self._pending = bytearray()
        self._has_given_up = False

    def feed(self, chunk: bytes, at: float) -> list[tuple[float, bytes]]:
        """Return the pieces, masked, of every event that `chunk` completes, as they arrived."""
        searched = max(0, len(self._pending) - 3)
        self.hold(chunk, at)
        ends = [found.end() for found in _BLANK_LINE.finditer(self._pending, searched)]
        events = [
            self._event(bytes(self._pending[start:end])) for start, end in pairwise([0, *ends])
        ]
        if ends:
            del self._pending[: ends[-1]]
        if self._is_given_up(self._pending):
            self._has_given_up = True
            # What may be half of a blank line waits for the other half.
            end = len(self._pending.rstrip(b"\r\n"))
            events.append(_illegible(bytes(self._pending[:end])))
            del self._pending[:end]
        return self._cut(b"".join(events))

    def rest(self) -> list[tuple[float, bytes]]:
        """Return what never became an event. A name cut short cannot be told: no digit is kept."""
        rest = self._echoes.masked_at_a_cut(self._event(self._taken()))
        return self._cut(rest.translate(_DIGITS_TO_0))

    def hold(self, chunk: bytes, at: float) -> None:
        """Keep bytes of an answer that is no event stream: a secret may be cut anywhere in it."""
        self._pieces.append((at, len(chunk)))
        self._pending += chunk

    def held(self) -> list[tuple[float, bytes]]:
        """Return the pieces of an answer that is no event stream."""
        answer = self._taken()
        return self._cut(self._echoes.masked_at_a_cut(self._named(answer, answer)))

    def plain(self, text: bytes) -> bytes:
        """Return bytes with only secrets masked, however they are spelled in it."""
        return self._echoes.masked(text)

    def _taken(self) -> bytes:
        taken = bytes(self._pending)
        self._pending.clear()
        return taken

    def _event(self, event: bytes) -> bytes:
        if self._is_given_up(event):
            self._has_given_up = False
            return _illegible(event)
        event = _OTHER_LINE.sub(lambda line: self._named(line[0], line[0]), event)
        # The JSON alone, each byte at the place that it has in the event.
        json_text = _NO_JSON.sub(lambda found: b" " * len(found[0]), event)
        return self._echoes.masked(self._named(event, json_text))

    def _is_given_up(self, event: bytes | bytearray) -> bool:
        """Return whether the event is too large, or the end of one that was."""
        # Line ends are not counted: the LF of a CR LF may come too late to be taken for one's end.
        return self._has_given_up or (
            len(event) > self._limit and len(event.strip(b"\r\n")) > self._limit
        )

    def _named(self, event: bytes, json_text: bytes) -> bytes:
        masked = bytearray(event)
        for where, is_number in naming_values(json_text):
            hidden = DIGITS if is_number else CHARACTERS
            masked[where] = pseudonym(self._key, event[where], hidden)
        return bytes(masked)

    def _mask(self, secret: bytes) -> bytes:
        return pseudonym(self._key, secret, CHARACTERS)

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


def _illegible(event: bytes) -> bytes:
    return _ALL_TO_X.sub(b"x", event).translate(_DIGITS_TO_0)
