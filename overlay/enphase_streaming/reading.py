"""One event's JSON, decoded alone."""

from __future__ import annotations

from datetime import datetime

from enphase_streaming.core.answers import error_from_envelope
from enphase_streaming.core.reading import EventReader, Reading, malformed

__all__ = ["Reading", "decode"]


def decode(data: str, arrived: datetime) -> Reading:
    """Return the reading of one event's JSON text; `arrived` is an aware moment.

    Raises:
        MalformedEvent: if the text is no JSON object, or holds no reading.
        APIStatusError: if it is an error envelope: the exception of its code.
    """
    found = EventReader().read(data, arrived)
    if found is None:
        raise malformed("An event holds no reading", data)
    if isinstance(found, dict):
        raise error_from_envelope(found, data, now=arrived)
    return found
