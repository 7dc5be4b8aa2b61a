"""The event-stream format, rule by rule: section 9.2.5 and 9.2.6 of the WHATWG HTML standard."""

from __future__ import annotations

import time

import pytest

from enphase_streaming import EventTooLarge
from enphase_streaming.core.sse import ServerSentEvent, SSEDecoder


def events(*chunks: bytes, limit: int = 1_048_576) -> list[tuple[str, str, str]]:
    """Return the events of the chunks as (type, data, id)."""
    decoder = SSEDecoder(max_event_bytes=limit)
    found = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [(event.event, event.data, event.id) for event in found]


def texts(*chunks: bytes) -> list[str]:
    return [data for _, data, _ in events(*chunks)]


def one_by_one(stream: bytes) -> list[bytes]:
    return [stream[i : i + 1] for i in range(len(stream))]


# The stream as a whole


def test_an_event_has_type_data_and_id() -> None:
    assert SSEDecoder().feed(b"event: live\nid: 7\ndata: x\n\n") == [
        ServerSentEvent(event="live", data="x", id="7")
    ]


def test_an_empty_stream_has_no_events() -> None:
    assert events(b"", b"") == []


@pytest.mark.parametrize(
    "chunks",
    [
        [b"\xef\xbb\xbfdata:x\n\n"],
        [b"\xef", b"\xbb", b"\xbf", b"data:x\n\n"],
        [b"\xef\xbb", b"", b"\xbfdata:x\n\n"],
        [b"", b"\xef\xbb\xbf", b"data:x\n\n"],
    ],
)
def test_drops_a_byte_order_mark_at_the_start(chunks: list[bytes]) -> None:
    assert texts(*chunks) == ["x"]


def test_drops_one_byte_order_mark_only() -> None:
    # The second is part of the field's name, which is unknown then.
    assert texts(b"\xef\xbb\xbf\xef\xbb\xbfdata:x\n\ndata:y\n\n") == ["y"]


def test_keeps_a_byte_order_mark_after_the_start() -> None:
    assert texts(b"\xef\xbb\xbfdata:\xef\xbb\xbfx\n\n") == ["\ufeffx"]


@pytest.mark.parametrize("start", [b"\xef", b"\xef\xbb", b"\xbb\xbf"])
def test_keeps_half_a_byte_order_mark(start: bytes) -> None:
    assert texts(start, b"data:x\n\n", b"data:y\n\n") == ["y"]


def test_a_byte_order_mark_does_not_count_as_event_bytes() -> None:
    assert events(b"\xef\xbb", b"\xbfx\n", limit=1) == []


# Lines


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_ends_with_lf_cr_or_crlf(end: bytes) -> None:
    stream = end.join([b"data:1", b"data:2", b"", b"data:3", b"", b""])
    assert texts(stream) == ["1\n2", "3"]
    assert texts(*one_by_one(stream)) == ["1\n2", "3"]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data:1\r\ndata:2\n\r\n", ["1\n2"]),
        (b"data:1\rdata:2\r\n\r", ["1\n2"]),
        (b"data:1\n\rdata:2\r\r\n", ["1", "2"]),
        (b"data:1\r\r\ndata:2\n\n", ["1", "2"]),
        (b"data:1\r\n\ndata:2\r\n\r", ["1", "2"]),
    ],
)
def test_line_ends_may_be_mixed(stream: bytes, expected: list[str]) -> None:
    assert texts(stream) == expected
    assert texts(*one_by_one(stream)) == expected


def test_cr_and_lf_in_two_chunks_are_one_line_end() -> None:
    assert texts(b"data:1\r", b"\ndata:2\r", b"", b"\n", b"\r", b"\n") == ["1\n2"]


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_no_other_character_ends_a_line(character: str) -> None:
    assert texts(f"data:a{character}b\n\n".encode()) == [f"a{character}b"]


def test_a_line_that_starts_with_a_colon_is_a_comment() -> None:
    assert texts(b": data:1\n:\n:data:2\ndata:3\n\n") == ["3"]


def test_a_comment_inside_an_event_changes_nothing() -> None:
    assert texts(b"data:1\n:hello\ndata:2\n\n") == ["1\n2"]


# Fields


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"data:x", "x"),
        (b"data: x", "x"),
        (b"data:  x", " x"),
        (b"data:\tx", "\tx"),
        (b"data: x ", "x "),
        (b"data:a:b: c", "a:b: c"),
        (b"data: ", ""),
        (b"data:", ""),
        (b"data", ""),
    ],
)
def test_a_value_follows_the_first_colon_and_loses_one_space(line: bytes, data: str) -> None:
    assert texts(line + b"\n\n") == [data]


@pytest.mark.parametrize("name", [b"Data", b"DATA", b" data", b"data ", b"datas", b"dat", b"x"])
def test_ignores_fields_of_other_names(name: bytes) -> None:
    assert texts(name + b":1\ndata:2\n\n") == ["2"]


def test_joins_data_lines_by_lf() -> None:
    assert texts(b"data:1\ndata\ndata:\ndata: 2\n\n") == ["1\n\n\n2"]


def test_does_not_dispatch_an_event_without_data() -> None:
    assert events(b"event:x\nid:1\n\n\n\n") == []


def test_does_not_dispatch_an_event_without_its_blank_line() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data:1") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data:2\n") == []


def test_a_blank_line_dispatches_once() -> None:
    assert texts(b"data:1\n\n\n\n\r\n\r") == ["1"]


def test_dispatches_an_event_with_its_blank_line() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data:1\n") == []
    assert [event.data for event in decoder.feed(b"\n")] == ["1"]


@pytest.mark.parametrize("stream", [b"data:1\r\r", b"data:1\r\n\r", b"data:1\n\r"])
def test_a_cr_completes_a_blank_line_without_an_lf(stream: bytes) -> None:
    decoder = SSEDecoder()
    assert [event.data for event in decoder.feed(stream)] == ["1"]
    assert decoder.feed(b"\n") == []


def test_the_type_is_message_by_default() -> None:
    stream = (
        b"event:a\ndata:1\n\ndata:2\n\nevent:b\nevent:\ndata:3\n\nevent:b\nevent: c\ndata:4\n\n"
    )
    assert [event for event, _, _ in events(stream)] == ["a", "message", "message", "c"]


def test_forgets_the_type_of_an_event_without_data() -> None:
    assert events(b"event:a\n\ndata:1\n\n") == [("message", "1", "")]


def test_an_id_holds_until_the_next() -> None:
    stream = b"data:1\n\nid:a\ndata:2\n\ndata:3\n\nid: b\ndata:4\n\n"
    assert [id for _, _, id in events(stream)] == ["", "a", "a", "b"]


def test_an_empty_id_resets_it() -> None:
    assert events(b"id:a\ndata:1\n\nid\ndata:2\n\n") == [
        ("message", "1", "a"),
        ("message", "2", ""),
    ]


def test_keeps_the_id_of_an_event_without_data() -> None:
    assert events(b"id:a\n\ndata:1\n\n") == [("message", "1", "a")]


def test_ignores_an_id_with_a_null() -> None:
    assert events(b"id:a\nid:b\0c\ndata:1\n\n") == [("message", "1", "a")]


def test_a_later_id_does_not_change_an_earlier_event() -> None:
    first, second = SSEDecoder().feed(b"id:a\ndata:1\n\nid:b\ndata:2\n\n")
    assert (first.id, second.id) == ("a", "b")


@pytest.mark.parametrize(
    ("value", "retry"),
    [
        (b"0", 0),
        (b"2500", 2500),
        (b"007", 7),
        (b"", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.5", None),
        (b"1e3", None),
        (b"1_0", None),
        (b"  1", None),
        (b"1 ", None),
        ("\u0661".encode(), None),
        ("\u00b2".encode(), None),
    ],
)
def test_retry_is_ascii_digits_only(value: bytes, retry: int | None) -> None:
    decoder = SSEDecoder()
    decoder.feed(b"retry:" + value + b"\n")
    assert decoder.retry == retry


def test_the_last_valid_retry_counts() -> None:
    decoder = SSEDecoder()
    assert decoder.retry is None
    decoder.feed(b"retry: 10\nretry: 20\nretry: soon\n")
    assert decoder.retry == 20


def test_a_retry_of_five_thousand_digits_is_a_long_time() -> None:
    decoder = SSEDecoder()
    decoder.feed(b"retry:" + b"9" * 5000 + b"\n")
    assert decoder.retry is not None
    assert decoder.retry >= 10**12
    decoder.feed(b"retry:" + b"0" * 5000 + b"5\n")
    assert decoder.retry == 5


# Characters


def test_decodes_utf_8_cut_anywhere() -> None:
    stream = "id:ï\nevent:é\ndata:☀€\n\n".encode()
    assert events(*one_by_one(stream)) == [("é", "☀€", "ï")]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"\xff", "\ufffd"),
        (b"\xc3", "\ufffd"),  # the second byte is cut off by the end of the line
        (b"\xe2\x82", "\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd"),
        (b"\xe2\x82x", "\ufffdx"),
        (b"\xc0\xaf", "\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),  # a surrogate
    ],
)
def test_replaces_bytes_that_are_no_utf_8(sent: bytes, read: str) -> None:
    stream = b"data:" + sent + b"\ndata:y\n\n"
    assert texts(stream) == [read + "\ny"]
    assert texts(*one_by_one(stream)) == [read + "\ny"]


def test_replaces_bytes_of_type_and_id_that_are_no_utf_8() -> None:
    assert events(b"event:\xff\nid:\xfe\ndata:x\n\n") == [("\ufffd", "x", "\ufffd")]


def test_keeps_a_null_in_the_data() -> None:
    assert texts(b"data:a\0b\n\n") == ["a\0b"]


# The size of an event: the length of its lines, without their ends


def overflows(*chunks: bytes, limit: int) -> tuple[list[str], bool]:
    decoder = SSEDecoder(max_event_bytes=limit)
    found = [event.data for chunk in chunks for event in decoder.feed(chunk)]
    return found, decoder.overflow is not None


def test_delivers_an_event_exactly_at_the_limit() -> None:
    assert overflows(b"data:12345\n\n", limit=10) == (["12345"], False)
    assert overflows(*one_by_one(b"data:12345\n\n"), limit=10) == (["12345"], False)


def test_the_limit_is_a_mebibyte_by_default() -> None:
    decoder = SSEDecoder()
    assert len(decoder.feed(b"data:" + b"x" * (1_048_576 - 5) + b"\n\n")) == 1
    assert decoder.feed(b"data:" + b"x" * (1_048_576 - 4) + b"\n\n") == []
    assert decoder.overflow is not None


def test_refuses_an_event_one_byte_over_the_limit() -> None:
    assert overflows(b"data:123456\n\n", limit=10) == ([], True)
    assert overflows(b"data:123456", limit=10) == ([], True)


def test_the_lines_of_an_event_count_together() -> None:
    assert overflows(b"data:1\nid:22\n\n", limit=11) == (["1"], False)
    assert overflows(b"data:1\nid:22\n\n", limit=10) == ([], True)
    assert overflows(b"data:1\n", b"dat", b"a:", limit=10) == ([], True)


def test_each_event_has_the_whole_limit() -> None:
    assert overflows(b"data:12345\n\n" * 3, limit=10) == (["12345"] * 3, False)


def test_comments_do_not_count_as_event_bytes() -> None:
    assert overflows(b":123456789\n" * 50 + b"data:12345\n\n", limit=10) == (["12345"], False)


def test_a_comment_that_never_ends_overflows() -> None:
    assert overflows(*[b":" * 9] * 200, limit=1800) == ([], False)
    assert overflows(*[b":" * 9] * 200, limit=1799) == ([], True)


def test_delivers_events_before_an_overflow_and_none_after() -> None:
    stream = b"data:1\n\ndata:2\n\ndata:" + b"x" * 20 + b"\n\ndata:3\n\n"
    assert overflows(stream, limit=10) == (["1", "2"], True)


def test_every_feed_after_an_overflow_raises() -> None:
    decoder = SSEDecoder(max_event_bytes=10)
    assert decoder.feed(b"x" * 11) == []
    for chunk in (b"", b"\n\ndata:1\n\n"):
        with pytest.raises(EventTooLarge, match="10 bytes"):
            decoder.feed(chunk)


@pytest.mark.parametrize("line", [b"data:" + b"x" * 1_048_570, b"data:xxx\n" * 116_508])
def test_a_large_event_in_tiny_chunks_costs_no_more_than_its_bytes(line: bytes) -> None:
    # Copying what has arrived for each chunk would move 137 GB.
    stream = line + b"\n\n"
    decoder = SSEDecoder()
    began = time.perf_counter()
    found = [e for i in range(0, len(stream), 4) for e in decoder.feed(stream[i : i + 4])]
    took = time.perf_counter() - began
    assert [event.data for event in found] == [line.decode().strip().replace("data:", "")]
    assert took < 5
