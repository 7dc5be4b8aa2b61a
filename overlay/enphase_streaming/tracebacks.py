"""Keep secrets out of the local variables that a traceback shows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from traceback import clear_frames
from typing import ParamSpec, TypeVar

from enphase_streaming.secrets import causes

_P = ParamSpec("_P")
_R = TypeVar("_R")


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
            callers = set(map(id, causes(handled))) if handled is not None else set[int]()
            for each in causes(error):
                if id(each) not in callers:
                    clear_frames(each.__traceback__)
            raise

    return guarded
