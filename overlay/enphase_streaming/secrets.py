"""Hide secrets in what others show: answers that echo them, exceptions, log lines, tracebacks."""

from __future__ import annotations

import logging
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from traceback import clear_frames
from typing import Any, ParamSpec, Protocol, TypeVar
from weakref import WeakValueDictionary

SHORTEST = 8
"""Shorter text is not hidden: masking `key` or `token` would garble messages about keys."""

_WIDE = "\x80"
"""Stands for a run of characters beyond ASCII, in any encoding."""
# Encoded characters, as in URLs and as in JSON and Python, by what begins them. What the end of the
# text cuts off is found too, and stands for nothing.
_ENCODINGS = {
    signs: re.compile(pattern.replace("H", "[0-9a-fA-F]"), re.DOTALL | re.VERBOSE)
    for signs, pattern in {
        "%+": r"(?P<wide> (?: [^\x00-\x7f] | %[89a-fA-F]H )++ ) | %(?P<code>HH) | %H?\Z",
        "\\": r"""(?P<wide> (?:
                [^\x00-\x7f] | \\x[89a-fA-F]H | \\u(?!00[0-7])HHHH | \\U00[01]HHHHH )++ )
            | \\ (?: (?: x|u00 ) (?P<code>HH) | (?P<char>[^uUx]) | [uUx]?H{0,7}\Z )""",
    }.items()
}
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

_MASKED_QUERY = re.compile(r"""\?[^\s'"?]*\*\*\*[^\s'"?]*(?<!:)""")

# A filter applies to the logger that it was added to, not to those below it.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "hpack.hpack",
    "hpack.table",
    "aiohttp.client",
    "aiohttp.internal",
)


_P = ParamSpec("_P")
_R = TypeVar("_R")


class Keeper(Protocol):
    """An object that holds secrets."""

    def secrets(self) -> tuple[str, ...]:
        """Return the texts to hide."""
        ...


def find_secrets(text: str, secrets: Iterable[str]) -> list[tuple[int, int]]:
    """Return where `text` holds secrets: start and end of each place, in order of the starts.

    A secret is found as it is, percent-encoded, and with the escapes of JSON and of Python; where
    the end of `text` cuts it off, by its first `SHORTEST` characters.
    """
    # Each secret as it is and as decoded text shows it, and the part of it that is enough.
    known = {
        form(secret): form(secret[:SHORTEST])
        for secret in secrets
        if len(secret) >= SHORTEST
        for form in (str, _simplified)
    }
    found = set[tuple[int, int]]()
    for decoded, place in _decodings(text):
        for secret, start in known.items():
            at = decoded.find(start)
            while at >= 0:
                piece = decoded[at : at + len(secret)]
                if secret.startswith(piece):
                    found.add((place(at), place(at + len(piece))))
                at = decoded.find(start, at + 1)
    return sorted(found)


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with `***` for each secret, as `find_secrets` finds it.

    A text may be cut to any length before: a secret that the cut went through is masked too.
    """
    pieces, end = [], 0
    for start, after in find_secrets(text, secrets):
        if start >= end:
            pieces += [text[end:start], "***"]
        end = max(end, after)
    return "".join([*pieces, text[end:]])


def _simplified(secret: str) -> str:
    """Return `secret` as decoded text shows it. A plus may be a space, as in a query."""
    return re.sub(r"[^\x00-\x7f]++", _WIDE, secret).replace("+", " ")


def _decodings(text: str) -> Iterator[tuple[str, Callable[[int], int]]]:
    """Yield `text` as it is and decoded, each with what maps a place in it to one in `text`."""
    yield text, int
    for signs, encoding in _ENCODINGS.items():
        if not text.isascii() or any(sign in text for sign in signs):
            yield _decoded(text, encoding)


def _decoded(text: str, encoding: re.Pattern[str]) -> tuple[str, Callable[[int], int]]:
    ends, shifts = [0], [0]

    def decode(found: re.Match[str]) -> str:
        character = _character(found)
        shifts.append(shifts[-1] + len(found[0]) - len(character))
        ends.append(found.end() - shifts[-1])
        return character

    decoded = encoding.sub(decode, text).replace("+", " ")
    return decoded, lambda at: at + shifts[bisect_right(ends, at) - 1]


def _character(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "wide":
            return _WIDE
        case "code":
            return chr(int(found["code"], 16))
        case "char":
            return _CONTROLS.get(found["char"], found["char"])
    return ""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and everything it came from, each once: a chain may be circular."""
    seen = set[int]()
    pending = [error]
    while pending:
        cause = pending.pop()
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            pending += [cause.__context__, cause.__cause__]


def mask_causes(error: BaseException, mask: Callable[[str], str]) -> None:
    """Mask what a transport's exception and its causes say and hold.

    Their tracebacks are dropped: the frames hold headers that were sent and bytes that came.
    """
    for cause in causes(error):
        # OSError shows `strerror` instead of its args, UnicodeError its `reason` and `object`.
        for name in ("args", "strerror", "reason", "object", *vars(cause)):
            value = getattr(cause, name, None)
            if (clean := _without(value, mask)) is not value:
                setattr(cause, name, clean)
    # A context that is not suppressed may be an exception that the caller is handling.
    raised: BaseException | None = error
    cleared = set[int]()
    while raised is not None and id(raised) not in cleared:
        cleared.add(id(raised))
        raised.__traceback__ = None
        raised = raised.__cause__ or (raised.__context__ if raised.__suppress_context__ else None)


def _without(value: Any, mask: Callable[[str], str]) -> Any:
    """Return `value` itself if its repr shows no secret, else what is left of it."""
    is_bytes = isinstance(value, bytes)
    text = value.decode("latin-1") if is_bytes else value if isinstance(value, str) else repr(value)
    clean = mask(text)
    if clean == text:
        return value
    if isinstance(value, tuple):
        return tuple.__new__(type(value), [_without(each, mask) for each in value])
    return clean.encode("latin-1") if is_bytes else clean


def hide_locals(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate `function` so that its exceptions carry no local variables.

    rich, `pytest --showlocals` and error trackers print the locals of each frame. Clear those of
    every frame from `function` down, the frames of httpx and of chained exceptions included.
    """

    @wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        handled = sys.exception()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            # The exception that the caller is handling is chained as well: leave its frames alone.
            callers = set(map(id, causes(handled)))
            for each in causes(error):
                if id(each) not in callers:
                    clear_frames(each.__traceback__)
            raise

    return guarded


def keep_out_of_logs(keeper: Keeper) -> None:
    """Mask the secrets of `keeper` in what the transports log, as long as it lives."""
    _keepers[id(keeper)] = keeper
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_mask_record)  # which does nothing the second time


def _mask_record(record: logging.LogRecord) -> bool:
    """Mask the secrets of every keeper alive; a URL whose query holds one loses its query."""
    # A list of references, made at once: other threads add and drop keepers meanwhile.
    keepers = [reference() for reference in _keepers.valuerefs()]
    secrets = {each for keeper in keepers if keeper is not None for each in keeper.secrets()}
    message = record.getMessage()
    if (clean := masked(message, secrets)) != message:
        record.msg, record.args = _MASKED_QUERY.sub("", clean), ()
    return True


_keepers: WeakValueDictionary[int, Keeper] = WeakValueDictionary()
