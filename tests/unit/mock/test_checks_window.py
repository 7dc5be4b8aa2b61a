from collections.abc import Iterator

import httpx
import pytest

from enphase_streaming_mock import Mock
from enphase_streaming_mock.checks import window as module
from enphase_streaming_mock.checks.backend import choose
from enphase_streaming_mock.checks.door import Door
from enphase_streaming_mock.checks.window import Window
from enphase_streaming_mock.contract import load_contract

EVENT = b"data:{}\n\n"


def read(transport: httpx.BaseTransport) -> Window:
    window = Window(45, 1765)
    window.read(Door(choose({}), load_contract(), transport), 45)
    return window


def stream(*pieces: bytes | BaseException) -> httpx.MockTransport:
    """A stream that sends pieces, or ends as an exception says."""

    def body() -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    headers = {"content-type": "Text/Event-Stream; charset=utf-8"}
    return httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=body()))


def test_a_whole_stream_is_read_to_its_end() -> None:
    window = read(Mock().transport())
    assert (window.status, window.end, window.trouble) == (200, "closed", "")
    assert len(window.body.events) == 45


def test_its_media_type_is_taken_as_http_writes_it() -> None:
    window = read(stream(EVENT))
    assert window.is_stream
    assert window.content_type == "Text/Event-Stream; charset=utf-8"


@pytest.mark.parametrize(
    ("failure", "end"),
    [
        (httpx.RemoteProtocolError("incomplete"), "broken"),
        (httpx.ReadError("reset"), "broken"),
        (httpx.ReadTimeout("nothing"), "silent"),
    ],
)
def test_another_end_is_told_and_what_came_is_kept(failure: Exception, end: str) -> None:
    window = read(stream(EVENT, failure))
    assert (window.end, [data for _, data in window.chunks]) == (end, [EVENT])
    assert window.trouble


def test_what_came_before_ctrl_c_is_kept() -> None:
    window = Window(45, 1765)
    door = Door(choose({}), load_contract(), stream(EVENT, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        window.read(door, 45)
    assert (window.end, [data for _, data in window.chunks]) == ("stopped", [EVENT])


def test_no_answer_has_no_status() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    window = read(httpx.MockTransport(refuse))
    assert (window.status, window.end) == (0, "broken")
    assert window.trouble == "ConnectError: refused"


def test_a_stream_that_is_late_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE", -45.0)
    window = read(stream(EVENT, EVENT))
    assert (window.end, len(window.chunks)) == ("open", 1)


def test_a_stream_without_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 2 * len(EVENT))
    window = read(stream(*[EVENT] * 9))
    assert (window.end, len(window.chunks)) == ("open", 3)
