"""How an answer that is no event stream is read, and what is said of it and of no answer."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from enphase_streaming import (
    EnphaseStreamingError,
    NotAnEventStream,
    RateLimitError,
    ServiceUnavailableError,
)
from enphase_streaming.core.answers import connection_failed, is_event_stream
from stepping import Asking, Failed, Head, Receive, Result, Signal, steps

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)
AT = 100.0
BAD_GATEWAY = Head(502, "text/html", None, None)
PAGE = Head(200, "text/html", None, None)
LIMIT = 65_536
BROKEN = ssl.SSLError("handshake failure")
UNTRUSTED = ssl.SSLCertVerificationError("self-signed certificate")


def hush(text: str) -> str:
    """A mask with one secret."""
    return text.replace("hush", "***")


def read(
    head: Head, *pieces: bytes | Failed | Signal, seconds: float = 0.0
) -> EnphaseStreamingError:
    """Return what is raised at the last of `pieces`, which are `seconds` apart, and not before."""
    asking = Asking()
    asking.at = AT
    reading = steps(refused(head, AT, asking, hush))
    at = AT
    *others, last = pieces
    assert next(reading) == Receive(AT + 5)
    for piece in others:
        at += seconds
        assert reading.send(Result(piece, at, NOW)) == Receive(AT + 5)
    with pytest.raises(EnphaseStreamingError) as raised:
        reading.send(Result(last, at + seconds, NOW))
    return raised.value


def body(*pieces: bytes | Failed | Signal, seconds: float = 0.0) -> str:
    """Return as much of an answer's body as its exception carries."""
    error = read(BAD_GATEWAY, *pieces, seconds=seconds)
    assert isinstance(error, ServiceUnavailableError)
    return error.body


# How far an answer is read


@pytest.mark.parametrize("end", [Signal.CLOSED, Signal.OVERDUE, Failed(OSError("reset"))])
def test_a_body_is_what_came_before_its_end(end: Signal | Failed) -> None:
    assert body(b"<p>", b"", b"</p>", end) == "<p></p>"


def test_a_body_below_the_limit_is_read_on() -> None:
    assert body(b"x" * (LIMIT - 1), Signal.CLOSED) == "x" * (LIMIT - 1)


@pytest.mark.parametrize("more", [1, 2, LIMIT])
def test_a_body_is_read_up_to_the_limit(more: int) -> None:
    assert body(b"x" * (LIMIT - 1), b"y" * more) == "x" * (LIMIT - 1) + "y"


def test_a_letter_that_the_limit_cuts_is_unreadable() -> None:
    assert body(b"x" * (LIMIT - 1) + "é".encode()) == "x" * (LIMIT - 1) + "\ufffd"


def test_a_body_that_drips_is_read_for_five_seconds() -> None:
    assert body(b"a", b"b", seconds=2.5) == "ab"
    assert body(b"a", b"b", b"c", seconds=2.4) == "abc"


def test_a_secret_in_a_body_is_masked() -> None:
    assert body(b"no hu", b"sh here", Signal.CLOSED) == "no *** here"


def test_a_wait_that_the_head_names_counts_from_the_end_of_the_body() -> None:
    error = read(Head(429, None, None, "20"), Signal.CLOSED)
    assert isinstance(error, RateLimitError)
    assert error.retry_at == NOW + timedelta(seconds=20)


# A 200 of another kind


@pytest.mark.parametrize("kind", [None, "", "text/event-stream", "Text/Event-Stream ;charset=x"])
@pytest.mark.parametrize("encoding", [None, "", "identity"])
def test_a_200_without_a_type_or_of_the_right_one_is_a_stream(
    kind: str | None, encoding: str | None
) -> None:
    assert is_event_stream(Head(200, kind, encoding, None))


@pytest.mark.parametrize(
    ("kind", "encoding", "says"),
    [
        ("text/html", None, "text/html"),
        ("text/html", "", "text/html"),
        ("text/html", "br", "text/html encoded as br"),
        ("text/event-stream", "gzip", "text/event-stream encoded as gzip"),
        (None, "gzip", "no content type encoded as gzip"),
        ("", "gzip", "no content type encoded as gzip"),
        ("text/html; hush", "hush", "text/html; *** encoded as ***"),
    ],
)
def test_a_200_of_another_kind_says_which(
    kind: str | None, encoding: str | None, says: str
) -> None:
    head = Head(200, kind, encoding, None)
    assert not is_event_stream(head)
    error = read(head, b"\x1f\x8b<p>\n hush", Signal.CLOSED)
    assert str(error) == (
        f"The API answered 200 with {says}, which is no event stream. "
        r"It starts '\x1f�<p>\n ***'"
    )


@pytest.mark.parametrize("length", [0, 199, 200, 201])
def test_a_200_of_another_kind_shows_its_first_200_characters(length: int) -> None:
    error = read(PAGE, b"x" * length, Signal.CLOSED)
    start = "x" * min(length, 200)
    assert isinstance(error, NotAnEventStream)
    assert error.body == start
    assert str(error).endswith(f"It starts '{start}'")


# No answer


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (TimeoutError(), "TimeoutError"),
        (OSError("no hush here"), "OSError: no *** here"),
        (ConnectionRefusedError(111, "no hush"), "ConnectionRefusedError: [Errno 111] no ***"),
        (ssl.SSLError(1, "[SSL] hush"), "SSLError: [SSL] ***"),
    ],
)
def test_no_answer_says_what_the_transport_said(cause: Exception, says: str) -> None:
    assert (
        str(connection_failed(cause, "api.example", hush))
        == f"No response from api.example: {says}"
    )
    assert "hush" not in f"{cause} {cause!r}"


@pytest.mark.parametrize("link", ["__cause__", "__context__"])
@pytest.mark.parametrize(("deepest", "untrusted"), [(UNTRUSTED, True), (BROKEN, False)])
def test_a_certificate_that_is_not_trusted_is_told_apart_however_deep(
    link: str, deepest: Exception, untrusted: bool
) -> None:
    error: Exception = deepest
    for _ in range(3):
        assert connection_failed(error, "api.example").untrusted is untrusted
        error, wrapped = OSError("connect"), error
        setattr(error, link, wrapped)
