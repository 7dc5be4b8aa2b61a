"""Keeps secrets out of texts that others write: answers that echo them, log lines of httpx."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol
from weakref import WeakValueDictionary

from enphase_streaming.spelling import pattern

# A filter counts only for the logger that it was added to, not for those below it.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


class Keeper(Protocol):
    """Whatever knows secrets."""

    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no message."""
        ...


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets, however they are spelled in it."""
    # The longest first: one secret may be a part of another.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = re.sub(pattern(secret), "***", text)
    return text


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it came from, each once: such a chain may be a circle."""
    seen = set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def mask_causes(error: BaseException, mask: Callable[[str], str]) -> None:
    """Mask the texts of a transport's exception, which may quote what a server sent."""
    for cause in causes(error):
        texts = tuple(mask(arg) if isinstance(arg, str) else arg for arg in cause.args)
        if texts != cause.args:
            cause.args = texts
        # With a number it says this, and not its args.
        if isinstance(cause, OSError) and isinstance(cause.strerror, str):
            cause.strerror = mask(cause.strerror)


def keep_out_of_logs(keeper: Keeper) -> None:
    """Mask the secrets of `keeper` in what httpx and httpcore log, as long as it lives."""
    _keepers[id(keeper)] = keeper
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_mask)  # which does nothing the second time


class _Mask(logging.Filter):
    """Masks every keeper's secrets; an address that holds one loses its whole query."""

    def filter(self, record: logging.LogRecord) -> bool:
        # A list of references, made at once: other threads add and drop keepers meanwhile.
        keepers = [reference() for reference in _keepers.valuerefs()]
        secrets = [each for keeper in keepers if keeper is not None for each in keeper.secrets()]
        if masked(record.getMessage(), secrets) == record.getMessage():
            return True
        if isinstance(record.args, tuple):
            record.args = tuple(
                # An address of httpx, which only the shells import.
                arg.copy_with(query=None)
                if hasattr(arg, "copy_with") and masked(str(arg), secrets) != str(arg)
                else arg
                for arg in record.args
            )
        record.msg, record.args = masked(record.getMessage(), secrets), ()
        return True


_keepers: WeakValueDictionary[int, Keeper] = WeakValueDictionary()
_mask = _Mask()
