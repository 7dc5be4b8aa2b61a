"""One stream, from its request to its end, as far as the document describes it.

On the real API these are the checks that one call pays for.
"""

import pytest

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.door import Door
from enphase_streaming_mock.checks.envelope import moment_faults, stream_faults
from enphase_streaming_mock.checks.plainly import none_of
from enphase_streaming_mock.checks.readings import clock_faults, timed, told
from enphase_streaming_mock.checks.window import Window

pytestmark = pytest.mark.on_one_stream

# A stream may end a little before its time, and a busy machine may notice late.
EARLY, LATE = 2.0, 3.0


def test_a_stream_opens(opened: Window) -> None:
    if opened.status != 200:
        none_of([f"the status is {opened.status} {opened.trouble}", repr(opened.answer.body[:500])])


def test_the_media_type_is_that_of_an_event_stream(window: Window) -> None:
    none_of(stream_faults(window.answer))


def test_the_body_is_sent_bit_by_bit(window: Window) -> None:
    none_of(["the answer has a Content-Length, so it is sent whole"] if window.has_length else [])


def test_there_are_events(window: Window) -> None:
    none_of([] if told(window) else ["the stream held no event"])


def test_every_event_conforms_to_the_document(window: Window, door: Door) -> None:
    none_of(
        [
            f"event {number}: {fault}"
            for number, (_, event, _) in enumerate(told(window), 1)
            for fault in door.contract.event_faults(event)
        ]
    )


def test_every_event_is_a_reading(window: Window) -> None:
    none_of(
        [
            f"event {number} is no reading of type `response`: {event}"
            for number, (_, event, _) in enumerate(told(window), 1)
            if not (
                event and isinstance(event.get("data"), dict) and event.get("type") == "response"
            )
        ]
    )


def test_every_reading_is_of_the_site_that_was_asked_for(window: Window) -> None:
    sites = {each.reading.get("system_id", window.site) for each in timed(window)}
    others = sites - {window.site}
    none_of([f"readings are of {others}, and not of {window.site}"] if others else [])


def test_both_timestamps_of_an_event_name_the_same_moment(window: Window) -> None:
    none_of([fault for _, event, _ in told(window) for fault in moment_faults(event)])


def test_no_event_is_cut_off(window: Window) -> None:
    rest = window.body.rest
    none_of([f"the stream ends within an event: {rest[-200:]!r}"] if rest else [])


def test_the_stream_ends_by_itself(window: Window) -> None:
    ended = f"the stream did not end by itself: {window.end}. {window.trouble}"
    none_of([] if (window.end, window.trouble) == ("closed", "") else [ended.strip()])


def test_the_stream_ends_when_its_duration_is_over(window: Window, door: Door) -> None:
    late = LATE * door.backend.clock_speed
    faults = temporal.end_faults(window.elapsed, window.duration, EARLY, late)
    none_of(faults and [*faults, *clock_faults(window, door.backend)])
