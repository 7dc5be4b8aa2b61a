"""CPU time and memory that a hostile server can cost: linear in the bytes it sends.

`make bench ONLY=hostile` prints the table.
"""

from __future__ import annotations

import gc
import logging
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import driven
from enphase_streaming import EnphaseStreamingError
from enphase_streaming.core.recovery import Recovery
from table import Row, Section

_REPEATS = 3
_SECONDS = 2.0
"""Least duration of the repeats of one attack."""
_LIMIT = 1_048_576
"""The default limit of the size of an event."""
_KIB = 1024


def _pieces(stream: bytes, length: int) -> Iterator[bytes]:
    return (stream[at : at + length] for at in range(0, len(stream), length))


def _event(start: bytes, filling: bytes, end: bytes, size: int) -> bytes:
    """Return an event of up to `size` bytes, not counting its blank line."""
    filled = filling * ((size - len(start) - len(end)) // len(filling))
    return start + filled + end + b"\n\n"


def one_long_text(size: int) -> Iterator[bytes]:
    """Yield a reading with one text that fills the event, in small pieces."""
    return _pieces(_event(b'data:{"data":{"battery_mode":"', b"x", b'"}}', size), 8)


def many_lines(size: int) -> Iterator[bytes]:
    """Yield a reading spread over lines of a few bytes."""
    event = _event(b'data:{"data":{"envoy_serial_number":[\n', b'data:"1",\n', b'data:"1"]}}', size)
    return _pieces(event, 16)


def new_names(size: int) -> Iterator[bytes]:
    """Yield an object of undocumented fields, all different."""
    names = b",".join(b'"%07d":1' % number for number in range((size - 32) // 12))
    return _pieces(b'data:{"data":{%s}}\n\n' % names, 64 * _KIB)


def escaped_quotes(size: int) -> Iterator[bytes]:
    """Yield an unterminated text of escaped quotes."""
    return _pieces(_event(b'data:"', b'\\"', b"", size), 64 * _KIB)


def deep_arrays(size: int) -> Iterator[bytes]:
    """Yield nested arrays."""
    return _pieces(_event(b"data:", b"[", b"", size), 64 * _KIB)


def endless_line(size: int) -> Iterator[bytes]:
    """Yield a line longer than the limit."""
    return _pieces(b"x" * (size + 1), 16)


def comments(size: int) -> Iterator[bytes]:
    """Yield comments, one per chunk."""
    return (b": still here\n" for _ in range(size // 10))


def blank_lines(size: int) -> Iterator[bytes]:
    """Yield blank lines."""
    return _pieces(b"\n" * size, 64 * _KIB)


_ATTACKS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "a text as long as an event may be, 8 bytes a chunk": one_long_text,
    "an event as long as it may be, in lines of 9 bytes": many_lines,
    "an event of names never seen before": new_names,
    "an event of escaped quotes that never ends": escaped_quotes,
    "an event of arrays in arrays": deep_arrays,
    "a line that never ends": endless_line,
    "100,000 comments": comments,
    "1 MiB of blank lines": blank_lines,
}


def suffer(chunks: Iterable[bytes]) -> int:
    """Read one stream to its end or its error, and return the number of readings."""
    count = 0
    with suppress(EnphaseStreamingError):
        for _ in driven.readings([chunks], Recovery(once=True)):
            count += 1
    return count


def seconds(attack: Callable[[int], Iterator[bytes]], size: int) -> float:
    """Return the CPU time of one stream."""
    chunks = attack(size)
    gc.collect()
    gc.disable()  # its full collections come in steps, which hide the growth
    try:
        began = time.thread_time()
        suffer(chunks)
        return time.thread_time() - began
    finally:
        gc.enable()


def peak(attack: Callable[[int], Iterator[bytes]]) -> float:
    """Return the peak of memory of one stream, in MiB, without the stream itself."""
    chunks = attack(_LIMIT)
    tracemalloc.start()
    try:
        suffer(chunks)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def section() -> Section:
    """Measure each attack at its full size and at half of it, and its peak of memory."""
    logging.getLogger("enphase_streaming").setLevel(logging.ERROR)  # a malformed event is logged
    # Check that these are readings, not refused as too large.
    assert [suffer(attack(_LIMIT)) for attack in (one_long_text, many_lines, new_names)] == [1] * 3
    rows: list[Row] = []
    for name, attack in _ATTACKS.items():
        whole, half = list[float](), list[float]()
        began = time.perf_counter()
        while len(whole) < _REPEATS or time.perf_counter() - began < _SECONDS:
            whole.append(seconds(attack, _LIMIT) * 1e3)
            half.append(seconds(attack, _LIMIT // 2) * 1e3)
        rows.append(Row(name, "ms", whole, "half of that", half, at_most=2.5))
    rows += [
        Row(f"memory: {name}", "MiB", [peak(attack)], at_most=32)
        for name, attack in _ATTACKS.items()
    ]
    return Section(
        "A hostile server",
        f"CPU time of the whole core for one stream of 1 MiB, and for half of it, {_REPEATS} times"
        " or more, without garbage collection; the peak of memory, without the stream itself.",
        rows,
    )


if __name__ == "__main__":
    print(section().markdown())
