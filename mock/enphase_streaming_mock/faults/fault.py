"""A fault as users set it, by name and options; what its class is; and the queue of faults."""

import math
import re
import threading
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict, TypeVar, Unpack, dataclass_transform, get_args

from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.gateway.responses import Shape
from enphase_streaming_mock.validation import check_choice, check_fields

FaultName = Literal[
    "reset", "drop", "close", "incomplete-chunk", "bad-chunk-size", "malformed-json",
    "truncated-event", "invalid-utf8", "oversized-event", "silence", "comments", "error-event",
    "token-expiry", "overrun", "error", "gateway", "json", "html", "endless-error", "slow-head",
    "hang-up",
]  # fmt: skip
Endpoint = Literal["stream", "tokens"]
Form = Literal["json", "event-stream", "framed"]
How = Literal["close", "reset"]

_E = TypeVar("_E", bound="Effect")


class FaultOptions(TypedDict, total=False):
    """Every option that some fault takes; None stands for one that is not given."""

    after_events: int | None
    after_bytes: int | None
    size: int | None
    seconds: float | None
    code: int | None
    example: str | None
    form: Form | None
    shape: Shape | None
    how: How | None
    on: Endpoint | None
    requests: int | None
    always: bool


_BOUNDS: dict[str, tuple[float, float]] = {
    "after_events": (0, 1_000_000),
    "after_bytes": (0, 1_000_000_000),
    "size": (1_024, 256 * 1024 * 1024),
    "code": (200, 599),
    "seconds": (0.01, 86_400.0),
    "requests": (1, 1_000_000),
}


@dataclass(frozen=True, kw_only=True)
@dataclass_transform(frozen_default=True, kw_only_default=True)
class Effect:
    """What a fault does: once, for the next `requests`, or `always`.

    Every subclass is a dataclass, whose fields are the options that it takes and whose docstring
    is its summary. `BadChunkSize` is the fault "bad-chunk-size".
    """

    on = "stream"
    requests: int | None = None
    always: bool = False

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        if name in get_args(FaultName):
            KINDS[name] = cls

    def __post_init__(self) -> None:
        check_fields(self, _BOUNDS)
        for one, other in (("always", "requests"), ("after_events", "after_bytes")):
            if getattr(self, one, None) not in (None, False) and getattr(self, other) is not None:
                raise ValueError(f"{one} and {other} contradict each other: pass one of them.")

    @classmethod
    def summary(cls) -> str:
        """Return what happens, in one line."""
        return (cls.__doc__ or "").partition("\n")[0]

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Return every option with its default; None is "not given"."""
        kind: Any = cls  # a dataclass, which mypy does not see here
        (requests, always, *own) = fields(kind)
        return {each.name: each.default for each in (*own, requests, always)}


KINDS: dict[str, type[Effect]] = {}
"""The class of every fault, by its name."""


class DocumentedError(Effect):
    """A fault that sends a documented error: the `example` of a `code`, by default the first."""

    code: int
    example: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("code", self.code, tuple(load_contract().refusals))
        if self.example is not None:
            examples = load_contract().refusals[self.code]
            check_choice(f"example of code {self.code}", self.example, tuple(examples))

    @property
    def refusal(self) -> Refusal:
        """The error."""
        examples = load_contract().refusals[self.code]
        return examples[self.example or next(iter(examples))]


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
        check_choice("fault", name, get_args(FaultName))
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

    @property
    def pending(self) -> list[tuple[Fault, float]]:
        """The faults that are still to strike, and how often: infinity for one that always does."""
        with self._lock:
            return list(self._queue)

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
