"""The event-stream decoder compared with the text of the standard, and with httpx-sse."""

from __future__ import annotations

import re

from httpx_sse import _decoders as httpx_sse
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enphase_streaming.core.sse import SSEDecoder

Event = tuple[str, str, str]

# Pieces that mean something in a stream, in any order.
pieces = st.sampled_from(
    [
        b"data",
        b"event",
        b"id",
        b"retry",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"1",
        b"x",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xe2\x82\xac",
        b"\xe2\x82",
        b"\xff",
        b"\xc3",
        b"data:y\n\n",
        b"\xe2",
    ]
)
streams = st.one_of(
    st.lists(pieces, max_size=40).map(b"".join),
    st.tuples(st.just(b"\xef\xbb\xbf"), st.binary(max_size=20)).map(b"".join),
    st.binary(max_size=60),
)


@st.composite
def cut(draw: st.DrawFn, streams: st.SearchStrategy[bytes] = streams) -> list[bytes]:
    """Draw a stream in chunks, some of them empty."""
    stream = draw(streams)
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=len(stream) + 2).map(sorted))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def decode(chunks: list[bytes], limit: int = 1_048_576) -> tuple[list[Event], int | None, bool]:
    decoder = SSEDecoder(max_event_bytes=limit)
    events: list[Event] = []
    for chunk in chunks:
        events += [(event.event, event.data, event.id) for event in decoder.feed(chunk)]
        if decoder.overflow:
            break
    return events, decoder.retry, decoder.overflow is not None


def decode_as_the_standard_says(stream: bytes) -> tuple[list[Event], int | None]:
    """Decode a whole stream, sentence by sentence of the standard."""
    # "Streams must be decoded using the UTF-8 decode algorithm", which "strips one leading BOM".
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    # "The stream must then be parsed by reading everything line by line, with a CRLF pair, a
    # single LF not preceded by CR, and a single CR not followed by LF being the ways in which a
    # line can end." What follows the last line end is no line.
    *lines, _ = re.split("\r\n|\n|\r", text)
    events: list[Event] = []
    data = event_type = last_event_id = ""
    retry = None
    for line in lines:
        # "If the line is empty (a blank line): Dispatch the event"
        if line == "":
            # "If the data buffer is an empty string, set the data buffer and the event type
            # buffer to the empty string and return."
            if data == "":
                event_type = ""
                continue
            # "If the data buffer's last character is a U+000A LINE FEED (LF) character, then
            # remove the last character from the data buffer."
            if data[-1] == "\n":
                data = data[:-1]
            events.append((event_type if event_type != "" else "message", data, last_event_id))
            data = event_type = ""
            continue
        # "If the line starts with a U+003A COLON character (:): Ignore the line."
        if line[0] == ":":
            continue
        # "If the line contains a U+003A COLON character (:)", "collect the characters before the
        # first": the field; "after the first": the value. "If value starts with a U+0020 SPACE
        # character, remove it from value." Otherwise the whole line is the field, the value empty.
        if ":" in line:
            field, value = line.split(":", 1)
            if value.startswith(" "):
                value = value[1:]
        else:
            field, value = line, ""
        if field == "event":
            event_type = value
        elif field == "data":
            data += value + "\n"
        elif field == "id":
            if "\0" not in value:
                last_event_id = value
        # "consists of only ASCII digits": of none is no number.
        elif field == "retry" and re.fullmatch("[0-9]+", value):
            retry = int(value)
    # "Once the end of the file is reached, any pending data must be discarded."
    return events, retry


@given(cut())
@settings(max_examples=400)
@example([b"\xef", b"\xbb", b"\xbf", b"data:x\r", b"\n\r", b"\n"])
def test_any_bytes_decode_as_the_standard_says(chunks: list[bytes]) -> None:
    events, retry, overflow = decode(chunks)
    assert (events, retry) == decode_as_the_standard_says(b"".join(chunks))
    assert not overflow


@given(cut(), st.integers(1, 30))
@settings(max_examples=300)
@example([b"\xef\xbb", b"\xbf"], 1)
def test_any_chunking_decodes_as_one_chunk_does(chunks: list[bytes], limit: int) -> None:
    assert decode(chunks, limit) == decode([b"".join(chunks)], limit)


@given(cut(), st.integers(1, 30))
def test_a_limit_leaves_out_events_at_the_end_only(chunks: list[bytes], limit: int) -> None:
    events, _, overflow = decode(chunks, limit)
    whole, _, _ = decode(chunks)
    assert events == whole[: len(events)]
    assert overflow or events == whole


@given(cut(), st.integers(1, 30))
def test_no_event_is_larger_than_the_limit(chunks: list[bytes], limit: int) -> None:
    # A replacement character is three bytes that stand for one.
    for _, data, _ in decode(chunks, limit)[0]:
        assert len(data.replace("\n", "").replace("\ufffd", "?").encode()) <= limit


# Streams on which httpx-sse follows the standard. Left out: a byte order mark (it keeps it), bytes
# that are no UTF-8 (httpx decodes before it), an event without data (it dispatches one once any
# field is set), a retry that Python's int() accepts and the standard does not (signs, spaces,
# underscores), and an event at a CR (it waits for the byte after it, so each stream here ends with
# an LF, and a lone CR is followed by a field).
values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), max_size=8)
digits = st.integers(0, 10**12).map(str)
spaces = st.sampled_from(["", " ", "  "])
fields = st.one_of(
    st.tuples(st.sampled_from(["data", "event", "id", "x", ""]), spaces, values),
    st.tuples(st.just("retry"), st.sampled_from(["", " "]), digits),
).map(lambda field: f"{field[0]}:{field[1]}{field[2]}")


@st.composite
def well_formed(draw: st.DrawFn) -> bytes:
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    frames = draw(st.lists(st.lists(fields, max_size=5), max_size=5))
    lines = [line for frame in frames for line in (*frame, f"data:{len(frame)}", "")]
    return (end.join(lines) + end).encode() + b":\n"


@given(cut(well_formed()))
def test_agrees_with_httpx_sse_where_that_follows_the_standard(chunks: list[bytes]) -> None:
    text = b"".join(chunks).decode()
    lines, decoder = httpx_sse.SSELineDecoder(), httpx_sse.SSEDecoder()
    theirs = [event for line in lines.decode(text) if (event := decoder.decode(line))]
    events, retry, _ = decode(chunks)
    assert events == [(event.event, event.data, event.id) for event in theirs]
    retries = [event.retry for event in theirs if event.retry is not None]
    assert retry == (retries[-1] if retries else None)
