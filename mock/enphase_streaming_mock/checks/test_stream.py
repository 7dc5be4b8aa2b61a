"""One stream from request to end, as far as the document describes it.

On the real API, one call pays for all of these checks.
"""

from typing import Any

import pytest

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.client import Client
from enphase_streaming_mock.checks.conformance import (
    expect_status,
    expect_stream,
    fail_on,
    timestamp_faults,
)
from enphase_streaming_mock.checks.document import CONTRACT
from enphase_streaming_mock.checks.stream import Window, clock_faults

pytestmark: pytest.MarkDecorator = pytest.mark.on_one_stream

# A stream may end slightly early, and a busy machine may notice the end late.
EARLY, LATE = 2.0, 3.0


def test_stream_opens(any_window: Window) -> None:
    expect_status(any_window.answer, 200)


def test_media_type_is_event_stream(window: Window) -> None:
    expect_stream(window.answer)


def test_body_has_no_fixed_length(window: Window) -> None:
    is_fixed = "content-length" in window.answer.headers
    fail_on(["the response has a Content-Length: it is sent as a whole"] if is_fixed else [])


def test_stream_has_events(window: Window) -> None:
    fail_on([] if window.body.events else ["the stream ended without an event"])


def test_events_match_the_schema(window: Window) -> None:
    fail_on(window.faults(CONTRACT.event_faults))


def test_events_are_readings(window: Window) -> None:
    def faults(event: dict[str, Any]) -> list[str]:
        if event.get("type") == "response" and isinstance(event.get("data"), dict):
            return []
        return [f"not a reading: type is {event.get('type')!r}, fields are {sorted(event)}"]

    fail_on(window.faults(faults))


def test_readings_are_of_the_requested_system(window: Window, client: Client) -> None:
    requested = client.backend.system_id
    found = {each.reading.get("system_id", requested) for each in window.readings}
    others = found - {requested}
    fail_on([f"there are readings of {others}, requested was {requested}"] if others else [])


def test_timestamps_of_an_event_agree(window: Window) -> None:
    fail_on(window.faults(timestamp_faults))


def test_no_event_is_truncated(window: Window) -> None:
    rest = len(window.body.rest)
    fail_on([f"the stream ends within an event, {rest} bytes of which came"] if rest else [])


def test_stream_is_closed_by_the_server(window: Window) -> None:
    trouble = window.answer.trouble
    fail_on([f"the stream did not end by itself: {trouble}"] if trouble else [])


def test_stream_ends_after_its_duration(window: Window, client: Client) -> None:
    late = LATE * client.backend.clock_speed
    faults = temporal.end_faults(window.elapsed, window.duration, EARLY, late)
    fail_on(faults and [*faults, *clock_faults(window, client)])
