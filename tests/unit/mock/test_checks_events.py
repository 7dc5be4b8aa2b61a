from hypothesis import given, settings

from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming_mock.checks.events import read_body
from enphase_streaming_mock.strategies import chunkings, frames


@settings(max_examples=10)
@given(chunkings(frames()))
def test_it_reads_what_the_overlay_reads(chunks: list[bytes]) -> None:
    decoder = SSEDecoder()
    wanted = [
        (float(number), event.data)
        for number, chunk in enumerate(chunks)
        for event in decoder.feed(chunk)
    ]
    found = read_body([(float(number), chunk) for number, chunk in enumerate(chunks)])
    assert [data for _, data in wanted] == [event.data for event in found.events]
    # A carriage return may be half of a line end: the one waits for the other half, the other not.
    for (at, _), event in zip(wanted, found.events, strict=True):
        assert at <= event.arrived


def test_an_event_arrives_with_its_blank_line() -> None:
    body = read_body([(1.0, b"data:a\n"), (2.0, b"\ndata"), (3.0, b": b\n\n")])
    assert body.events == [(2.0, "a"), (3.0, "b")]


def test_what_never_became_an_event_is_the_rest() -> None:
    assert read_body([(1.0, b"data:a\n\ndata:{")]).rest == b"data:{"
    assert read_body([(1.0, b"data:a\n\n")]).rest == b""


def test_how_it_is_written_is_told() -> None:
    body = read_body([(1.0, b"\xef\xbb\xbf: hello\r\nretry: 3\nid\ndata: a\n\n")])
    assert body.bom
    assert body.line_ends == {b"\r\n", b"\n"}
    assert body.fields == {"", "retry", "id", "data"}


def test_lines_of_data_are_one_text_and_an_event_without_data_is_none() -> None:
    body = read_body([(1.0, b"event: x\n\ndata: a\ndata:b\n\n: alone\n\n")])
    assert body.events == [(1.0, "a\nb")]
