from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given, settings

from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming_mock import Mock
from enphase_streaming_mock.checks import stream as module
from enphase_streaming_mock.checks.backend import choose_backend
from enphase_streaming_mock.checks.client import Client
from enphase_streaming_mock.checks.stream import Event, Window, read_body, read_stream
from enphase_streaming_mock.strategies import chunkings, frames

EVENT = b"data:{}\n\n"


@settings(max_examples=10)
@given(chunkings(frames()))
def test_parser_reads_what_the_overlay_reads(chunks: list[bytes]) -> None:
    decoder = SSEDecoder()
    expected = [
        (float(number), event.data)
        for number, chunk in enumerate(chunks)
        for event in decoder.feed(chunk)
    ]
    found = read_body([(float(number), chunk) for number, chunk in enumerate(chunks)]).events
    assert [data for _, data in expected] == [event.data for event in found]
    # A carriage return may be half of a line end: only this parser waits for the other half.
    for (at, _), event in zip(expected, found, strict=True):
        assert at <= event.arrived


def test_event_arrives_with_its_blank_line() -> None:
    body = read_body([(1.0, b"data:a\n"), (2.0, b"\ndata"), (3.0, b": b\n\n")])
    assert body.events == [Event(2.0, "a"), Event(3.0, "b")]


@pytest.mark.parametrize(("end", "rest"), [(b"data:{", b"data:{"), (b"", b"")])
def test_bytes_after_the_last_blank_line_are_the_rest(end: bytes, rest: bytes) -> None:
    assert read_body([(1.0, b"data:a\n\n" + end)]).rest == rest


def test_form_of_the_body_is_noted() -> None:
    body = read_body([(1.0, b"\xef\xbb\xbf: hello\r\nretry: 3\nid\ndata: a\n\n")])
    assert body.has_bom
    assert body.line_ends == {b"\r\n", b"\n"}
    assert body.fields == {"", "retry", "id", "data"}


def test_data_lines_are_joined_and_an_event_without_data_is_dropped() -> None:
    body = read_body([(1.0, b"event: x\n\ndata: a\ndata:b\n\n: alone\n\n")])
    assert body.events == [Event(1.0, "a\nb")]


@pytest.mark.parametrize(
    ("data", "json", "is_nested"),
    [
        ('{"data": {"pv_power": 1}}', {"data": {"pv_power": 1}}, False),
        ('{"data": {"data": {"pv_power": 1}}}', {"data": {"pv_power": 1}}, True),
        ('{"data": {"data": {}}, "type": "x"}', {"data": {"data": {}}, "type": "x"}, False),
        ("[1]", None, False),
        ("{", None, False),
        ("[" * 100_000, None, False),
    ],
)
def test_event_is_read_in_either_nesting(data: str, json: object, is_nested: bool) -> None:
    event = Event.parse(1.0, data)
    assert (event.json, event.is_nested) == (json, is_nested)


def read(transport: httpx.BaseTransport) -> Window:
    return read_stream(Client(choose_backend({}), transport), 45)


def stream(*pieces: bytes | BaseException) -> httpx.MockTransport:
    """A stream of these pieces; an exception ends it."""

    def body() -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    headers = {"content-type": "Text/Event-Stream; charset=utf-8"}
    return httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=body()))


def test_whole_stream_is_read_to_its_end() -> None:
    window = read(Mock().transport())
    assert (window.answer.status, window.answer.trouble) == (200, "")
    assert len(window.body.events) == len(window.readings) == 45


def test_media_type_is_compared_in_lower_case_without_parameters() -> None:
    assert read(stream(EVENT)).answer.media_type == "text/event-stream"


@pytest.mark.parametrize(
    ("failure", "trouble"),
    [
        (httpx.RemoteProtocolError("incomplete"), "the connection failed: RemoteProtocolError: "),
        (httpx.ReadError("reset"), "the connection failed: ReadError: reset"),
        (httpx.ReadTimeout("nothing"), "the server sent nothing for 20 s"),
    ],
)
def test_events_before_a_failure_are_kept(failure: Exception, trouble: str) -> None:
    window = read(stream(EVENT, failure))
    assert len(window.body.events) == 1
    assert window.answer.trouble.startswith(trouble)


def test_request_without_an_answer_has_no_status() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    window = read(httpx.MockTransport(refuse))
    assert window.answer.status == 0
    assert window.answer.trouble == "the connection failed: ConnectError: refused"


def test_stream_that_outlasts_its_duration_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OVERRUN", -45.0)
    window = read(stream(EVENT, EVENT))
    assert len(window.body.events) == 1
    assert "still open" in window.answer.trouble


def test_stream_without_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_BODY", 2 * len(EVENT))
    window = read(stream(*[EVENT] * 9))
    assert len(window.body.events) == 3
    assert window.answer.trouble == "more than 18 bytes came"


def test_fault_names_its_event() -> None:
    window = read(stream(b'data:{"type": "a"}\n\ndata:{\n\n'))
    assert window.faults(lambda event: [f"{event['type']} is wrong"]) == [
        "event 1: a is wrong",
        "event 2: the data is not a JSON object",
    ]
