"""Recordings of the mock's site, written without a client or a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from enphase_streaming.core.exchange import Head
from enphase_streaming.recording.recording import Recording
from enphase_streaming_mock import Scenario
from enphase_streaming_mock.scenarios import find_scenario
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.wire import Wire

START = datetime(2026, 6, 21, tzinfo=UTC)
STREAM = Head(200, "text/event-stream")


def new_recording(path: Path) -> Recording:
    """Return a recording that begins at `START`, which is its second 0."""
    return Recording(
        path,
        overwrite=False,
        started=0.0,
        now=START,
        hidden=lambda: (),
        max_event_bytes=1_048_576,
        key=bytes(32),
    )


def make_site(scenario: str | type[Scenario] = "sunny-day") -> Site:
    return Site(find_scenario(scenario), 1765, "121900000001")


def event(site: Site, second: int) -> bytes:
    """Return the event of a second since `START`."""
    return Wire().event(site.report(second), START + timedelta(seconds=second))


def record_site(
    path: Path,
    seconds: int,
    *,
    scenario: str | type[Scenario] = "sunny-day",
    every: int = 1,
    is_silent: Callable[[int], bool] = lambda second: False,
) -> Path:
    """Write a recording of a site, a reading each `every` seconds; silence drops the connection."""
    site, recording, is_open = make_site(scenario), new_recording(path), False
    for second in range(0, seconds, every):
        if is_silent(second):
            if is_open:
                recording.ended("dropped", second)
            is_open = False
            continue
        if is_open and second % 300 == 0:
            recording.ended("planned", second)
            is_open = False
        if not is_open:
            recording.opened(STREAM, second)
            is_open = True
        recording.received(event(site, second), second)
    recording.ended("planned", seconds)
    recording.close()
    return path
