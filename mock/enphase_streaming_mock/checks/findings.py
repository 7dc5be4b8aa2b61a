"""What one stream of the real API shows beyond the document.

No recording of it is public, so what the document leaves open is reported, and fails no check.
"""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.document import EVENT_FIELDS, READING_FIELDS, known_values
from enphase_streaming_mock.checks.stream import Window

_LINE_ENDS = {b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}


def findings(window: Window) -> list[str]:
    """Describe the pace of a stream, how its events are written, and what they contain."""
    return [*_pace(window), *_form(window), *_fields(window), *_violations(window)]


def _pace(window: Window) -> Iterator[str]:
    readings = window.readings
    yield f"{len(readings)} readings in {window.elapsed:.1f} s of {window.duration} s"
    yield f"the response began after {window.answered:.1f} s"
    if readings:
        yield f"the first reading came after {readings[0].arrived:.1f} s"
    waits = [later.arrived - earlier.arrived for earlier, later in pairwise(readings)]
    if waits:
        yield f"{median(waits):.2f} s between readings (median), {max(waits):.2f} s at most"
    if window.answer.trouble:
        yield f"the stream did not end by itself: {window.answer.trouble}"


def _form(window: Window) -> Iterator[str]:
    body = window.body
    nested = sum(event.is_nested for event in body.events)
    yield f"{nested} of {len(body.events)} events have one more `data` around them"
    fields = ", ".join(sorted(name or "comments" for name in body.fields)) or "none"
    ends = ", ".join(sorted(_LINE_ENDS[end] for end in body.line_ends)) or "none"
    bom = "yes" if body.has_bom else "no"
    yield f"fields of the event stream: {fields}; line ends: {ends}; byte order mark: {bom}"


def _fields(window: Window) -> Iterator[str]:
    readings = [each.reading for each in window.readings]
    seen = {name for event in window.body.events for name in event.json or ()}
    seen |= {name for reading in readings for name in reading}
    if strange := sorted(seen - EVENT_FIELDS - READING_FIELDS):
        yield f"fields that are not in the document: {', '.join(map(repr, strange))}"
    if absent := sorted((EVENT_FIELDS | READING_FIELDS) - seen):
        yield f"fields that never came: {', '.join(absent)}"
    for name in sorted(filter(known_values, READING_FIELDS)):
        values = {str(reading[name]) for reading in readings if name in reading}
        if unknown := sorted(values.difference(known_values(name))):
            yield f"values of {name} that were not published: {', '.join(map(repr, unknown))}"


def _violations(window: Window) -> Iterator[str]:
    rules = (
        temporal.order_faults,
        temporal.cadence_faults,
        temporal.balance_faults,
        temporal.charge_faults,
        temporal.island_faults,
    )
    for rule in rules:
        if faults := rule(window.readings):
            more = f" ({len(faults)} such cases)" if len(faults) > 1 else ""
            yield faults[0] + more
