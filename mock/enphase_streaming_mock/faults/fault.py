"""A fault as users set it, by name and options, and the queue in which faults wait."""

import math
import threading
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Unpack

from enphase_streaming_mock.faults.options import KINDS, Effect, Endpoint, FaultOptions
from enphase_streaming_mock.validation import check_choice

_E = TypeVar("_E", bound=Effect)

FaultName = Literal[
    "error", "gateway", "json", "html", "endless-error", "slow-head", "hang-up", "overrun", "reset",
    "drop", "close", "incomplete-chunk", "bad-chunk-size", "truncated-event", "silence", "comments",
    "error-event", "token-expiry", "malformed-json", "invalid-utf8", "oversized-event",
]  # fmt: skip


@dataclass(frozen=True, init=False)
class Fault:
    """One fault, such as `Fault("drop", after_events=3)`, which strikes once unless told otherwise.

    `KINDS` has the faults there are, with their options. Raises ValueError if there is no such
    fault, or if it does not take an option or its value.
    """

    name: str
    effect: Effect

    def __init__(
        self,
        /,  # an option may have any name
        name: FaultName,
        **options: Unpack[FaultOptions],
    ) -> None:
        check_choice("fault", name, tuple(KINDS))
        takes, known = KINDS[name].options(), FaultOptions.__annotations__
        given: dict[str, Any] = {
            option: value
            for option, value in options.items()
            if value is not None or option not in known
        }
        for option in given:
            if option not in takes:
                raise ValueError(f"Fault {name!r} takes no {option}; it takes {', '.join(takes)}.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "effect", KINDS[name](**given))


class Faults:
    """The faults that are set, in the order in which they strike. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[tuple[Fault, float]] = []

    def add(self, fault: Fault) -> None:
        """Set a fault behind those that are set already.

        Raises ValueError if one of them strikes always, so that this one never would.
        """
        effect = fault.effect
        with self._lock:
            for other, left in self._queue:
                if left == math.inf and other.effect.on == effect.on:
                    raise ValueError(
                        f"Fault {other.name!r} strikes always, so {fault.name!r} never would: "
                        "clear the faults first."
                    )
            self._queue.append((fault, math.inf if effect.always else effect.requests or 1))

    def clear(self) -> None:
        """Remove every fault that is still to strike."""
        with self._lock:
            self._queue.clear()

    def take(self, kind: type[_E], endpoint: Endpoint = "stream") -> _E | None:
        """Return the next fault of an endpoint if it is of a kind, counted as having struck."""
        with self._lock:
            for index, (fault, left) in enumerate(self._queue):
                if fault.effect.on != endpoint:
                    continue
                if not isinstance(fault.effect, kind):
                    return None  # those set first strike first
                if left > 1:
                    self._queue[index] = (fault, left - 1)
                else:
                    del self._queue[index]
                return fault.effect
        return None
