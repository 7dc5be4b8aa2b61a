"""Masks the secrets that a server repeats in the bytes of an answer, however it spells them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from enphase_streaming.spelling import pattern

_LONGEST = 12
"""How many bytes one character of a secret takes at most: two escapes as `\\ud83d`."""
_CUT_ESCAPE = re.compile(rb"[%\\][0-9A-Za-z]{0,5}\Z")


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
        escape = _CUT_ESCAPE.search(text, len(text) - _LONGEST)
        for secret in self._longest_first():
            for end in {len(text), escape.start() if escape else len(text)}:
                start = self._beginning(secret, text[:end])
                text = text[:start] + self._mask(text[start:end]) + text[end:]
        return text

    def _longest_first(self) -> list[str]:
        # One secret may be a part of another.
        return sorted(filter(None, self._secrets()), key=len, reverse=True)

    def _beginning(self, secret: str, text: bytes) -> int:
        """Return where the beginning of `secret` starts that `text` ends with; else its end."""
        tail = text[-_LONGEST * len(secret) :]
        for count in range(len(secret) - 1, 0, -1):
            last, missing = secret[count - 1], secret[count:]
            # A letter is spelled as it is: most counts need no search.
            if last.isascii() and last.isalnum() and not tail.endswith(last.encode()):
                continue
            found = self._pattern(secret).search(tail + missing.encode(errors="surrogatepass"))
            if found and found.start() < len(tail):
                return len(text) - len(tail) + found.start()
        return len(text)


def _pattern(secret: str) -> re.Pattern[bytes]:
    return re.compile(pattern(secret).encode(errors="surrogatepass"))
