"""What one stream of the real API shows, in plain words.

Nobody has published a recording of it, so what the document leaves open is worth telling: it is no
fault, and fails no test.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.readings import Told, timed, told
from enphase_streaming_mock.checks.temporal import Stream
from enphase_streaming_mock.checks.window import Window
from enphase_streaming_mock.contract import Contract

_LINE_ENDS = {b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}
_OPEN_SETS = {"battery_mode": "KnownBatteryMode", "grid_status": "KnownGridStatus"}


def findings(window: Window, contract: Contract) -> list[str]:
    """Tell what was seen of the pace, of how events are written, and of what is in them."""
    events, stream = told(window), timed(window)
    return [
        *_pace(window, stream),
        *_form(window, events),
        *_fields(events, contract),
        *_rules(stream),
    ]


def _pace(window: Window, stream: Stream) -> Iterator[str]:
    yield f"{len(stream)} readings in {window.elapsed:.1f} s of {window.duration} s"
    yield f"the answer's head came after {window.answered:.1f} s"
    if stream:
        yield f"the first reading came after {stream[0].arrived:.1f} s"
    waits = [later.arrived - earlier.arrived for earlier, later in pairwise(stream)]
    if waits:
        yield f"{median(waits):.2f} s between readings (median), {max(waits):.2f} s at most"
    if window.end == "open":
        yield "the stream went on past its duration, and was hung up on"
    if window.trouble:
        yield f"the stream did not end by itself: {window.trouble}"


def _form(window: Window, events: Sequence[Told]) -> Iterator[str]:
    body = window.body
    nested = sum(each.nested for each in events)
    yield f"{nested} of {len(events)} events have one more `data` around them"
    fields = ", ".join(sorted(name or "comments" for name in body.fields)) or "none"
    ends = ", ".join(sorted(_LINE_ENDS[end] for end in body.line_ends)) or "none"
    yield f"fields of the event stream: {fields}; line ends: {ends}; byte order mark: {body.bom}"


def _fields(events: Sequence[Told], contract: Contract) -> Iterator[str]:
    readings = [each.json["data"] for each in events if each.json and _is_reading(each.json)]
    known = contract.fields("LiveStatus") | contract.fields("StreamSystemLiveDataResponse")
    seen = {name for each in events for name in each.json or ()}
    seen |= {name for reading in readings for name in reading}
    if strange := sorted(seen - known):
        yield f"fields that are not in the document: {', '.join(map(repr, strange))}"
    if absent := sorted(known - seen):
        yield f"fields that never came: {', '.join(absent)}"
    for name, schema in _OPEN_SETS.items():
        values = {str(reading[name]) for reading in readings if name in reading}
        if unknown := sorted(value for value in values if contract.faults(schema, value)):
            yield f"values of {name} that were not published: {', '.join(map(repr, unknown))}"


def _rules(stream: Stream) -> Iterator[str]:
    for faults in (
        temporal.order_faults(stream),
        temporal.cadence_faults(stream),
        temporal.balance_faults(stream),
        temporal.charge_faults(stream),
        temporal.island_faults(stream),
    ):
        if faults:
            more = f" ({len(faults)} times so)" if len(faults) > 1 else ""
            yield faults[0] + more


def _is_reading(json: dict[str, object]) -> bool:
    return isinstance(json.get("data"), dict)
