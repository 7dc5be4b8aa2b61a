"""The body of a stream as events, each with the moment at which its last byte arrived."""

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

Chunk = tuple[float, bytes]
"""Bytes, and when they arrived, in seconds after the request."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One server-sent event; `arrived` is in seconds after the request."""

    arrived: float
    data: str

    @property
    def json(self) -> Any:
        """What the data says. Raises ValueError where that is no JSON."""
        return json.loads(self.data)


class Body(NamedTuple):
    """A body taken apart: its events, and what a person may want to know of how it was written.

    `fields` are the names of all fields that appear, "" for a comment, `line_ends` the line ends,
    and `rest` is what comes after the last blank line, and belongs to no event.
    """

    events: list[Event]
    fields: frozenset[str]
    line_ends: frozenset[bytes]
    rest: bytes
    bom: bool


def read_body(chunks: Sequence[Chunk]) -> Body:
    """Take a whole body apart, as the standard on event streams says."""
    body = b"".join(data for _, data in chunks)
    bounds = list(accumulate(len(data) for _, data in chunks))
    bom = body.startswith(_BOM)
    events, fields, line_ends = list[Event](), set[str](), set[bytes]()
    data = list[bytes]()
    start = whole = len(_BOM) if bom else 0
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
                events.append(Event(arrived, b"\n".join(data).decode("utf-8", "replace")))
                data.clear()
        start = end.end()
    return Body(events, frozenset(fields), frozenset(line_ends), body[whole:], bom)
