"""The event-stream format of the WHATWG HTML standard, section 9.2, without I/O.

Bytes go in as they arrive, cut anywhere; events come out the moment their blank line is complete.
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import msgspec

from enphase_streaming.errors import EventTooLarge

_BOM = b"\xef\xbb\xbf"
_LF, _CR, _COLON = b"\n\r:"
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
        # What the next bytes may begin with, to be left out: the mark, or the LF that follows a CR.
        self._skip = _BOM
        self._held = b""
        self._partial = bytearray()
        self._size = 0
        self._event = ""
        self._data: list[bytes] = []
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that `chunk` completes. Raises `EventTooLarge`."""
        # In one function: a call for each line would cost more than its parsing.
        if self.overflow is not None:
            raise self.overflow
        if self._skip:
            chunk = self._after_skip(chunk)
        if _CR in chunk:
            lines = chunk.splitlines()
            rest = b""
            if chunk[-1] == _CR:
                self._skip = b"\n"
            elif chunk[-1] != _LF:
                rest = lines.pop()
        else:  # the common case, for which split is faster
            lines = chunk.split(b"\n")
            rest = lines.pop()
        if self._partial and lines:
            lines[0] = bytes(self._partial + lines[0])
            self._partial.clear()
        events: list[ServerSentEvent] = []
        data, size = self._data, self._size
        for line in lines:
            if not line:
                if data:
                    text = b"\n".join(data).decode("utf-8", "replace")
                    events.append(ServerSentEvent(self._event or "message", text, self._id))
                    data.clear()
                self._event = ""
                size = 0
                continue
            size += len(line)
            if size > self._limit:
                self._overflow()
                return events
            value = line.removeprefix(b"data:")
            if value != line:
                data.append(value.removeprefix(b" "))
            elif line[0] == _COLON:  # a comment, which is not part of the event
                size -= len(line)
            else:
                self._read(line)
        self._size = size
        if rest:
            self._partial += rest
            if size + len(self._partial) > self._limit:
                self._overflow()
        return events

    def _after_skip(self, chunk: bytes) -> bytes:
        chunk = self._held + chunk
        if self._skip.startswith(chunk):
            self._held = chunk
            return b""
        chunk = chunk.removeprefix(self._skip)
        self._skip = self._held = b""
        return chunk

    def _read(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":  # without a colon
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit():
            self.retry = _milliseconds(value)

    def _overflow(self) -> None:
        self._partial.clear()
        self._data.clear()
        self.overflow = EventTooLarge(f"An event is larger than {self._limit} bytes.")


def _milliseconds(digits: bytes) -> int:
    # int() refuses thousands of digits, and thirty years is long enough.
    return min(int(digits.lstrip(b"0")[:13] or b"0"), _LONGEST_RETRY)
