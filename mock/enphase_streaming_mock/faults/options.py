"""The options that faults take, and their rules."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypedDict, dataclass_transform

from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.gateway.responses import Shape
from enphase_streaming_mock.validation import check_choice, check_fields

Endpoint = Literal["stream", "tokens"]
Form = Literal["json", "event-stream", "framed"]
How = Literal["close", "reset"]


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
    is its summary. One with a `name` is a fault.
    """

    name: ClassVar[str]
    on = "stream"
    requests: int | None = None
    always: bool = False

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        if "name" in vars(cls):
            KINDS[cls.name] = cls

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
