"""The readings of a window, in whichever nesting they came."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from enphase_streaming_mock.checks.backend import Backend
from enphase_streaming_mock.checks.temporal import Timed
from enphase_streaming_mock.checks.window import Window


class Told(NamedTuple):
    """One event's JSON as the document has it; `nested` if one more `data` was around it.

    `json` is None where the event holds no JSON object.
    """

    arrived: float
    json: dict[str, Any] | None
    nested: bool


def told(window: Window) -> list[Told]:
    """Read every event of a window."""
    return list(_told(window))


def timed(window: Window) -> list[Timed]:
    """The readings with their times, for `temporal`; what is no JSON object is passed over."""
    return [Timed.of(arrived, json) for arrived, json, _ in _told(window) if json is not None]


def clock_faults(window: Window, backend: Backend) -> list[str]:
    """Say what to give where a mock's clock runs faster or slower than was said."""
    stream = timed(window)
    times = [each.measured for each in stream if each.measured is not None]
    if backend.paid or not times:
        return []
    measured, taken = max(times) - min(times), stream[-1].arrived - stream[0].arrived
    if measured / 2 < taken < measured * 2:
        return []
    return [
        f"readings of {measured:.0f} s came in {taken:.1f} s by --clock-speed "
        f"{backend.clock_speed:g}; give the --speed that the mock was started with"
    ]


def _told(window: Window) -> Iterator[Told]:
    for event in window.body.events:
        try:
            json = event.json
        except ValueError:
            json = None
        nested = isinstance(json, dict) and set(json) == {"data"} and isinstance(json["data"], dict)
        if nested and "data" in json["data"]:
            yield Told(event.arrived, json["data"], nested=True)
        else:
            yield Told(event.arrived, json if isinstance(json, dict) else None, nested=False)
