"""When and why a watch waits, as the library's log tells it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from enphase_streaming.cli.exits import sentence
from enphase_streaming.errors import EnphaseStreamingError

_LIBRARY = logging.getLogger("enphase_streaming")


class _Listener(logging.Handler):
    """Keeps the last failure that was logged, and tells of the wait that follows it."""

    def __init__(self, tell: Callable[[str, float], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell
        self._why = ""

    def emit(self, record: logging.LogRecord) -> None:
        # What a line is about is in its arguments: they outlive a change of its words.
        for found in record.args if isinstance(record.args, tuple) else ():
            if isinstance(found, EnphaseStreamingError):
                self._why = sentence(found)
            elif isinstance(found, float):
                self._tell(self._why, found)
                self._why = ""


@contextmanager
def telling_waits(tell: Callable[[str, float], None]) -> Iterator[None]:
    """Call `tell` with the reason and the seconds of each wait, on whichever thread it begins."""
    listener, level = _Listener(tell), _LIBRARY.level
    _LIBRARY.addHandler(listener)
    _LIBRARY.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LIBRARY.removeHandler(listener)
        _LIBRARY.setLevel(level)
