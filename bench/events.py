"""The events of the benchmarks: those of the mock's site, in windows of 300 seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from enphase_streaming_mock.scenarios import find_scenario
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.wire import Wire

COUNT = 300
"""The events of one window, one a second."""
START = datetime(2026, 6, 21, 12, tzinfo=UTC)

_SITE = Site(find_scenario("sunny-day"), 1765, "121900000001")


def reports(window: int = 0) -> list[dict[str, object]]:
    """Return the readings of a window, counted from 0; each window is different."""
    return [_SITE.report(window * COUNT + second) for second in range(COUNT)]


def written(reports: Sequence[dict[str, Any]], wire: Wire, window: int = 0) -> list[bytes]:
    """Return the event of every report."""
    start = START + timedelta(seconds=window * COUNT)
    return [
        wire.event(report, start + timedelta(seconds=second))
        for second, report in enumerate(reports)
    ]


def cut(events: Sequence[bytes], size: int | Literal["event"]) -> list[bytes]:
    """Return the chunks of a stream: an event each, or `size` bytes."""
    if size == "event":
        return list(events)
    stream = b"".join(events)
    return [stream[at : at + size] for at in range(0, len(stream), size)]
