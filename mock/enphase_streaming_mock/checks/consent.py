"""What a run costs, said before it costs anything; whoever sits at a terminal is asked."""

import sys

import pytest

from enphase_streaming_mock.checks.backend import Backend
from enphase_streaming_mock.plans import PLANS


def price(calls: int) -> str:
    """What so many calls cost at most, on every plan that may stream."""
    each = max(plan.per_stream for plan in PLANS.values())
    return f"${each * calls:.2f}"


def obtain(config: pytest.Config, backend: Backend, calls: int) -> None:
    """Say the price of `calls`, and end the run unless whoever is there agrees."""
    count = "one call" if calls == 1 else f"{calls} calls"
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    try:
        print(f"\n{count} of {backend.base_url}: {price(calls)} at most.", file=sys.stderr)
        if sys.stdin.isatty():
            print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                pytest.exit("nothing was asked, and nothing spent", returncode=0)
    finally:
        if capture is not None:
            capture.resume_global_capture()
