r"""How others may spell a secret: as it is, percent-encoded, or escaped as within quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

# Every encoder leaves the others alone. Most keys and tokens are made of them.
_TOUCHED = re.compile(r"[^A-Za-z0-9_~-]")


def pattern(secret: str) -> str:
    r"""Return a regular expression that finds `secret` in texts and, once encoded, in bytes.

    It does not matter which characters were left alone, nor how hexadecimal digits are written:
    a slash is found as `%2F` and `%2f`, as `\/`, `\x2f` and `\u002f`.
    """
    ways: tuple[Callable[[re.Match[str]], str], ...] = (_octets, _characters, _percent)
    spelled = [_TOUCHED.sub(way, secret) for way in ways]
    return "|".join(dict.fromkeys([*spelled, re.escape(secret)]))


def _percent(found: re.Match[str]) -> str:
    octets = found[0].encode(errors="surrogatepass")
    encoded = "".join(f"%{octet:02x}" for octet in octets)
    return _either(encoded, *("+" if found[0] == " " else ""), found[0])


def _octets(found: re.Match[str]) -> str:
    """As in the repr of bytes."""
    shown = repr(found[0].encode(errors="surrogatepass"))[2:-1]
    return _either(shown, f"\\{found[0]}")


def _characters(found: re.Match[str]) -> str:
    """As in the repr of a string, and in JSON."""
    char = found[0]
    number = ord(char)
    return _either(
        rf"\x{number:02x}",
        rf"\u{number:04x}",
        ascii(char)[1:-1],
        json.dumps(char)[1:-1],
        f"\\{char}",
        char,
    )


def _either(*forms: str) -> str:
    # Atomic, and what the character became before the character itself: a sign that begins an
    # escape is never tried as a character too, which for many of them would take for ever.
    either = "|".join(f"(?i:{re.escape(form)})" for form in forms)
    return f"(?>{either})"
