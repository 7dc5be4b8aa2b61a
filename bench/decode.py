"""Bytes in memory → typed readings: CPU time an event, beside what else could be picked.

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

_REPEATS = 15
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
_OURS, _CORE = "ours", "core"
_STOCK = "httpx-sse, json, stock models"
_FLOOR = "split, msgspec"
_GOALS = {_STOCK: 0.25, _FLOOR: 2.0}


def ours(chunks: Sequence[bytes]) -> Iterator[Any]:
    """What a window does with the bytes of its stream."""
    decoder, reader = SSEDecoder(), EventReader()
    for chunk in chunks:
        for event in decoder.feed(chunk):
            yield reader.read(event.data, START)


def core(chunks: Sequence[bytes]) -> Iterator[Any]:
    """All that a watch does for the readings that it hands over."""
    return driven.readings([chunks])


def values(found: Any) -> tuple[object, ...]:
    """Return a few values of a reading, of a model of an event, or of the dict of one."""
    if isinstance(found, dict):
        found = found["data"]
        return found["battery_mode"], int(found["pv_power"]), found["grid_power"]
    found = getattr(found, "data", found)
    return found.battery_mode, int(found.pv_power), found.grid_power


def measure(contenders: dict[str, Decode], chunks: Sequence[bytes]) -> dict[str, list[float]]:
    """Return the CPU time an event of each in µs, all in turn and repeatedly.

    Each of them must first find every event with its values.
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


def section() -> Section:
    """Measure every form of the wire in every size of chunks."""
    models = peers.stock_models()
    rows: list[Row] = []
    for form, wire in _FORMS.items():
        stock = peers.httpx_sse(models, nested=wire.nesting == "outer")
        contenders: dict[str, Decode] = {_OURS: ours, _STOCK: stock}
        if form == "plain":
            contenders |= {
                _FLOOR: peers.floor,
                "openai, json": peers.openai,
                "aiohttp-sse-client2, json": peers.aiohttp_sse(COUNT),
                "sseclient-py, json": peers.sseclient_py,
                _CORE: core,
            }
        events = written(reports(), wire)
        for size, length in _SIZES.items():
            found = measure(contenders, cut(events, length))
            mine, whole = found.pop(_OURS), found.pop(_CORE, None)
            rows += [
                Row(f"{form}, {size}", "µs", mine, beside, theirs, at_most=_GOALS.get(beside))
                for beside, theirs in found.items()
            ]
            if whole is not None:
                rows.append(Row(f"the whole core, {size}", "µs", whole, _FLOOR, found[_FLOOR]))
    for form, wire in _FORMS.items():
        if wire.newline == "\n":
            stock = peers.httpx_sse(models, nested=wire.nesting == "outer")
            drifted = [{**each, "pv_power": str(each["pv_power"])} for each in reports()]
            found = measure({_OURS: ours, _STOCK: stock}, written(drifted, wire))
            what = f"{form}, an event a chunk, one number a string"
            rows.append(Row(what, "µs", found[_OURS], _STOCK, found[_STOCK]))
    beside = list(dict.fromkeys(row.beside for row in rows))
    return Section(
        "Bytes to readings",
        f"CPU time an event, from bytes in memory to a typed reading, over {COUNT} different events"
        f" of the mock's, {_REPEATS} times. Nested is the form with two `data` objects; the whole"
        " core is everything that `watch` does short of I/O. Those that end in `json` give dicts.",
        sorted(rows, key=lambda row: beside.index(row.beside)),
        [
            "The four peers do less. None keeps the text and the arrival of an event, notes what is"
            " not as documented, or checks a type: a stock model takes any text for a power. All"
            " lose the first event after a byte order mark, and all but httpx-sse raise on a byte"
            " that is no UTF-8. httpx-sse and openai also give events without data once an id was"
            " seen, and let an event grow without bound.",
            f"“{_FLOOR}” is the least that could be done: it cuts at blank lines and lets msgspec"
            " decode the rest, for one form of the wire only.",
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
