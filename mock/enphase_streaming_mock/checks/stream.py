"""One stream, read to its end, and its body taken apart into events and readings."""

import json
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple

import httpx

from enphase_streaming_mock.checks.client import TIMEOUT, Answer, Client
from enphase_streaming_mock.checks.document import CONTRACT
from enphase_streaming_mock.checks.temporal import Timed

OVERRUN = 5.0
"""Seconds of real time that a stream may outlast its duration before it is abandoned."""
_MAX_BODY = 16 * 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_NO_OBJECT = ["the data is not a JSON object"]

Chunk = tuple[float, bytes]
"""Bytes, and when they arrived, in seconds after the request."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; `arrived` is when its last byte came.

    `json` is the data in the documented nesting, None if it is not a JSON object; `is_nested` is
    whether one more `data` was around it.
    """

    arrived: float
    data: str
    json: dict[str, Any] | None = None
    is_nested: bool = False

    @classmethod
    def parse(cls, arrived: float, data: str) -> "Event":
        """Read the data of an event in either nesting."""
        try:
            parsed = json.loads(data)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            return cls(arrived, data)
        inner = parsed.get("data")
        is_nested = len(parsed) == 1 and isinstance(inner, dict) and "data" in inner
        return cls(arrived, data, inner if is_nested else parsed, is_nested)


class Body(NamedTuple):
    """The body of a stream: its events, and how they were written.

    `fields` holds the names of all fields, "" for comments. `rest` follows the last blank line and
    belongs to no event.
    """

    events: list[Event]
    fields: frozenset[str]
    line_ends: frozenset[bytes]
    rest: bytes
    has_bom: bool


def read_body(chunks: Sequence[Chunk]) -> Body:
    """Parse a whole body as the standard on server-sent events says."""
    body = b"".join(data for _, data in chunks)
    bounds = list(accumulate(len(data) for _, data in chunks))
    has_bom = body.startswith(_BOM)
    events, fields, line_ends = list[Event](), set[str](), set[bytes]()
    data = list[bytes]()
    start = whole = len(_BOM) if has_bom else 0
    for end in _LINE_END.finditer(body, start):
        name, _, value = body[start : end.start()].partition(b":")
        line_ends.add(end[0])
        if start < end.start():
            fields.add(name.decode("utf-8", "replace"))
            if name == b"data":
                data.append(value.removeprefix(b" "))
        else:
            whole = end.end()
            if data:
                arrived = chunks[bisect_left(bounds, whole)][0]
                events.append(Event.parse(arrived, b"\n".join(data).decode("utf-8", "replace")))
                data.clear()
        start = end.end()
    return Body(events, frozenset(fields), frozenset(line_ends), body[whole:], has_bom)


@dataclass(frozen=True, slots=True)
class Window:
    """One stream as it was received.

    `answered` and `elapsed` are when its response began and when it ended, in seconds of the
    server's clock after the request. `answer.trouble` is why it ended, "" if the server closed it.
    """

    duration: int
    answer: Answer
    body: Body
    answered: float
    elapsed: float

    @property
    def readings(self) -> list[Timed]:
        """The events that hold a reading, with their times."""
        events = [(event.arrived, event.json or {}) for event in self.body.events]
        return [Timed.of(at, json) for at, json in events if isinstance(json.get("data"), dict)]

    def faults(self, rule: Callable[[dict[str, Any]], Sequence[str]]) -> list[str]:
        """Apply a rule to the JSON of each event, and return what it says, event by event."""
        return [
            f"event {number}: {fault}"
            for number, event in enumerate(self.body.events, 1)
            for fault in (_NO_OBJECT if event.json is None else rule(event.json))
        ]


def read_stream(client: Client, duration: int | None) -> Window:
    """Open a stream for `duration` seconds, or the server's default, and read it to its end."""
    speed = client.backend.clock_speed
    headers = {} if duration is None else {CONTRACT.duration_name: str(duration)}
    lasts = CONTRACT.shortest if duration is None else duration
    answer, chunks, size, answered, trouble = Answer(), list[Chunk](), 0, 0.0, ""
    began = time.monotonic()
    try:
        with client.open(headers=headers) as response:
            answered = (time.monotonic() - began) * speed
            answer = Answer.of(response)
            for data in response.iter_raw():
                waited = time.monotonic() - began
                chunks.append((waited * speed, data))
                size += len(data)
                if waited > lasts / speed + OVERRUN:
                    trouble = f"it was still open {OVERRUN:g} s after its duration"
                    break
                if size > _MAX_BODY:
                    trouble = f"more than {_MAX_BODY:,} bytes came"
                    break
    except httpx.ReadTimeout:
        trouble = f"the server sent nothing for {TIMEOUT:g} s"
    except httpx.TransportError as error:
        trouble = f"the connection failed: {type(error).__name__}: {error}"
    elapsed = (time.monotonic() - began) * speed
    body = b"" if answer.status == 200 else b"".join(data for _, data in chunks)
    answer = replace(answer, body=body, trouble=trouble)
    return Window(lasts, answer, read_body(chunks), answered, elapsed)


def clock_faults(window: Window, client: Client) -> list[str]:
    """Name the option to correct if a mock's clock runs at another speed than was given."""
    readings = window.readings
    times = [each.measured for each in readings if each.measured is not None]
    if client.backend.is_remote or not times:
        return []
    measured, taken = max(times) - min(times), readings[-1].arrived - readings[0].arrived
    if measured / 2 < taken < measured * 2:
        return []
    return [
        f"readings of {measured:.0f} s came in {taken:.1f} s by --clock-speed "
        f"{client.backend.clock_speed:g}: give the --speed that the mock was started with"
    ]
