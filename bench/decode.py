"""From bytes in memory to typed readings: CPU time per event, compared with other packages.

`make bench ONLY=decode` prints the table.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import driven
import peers
from enphase_streaming.core.reading import EventReader
from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming_mock.wire import Wire
from events import COUNT, START, cut, reports, written
from peers import Decode
from table import Row, Section

_REPEATS = 30
_FORMS = {
    "plain": Wire(),
    "plain, CRLF": Wire(newline="\r\n"),
    "nested": Wire(nesting="outer"),
    "nested, CRLF": Wire(nesting="outer", newline="\r\n"),
}
_SIZES: dict[str, int | Literal["event"]] = {
    "an event a chunk": "event",
    "4 KiB chunks": 4096,
    "64 KiB chunks": 65_536,
}
_OURS = "ours"
_CORE = "the whole core"
_STOCK = "httpx-sse, json, stock models"
_FLOOR = "split, msgspec"
_GOALS = {_STOCK: 0.18, _FLOOR: 1.5, _CORE: 2.5}
"""For an event a chunk, and LF."""
_DRIFT_GOAL = 0.35


def ours(chunks: Sequence[bytes]) -> Iterator[Any]:
    """Decode a stream as a window does."""
    decoder, reader = SSEDecoder(), EventReader()
    for chunk in chunks:
        for event in decoder.feed(chunk):
            yield reader.read(event.data, START)


def core(chunks: Sequence[bytes]) -> Iterator[Any]:
    """Run the whole core of a watch."""
    return driven.readings([chunks])


def values(found: Any) -> tuple[object, ...]:
    """Return a few values of a reading, of a model of an event, or of a dict of an event."""
    if isinstance(found, dict):
        found = found["data"]
        return found["battery_mode"], int(found["pv_power"]), found["grid_power"]
    found = getattr(found, "data", found)
    return found.battery_mode, int(found.pv_power), found.grid_power


def measure(contenders: dict[str, Decode], chunks: Sequence[bytes]) -> dict[str, list[float]]:
    """Return the CPU time per event of each contender in µs, measured in turn.

    First check that each finds every event with its values.
    """
    expected = [values({"data": report}) for report in reports()]
    for name, decode in contenders.items():
        assert [values(found) for found in decode(chunks)] == expected, name
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(_REPEATS):
        for name, decode in contenders.items():
            began = time.thread_time()
            deque(decode(chunks), maxlen=0)
            found[name].append((time.thread_time() - began) / COUNT * 1e6)
    return found


def rows_of(form: str, stock: Decode, wire: Wire) -> Iterator[Row]:
    """Measure one form of the stream in every size of chunks; the plain one with every peer."""
    contenders: dict[str, Decode] = {_OURS: ours, _STOCK: stock}
    if wire.newline == "\n":
        contenders[_FLOOR] = peers.floor(nested=wire.nesting == "outer")
    if form == "plain":
        contenders |= {
            "openai, json": peers.openai,
            "aiohttp-sse-client2, json": peers.aiohttp_sse(COUNT),
            "sseclient-py, json": peers.sseclient_py,
            _CORE: core,
        }
    events = written(reports(), wire)
    for size, length in _SIZES.items():
        found = measure(contenders, cut(events, length))
        whole, mine = found.pop(_CORE, None), found.pop(_OURS)
        goals = _GOALS if length == "event" and wire.newline == "\n" else {}
        for beside, theirs in found.items():
            goal = goals.get(beside)
            yield Row(f"{form}, {size}", "µs", mine, beside, theirs, at_most=goal)
        if whole is not None:
            goal = goals.get(_CORE)
            yield Row(f"{_CORE}, {size}", "µs", whole, _FLOOR, found[_FLOOR], at_most=goal)


def row_of_drift(form: str, stock: Decode, wire: Wire) -> Row:
    """Measure a stream in which one number of each event is a string."""
    drifted = [{**each, "pv_power": str(each["pv_power"])} for each in reports()]
    found = measure({_OURS: ours, _STOCK: stock}, written(drifted, wire))
    what = f"{form}, an event a chunk, one number a string"
    return Row(what, "µs", found[_OURS], _STOCK, found[_STOCK], at_most=_DRIFT_GOAL)


def section() -> Section:
    """Measure every form of the stream."""
    models = peers.stock_models()
    rows: list[Row] = []
    drift: list[Row] = []
    for form, wire in _FORMS.items():
        stock = peers.httpx_sse(models, nested=wire.nesting == "outer")
        rows += rows_of(form, stock, wire)
        if wire.newline == "\n":
            drift.append(row_of_drift(form, stock, wire))
    rows += drift
    beside = list(dict.fromkeys(row.beside for row in rows))
    return Section(
        "Bytes to readings",
        "CPU time per event, from bytes in memory to a typed reading, over"
        f" {COUNT} different events of the mock, {_REPEATS} times. Nested is the form with two"
        " `data` objects; the whole core is everything that `watch` does except I/O. Rows that end"
        " in `json` return dicts.",
        sorted(rows, key=lambda row: beside.index(row.beside)),
        [
            "The four peers do less. None keeps the text and the arrival of an event, notes "
            "drift, or checks a type: a stock model accepts any text for a power. All lose "
            "the first event after a byte order mark, and all but httpx-sse raise on invalid "
            "UTF-8. httpx-sse and openai also return events without data after an id, and do "
            "not limit the size of an event.",
            f"“{_FLOOR}” is the minimum: it splits at blank lines and lets msgspec decode the rest,"
            " for a stream with LF only. Ours also splits names from values, keeps the text "
            "of an event and stamps the reading, in two functions.",
            "A stream that drifts is parsed into dicts, of which msgspec makes the reading: twice "
            "the work of decoding it at once. The rest is Python: it looks for the fields that "
            "drifted before, converts them, and makes a `Drift` of each.",
            "The whole core misses its goal. Decoding is less than half of it; the rest is spread "
            "evenly over deadlines, the readings' timestamps, repetitions and the loop, as the "
            "profile below shows. `tests/unit/test_cost.py` limits the functions that an event "
            "enters.",
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
