"""The event-stream format of the WHATWG HTML standard, section 9.2, without I/O.

Bytes go in as they arrive, cut anywhere; events come out the moment their blank line is complete.
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import msgspec

from enphase_streaming.errors import EventTooLarge

_BOM = b"\xef\xbb\xbf"
_LF = 0x0A
_LONGEST_RETRY = 10**12


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One event.

    `event` is its type, `message` where the stream named none; `data` its text, the lines joined
    by LF; `id` the last event id that the stream had set when the event was dispatched.
    """

    event: str
    data: str
    id: str


class SSEDecoder:
    """Turns the bytes of one event stream into events.

    An event, or a line, may hold `max_event_bytes` bytes at most. An event that outgrows this ends
    the decoder: `overflow` is set, the events before it are still returned, and the next `feed`
    raises. An event that the end of the stream cut off is never returned.
    """

    def __init__(self, *, max_event_bytes: int = 1_048_576) -> None:
        self.retry: int | None = None
        """The last `retry` of the stream, in milliseconds; None if there was none."""
        self.overflow: EventTooLarge | None = None
        self._limit = max_event_bytes
        self._partial = bytearray()
        self._at_start = True
        self._skip_lf = False
        self._size = 0
        self._event = b""
        self._data: list[bytes] = []
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that `chunk` completes. Raises `EventTooLarge`."""
        if self.overflow is not None:
            raise self.overflow
        if self._skip_lf and chunk:
            # The CR that ended the last chunk was a whole line end; an LF now belongs to it.
            self._skip_lf = False
            if chunk[0] == _LF:
                chunk = chunk[1:]
        if self._at_start:
            chunk = self._without_bom(chunk)
            if self._at_start:
                return []
        if not (b"\n" in chunk or b"\r" in chunk):
            self._partial += chunk
            if self._size + len(self._partial) > self._limit:
                self._overflow()
            return []
        if self._partial:
            chunk = bytes(self._partial + chunk)
            self._partial.clear()
        lines = chunk.splitlines()
        if chunk[-1] == 0x0D:
            self._skip_lf = True
        elif chunk[-1] != _LF:
            self._partial += lines.pop()
        return self._read(lines)

    def _without_bom(self, chunk: bytes) -> bytes:
        chunk = bytes(self._partial) + chunk
        self._partial.clear()
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._partial += chunk
            return b""
        self._at_start = False
        return chunk.removeprefix(_BOM)

    def _read(self, lines: list[bytes]) -> list[ServerSentEvent]:
        events: list[ServerSentEvent] = []
        for line in lines:
            if not line:
                if self._data:
                    events.append(
                        ServerSentEvent(
                            self._event.decode("utf-8", "replace") or "message",
                            b"\n".join(self._data).decode("utf-8", "replace"),
                            self._id,
                        )
                    )
                    self._data = []
                self._event = b""
                self._size = 0
                continue
            if self._size + len(line) > self._limit:
                self._overflow()
                return events
            name, _, value = line.partition(b":")
            if not name:
                continue
            self._size += len(line)
            if value[:1] == b" ":
                value = value[1:]
            if name == b"data":
                self._data.append(value)
            elif name == b"event":
                self._event = value
            elif name == b"id":
                if b"\0" not in value:
                    self._id = value.decode("utf-8", "replace")
            elif name == b"retry" and value.isdigit():
                self.retry = _milliseconds(value)
        if self._size + len(self._partial) > self._limit:
            self._overflow()
        return events

    def _overflow(self) -> None:
        self._partial.clear()
        self._data.clear()
        self.overflow = EventTooLarge(f"An event is larger than {self._limit} bytes.")


def _milliseconds(digits: bytes) -> int:
    # int() refuses thousands of digits; nobody waits thirty years either.
    digits = digits.lstrip(b"0") or b"0"
    return min(int(digits[:13]), _LONGEST_RETRY) if len(digits) <= 13 else _LONGEST_RETRY
