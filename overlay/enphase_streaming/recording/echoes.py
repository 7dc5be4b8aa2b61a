"""Masks the secrets that a server repeats in the bytes of an answer, however it spells them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from enphase_streaming.spelling import pattern

_LONGEST = 12
"""How many bytes one character of a secret takes at most: four as `%f0`, two as `\\ud83d`."""
_BEGUN = re.compile(rb"(?:[%\\][0-9A-Za-z]*+)++\Z")


class Echoes:
    """Finds what `secrets` gives at that moment, and has it masked by `mask`."""

    def __init__(
        self, secrets: Callable[[], tuple[str, ...]], mask: Callable[[bytes], bytes]
    ) -> None:
        self._secrets = secrets
        self._mask = mask
        self._pattern = functools.cache(_pattern)

    def masked(self, text: bytes) -> bytes:
        """Return `text` with every secret masked."""
        for secret in self._longest_first():
            text = self._pattern(secret).sub(lambda found: self._mask(found[0]), text)
        return text

    def masked_at_a_cut(self, text: bytes) -> bytes:
        """Return `text` with what begins a secret masked, where its end may have cut that off."""
        text = self.masked(text)
        for secret in self._longest_first():
            start, end = self._beginning(secret, text)
            text = text[:start] + self._mask(text[start:end]) + text[end:]
        return text

    def _longest_first(self) -> list[str]:
        # One secret may be a part of another.
        return sorted(filter(None, self._secrets()), key=len, reverse=True)

    def _beginning(self, secret: str, text: bytes) -> tuple[int, int]:
        """Return where the characters of `secret` are that `text` ends with, cut within one or not.

        Where there are none, they are between its end and its end.
        """
        characters = [self._pattern(char) for char in secret]
        for first in characters[0].finditer(text, max(0, len(text) - _LONGEST * len(secret))):
            at = first.end()
            for character in characters[1:]:
                found = character.match(text, at)
                if found is None:
                    break
                at = found.end()
            if at == len(text) or (len(text) - at < _LONGEST and _BEGUN.match(text, at)):
                return first.start(), at
        return len(text), len(text)


def _pattern(secret: str) -> re.Pattern[bytes]:
    return re.compile(pattern(secret).encode(errors="surrogatepass"))
