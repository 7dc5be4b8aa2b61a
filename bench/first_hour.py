"""Calls in the first hour of a site whose every stream breaks after one reading.

`python bench/first_hour.py` prints the number of calls of a `watch`, over a thousand seeds.
"""

from __future__ import annotations

import random
import statistics

from enphase_streaming import StreamDropped
from enphase_streaming.core.plans import STREAM_PRICE
from enphase_streaming.core.recovery import Outcome, Pause, Recovery

_WINDOW = 2.0
"""Seconds from the request to the reading and the drop after it."""


def calls_in_the_first_hour(seed: int) -> int:
    """Return the number of requests within 3600 s; `seed` sets the jitter of the pauses."""
    recovery = Recovery(chance=random.Random(seed).random)
    at, calls = 0.0, 0
    while at < 3600:
        calls += 1
        at += _WINDOW
        outcome = Outcome(StreamDropped("the connection broke"), readings=1)
        decision = recovery.decide(outcome)
        assert isinstance(decision, Pause)
        at += decision.seconds
    return calls


def summary() -> str:
    """Return median and range as one line."""
    calls = [calls_in_the_first_hour(seed) for seed in range(1000)]
    usual = round(statistics.median(calls))
    return (
        f"{usual} calls in the first hour (${usual * STREAM_PRICE}); "
        f"{min(calls)} to {max(calls)} over 1000 seeds"
    )


if __name__ == "__main__":
    print(summary())
