"""What a site costs in its first hour that sends one reading, drops the line, and does so again.

`python bench/first_hour.py` prints the number of calls that `watch` makes, over a thousand seeds.
"""

from __future__ import annotations

import random
import statistics

from enphase_streaming import StreamDropped
from enphase_streaming.core.budget import STREAM_PRICE
from enphase_streaming.core.recovery import Outcome, Pause, Recovery

_WINDOW = 2.0
"""Seconds from the request to the one reading, and to the drop right after it."""


def calls_in_the_first_hour(seed: int) -> int:
    """Return how many requests are sent within 3600 s; `seed` decides the pauses' jitter."""
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
    """Return the spread as one line."""
    calls = [calls_in_the_first_hour(seed) for seed in range(1000)]
    usual = round(statistics.median(calls))
    return (
        f"{usual} calls in the first hour (${usual * STREAM_PRICE}); "
        f"{min(calls)} to {max(calls)} over 1000 seeds"
    )


if __name__ == "__main__":
    print(summary())
