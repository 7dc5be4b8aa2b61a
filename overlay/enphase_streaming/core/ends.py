"""How a stream ended, as its caller is told."""

from __future__ import annotations

from typing import Literal

import msgspec

from enphase_streaming.errors import (
    BudgetExhausted,
    EventTooLarge,
    NotAnEventStream,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)

Reason = Literal[
    "planned",
    "stopped",
    "early",
    "dropped",
    "stalled",
    "error",
    "too_large",
    "not_a_stream",
    "budget",
]

_REASONS: dict[type[Exception], Reason] = {
    StreamEndedEarly: "early",
    StreamDropped: "dropped",
    StreamStalled: "stalled",
    EventTooLarge: "too_large",
    NotAnEventStream: "not_a_stream",
    BudgetExhausted: "budget",
}


class StreamEnd(msgspec.Struct, frozen=True):
    """How a stream ended.

    `elapsed` is in seconds, from sending the request; `readings` counts those that were handed
    over, `malformed` the events that were no JSON object. `reason` is `budget` where a watch
    used up what it was allowed.
    """

    reason: Reason
    elapsed: float
    readings: int
    malformed: int


def reason_of(error: Exception) -> Reason:
    """Return the reason that belongs to the exception of an end."""
    return _REASONS.get(type(error), "error")
