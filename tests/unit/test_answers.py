"""Answers that are no event stream: how they are read, what they raise, and what that shows."""

from __future__ import annotations

import gzip
import json
import ssl
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming import (
    APIStatusError,
    ConnectionFailed,
    EnphaseStreamingError,
    GatewayNotReportingError,
    NotAnEventStream,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedStatusError,
)
from enphase_streaming.core.answers import (
    connection_failed,
    error_from_answer,
    error_from_envelope,
    is_event_stream,
    raise_for_answer,
)
from enphase_streaming.core.exchange import Failed, Head, Signal
from enphase_streaming.errors import Retry
from simulated import START, Call, Clock, Run, SimulatedExchange

OFFLINE = {"error": {"code": 473, "status": "OFFLINE", "message": "no gateway"}, "type": "site"}
BAD_GATEWAY = Head(502, "text/html")
PAGE = Head(200, "text/html")
LIMIT = 65_536
BROKEN = ssl.SSLError("handshake failure")
UNTRUSTED = ssl.SSLCertVerificationError("self-signed certificate")


def mask(text: str) -> str:
    """Mask the one secret of these tests."""
    return text.replace("hush", "***")


def answered(status_code: int, body: object) -> APIStatusError:
    """Return the exception of an answer: a str is its body, anything else is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return error_from_answer(Head(status_code), text.encode(), now=START, mask=mask)


# The body


def read(
    head: Head, *pieces: bytes | Failed | Signal, seconds: float = 0.0
) -> EnphaseStreamingError:
    """Return what is raised at the last of `pieces`, which are `seconds` apart, and not before."""
    clock = Clock(100)
    run = Run(raise_for_answer(head, clock.time, SimulatedExchange(clock), mask))
    for piece in pieces:
        assert run.call == Call("receive", 105)
        clock.time += seconds
        run.answer(piece)
    assert isinstance(run.error, EnphaseStreamingError)
    return run.error


def body_of(*pieces: bytes | Failed | Signal, seconds: float = 0.0, coding: str = "") -> str:
    """Return as much of an answer's body as its exception shows."""
    error = read(Head(502, "text/html", coding), *pieces, seconds=seconds)
    assert isinstance(error, ServiceUnavailableError)
    return error.body


@pytest.mark.parametrize("end", [Signal.CLOSED, Signal.OVERDUE, Failed(OSError("reset"))])
def test_the_body_is_what_came_before_its_end(end: Signal | Failed) -> None:
    assert body_of(b"<p>", b"", b"</p>", end) == "<p></p>"


def test_reads_on_below_64_kib() -> None:
    assert body_of(b"x" * (LIMIT - 1), Signal.CLOSED) == "x" * (LIMIT - 1)


@pytest.mark.parametrize("more", [1, 2, LIMIT])
def test_reads_64_kib_at_most(more: int) -> None:
    assert body_of(b"x" * (LIMIT - 1), b"y" * more) == "x" * (LIMIT - 1) + "y"


def test_a_character_cut_by_the_limit_is_replaced() -> None:
    assert body_of(b"x" * (LIMIT - 1) + "é".encode()) == "x" * (LIMIT - 1) + "\ufffd"


def test_reads_for_five_seconds_at_most() -> None:
    assert body_of(b"a", b"b", seconds=2.5) == "ab"
    assert body_of(b"a", b"b", b"c", seconds=2.4) == "abc"


def test_masks_a_secret_that_arrives_in_two_pieces() -> None:
    assert body_of(b"no hu", b"sh here", Signal.CLOSED) == "no *** here"


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_decodes_a_compressed_body(coding: str, compress: Any) -> None:
    assert body_of(compress(b"<p>"), Signal.CLOSED, coding=coding) == "<p>"


def test_reads_64_kib_of_a_compressed_body() -> None:
    assert body_of(gzip.compress(b"x" * 100 * LIMIT), coding="gzip") == "x" * LIMIT


def test_a_body_that_cannot_be_decoded_explains_what_it_can() -> None:
    whole = gzip.compress(b"<p>")
    assert body_of(whole[:-8], b"\0" * 8, coding="gzip") == "<p>"
    assert body_of(b"<p>", coding="gzip") == ""


def test_a_coding_that_is_not_decoded_is_shown_as_it_came() -> None:
    assert body_of(b"<p>", Signal.CLOSED, coding="br") == "<p>"


def test_the_observer_receives_the_decoded_body() -> None:
    received: list[tuple[bytes, float]] = []

    class Observer:
        def opened(self, head: Head, at: float) -> None:
            raise AssertionError("the window reports the head")

        def received(self, chunk: bytes, at: float) -> None:
            received.append((chunk, at))

        def ended(self, reason: str, at: float) -> None:
            raise AssertionError("the watch reports the end")

    clock, head = Clock(100), Head(502, "text/html", "gzip")
    run = Run(raise_for_answer(head, 100, SimulatedExchange(clock), mask, Observer()))
    body = gzip.compress(b"<p>")
    for piece in (body[:-8], body[-8:]):
        clock.time += 1
        run.answer(piece)
    assert received == [(b"<p>", 101), (b"", 102)]


# A 200 that is no event stream


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        " ",
        ";charset=utf-8",
        "text/event-stream",
        "Text/Event-Stream ;charset=x",
        "text/event-stream, text/event-stream",
        "application/json, text/event-stream;charset=x",
        "application/json,text/event-stream",
    ],
)
@pytest.mark.parametrize("coding", [None, "", "identity", "none", "gzip"])
def test_a_200_without_a_type_or_of_the_right_one_is_a_stream(
    kind: str | None, coding: str | None
) -> None:
    assert is_event_stream(Head(200, kind, coding))


@pytest.mark.parametrize(
    ("kind", "coding", "shown"),
    [
        ("text/html", None, "text/html"),
        ("text/html", "", "text/html"),
        ("text/html", "br", "text/html encoded as br"),
        ("text/event-stream", "br", "text/event-stream encoded as br"),
        ("text/event-stream", "gzip, gzip", "text/event-stream encoded as gzip, gzip"),
        (None, "zstd", "no content type encoded as zstd"),
        ("", "zstd", "no content type encoded as zstd"),
        ("text/event-streams", None, "text/event-streams"),
        ("text/html; hush", "hush", "text/html; *** encoded as ***"),
    ],
)
def test_a_200_that_is_no_stream_shows_its_type_and_coding(
    kind: str | None, coding: str | None, shown: str
) -> None:
    head = Head(200, kind, coding)
    assert not is_event_stream(head)
    error = read(head, b"\x1f\x8b<p>\n hush", Signal.CLOSED)
    assert str(error) == (
        f"The API answered 200 with {shown}, which is no event stream. "
        r"It starts '\x1f�<p>\n ***'"
    )


@pytest.mark.parametrize("length", [0, 199, 200, 201])
def test_a_200_that_is_no_stream_shows_its_first_200_characters(length: int) -> None:
    error = read(PAGE, b"x" * length, Signal.CLOSED)
    start = "x" * min(length, 200)
    assert isinstance(error, NotAnEventStream)
    assert error.body == start
    assert str(error).endswith(f"It starts '{start}'")


# No answer


@pytest.mark.parametrize(
    ("kind", "arguments", "shown"),
    [
        (TimeoutError, (), "TimeoutError"),
        (OSError, ("no hush here",), "OSError: no *** here"),
        (ConnectionRefusedError, (111, "no hush"), "ConnectionRefusedError: [Errno 111] no ***"),
        (ssl.SSLError, (1, "[SSL] hush"), "SSLError: [SSL] ***"),
    ],
)
def test_connection_failed_shows_what_the_transport_said(
    kind: type[Exception], arguments: tuple[Any, ...], shown: str
) -> None:
    cause = kind(*arguments)
    error = connection_failed(cause, "api.example", mask)
    assert str(error) == f"No response from api.example: {shown}"
    assert "hush" not in f"{cause} {cause!r}"


@pytest.mark.parametrize("link", ["__cause__", "__context__"])
@pytest.mark.parametrize(("deepest", "untrusted"), [(UNTRUSTED, True), (BROKEN, False)])
def test_an_untrusted_certificate_is_found_at_any_depth(
    link: str, deepest: Exception, untrusted: bool
) -> None:
    error: Exception = deepest
    for _ in range(3):
        failed = connection_failed(error, "api.example")
        assert isinstance(failed, ConnectionFailed)
        assert failed.untrusted is untrusted
        error, wrapped = OSError("connect"), error
        setattr(error, link, wrapped)


# The message


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (OFFLINE, "473 OFFLINE: no gateway"),
        ({"data": OFFLINE}, "473 OFFLINE: no gateway"),
        ({"error": None, "data": OFFLINE}, "473 OFFLINE: no gateway"),
        (f"data:{json.dumps(OFFLINE)}", "473 OFFLINE: no gateway"),
        (f"event: error\ndata:{json.dumps(OFFLINE)}\n\ndata:{{}}\n\n", "473 OFFLINE: no gateway"),
        ({"error": {"status": "OFFLINE"}, "message": "m"}, "473 OFFLINE: m"),
        ({"error": {"message": "m"}}, "473: m"),
        ('{"error": {"message": "m"}, "limit": NaN}', "473: m"),
        ({"message": "No", "details": "Not your site"}, "473: No: Not your site"),
        ({"details": "Not your site"}, "473: Not your site"),
        ({"message": ["one", 2, "three"]}, "473: one, three"),
        ({"message": [], "errorMessages": ["one"]}, "473: one"),
        ({"error": "invalid_grant", "error_description": "No such code"}, "473: No such code"),
        ({"error": "invalid_grant", "error_description": ""}, "473: invalid_grant"),
        ({"message": "outer", "data": {"message": "inner"}}, "473: outer"),
        ({"message": "outer", "data": "inner"}, "473: outer"),
        ({"error": {"message": "outer"}, "data": OFFLINE}, "473: outer"),
        ({"message": "all\r\nin\tone\u2028line"}, "473: all  in one line"),
        ("", "473: an empty body"),
        ("<p>\n", "473: no error envelope; the body starts '<p>\\n'"),
        ("x" * 80, f"473: no error envelope; the body starts '{'x' * 80}'"),
        ("x" * 81, f"473: no error envelope; the body starts '{'x' * 80}'"),
        ({"message": "x" * 395}, f"473: {'x' * 395}"),
        ({"message": "x" * 396}, f"473: {'x' * 395}…"),
    ],
)
def test_the_message_is_one_short_line(body: object, shown: str) -> None:
    assert str(answered(473, body)) == shown


@given(st.text())
def test_any_body_gives_a_message_of_one_short_line(message: str) -> None:
    for body in ({"message": message}, message):
        shown = str(answered(500, body))
        assert shown.startswith("500: ")
        assert shown.isprintable()
        assert len(shown) <= 401


@given(st.text())
def test_a_body_without_a_secret_is_shown_as_it_was_spelled(text: str) -> None:
    escaped = json.dumps({"message": text}).replace("/", "\\/")
    for body in (escaped, text):
        assert answered(500, body).body == mask(body)


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    error = error_from_answer(Head(502), b"\xff<p>", now=START)
    assert str(error) == "502: no error envelope; the body starts '\ufffd<p>'"
    assert error.body == "\ufffd<p>"


# Secrets are masked in what is shown, never in what is parsed


def test_masks_secrets_in_every_attribute() -> None:
    error = answered(
        401,
        {
            "error": {"status": "S hush", "message": "M hush"},
            "details": "D hush",
            "type": "T hush",
            "period": "P hush",
        },
    )
    assert "hush" not in f"{error} {error!r} {vars(error)}"
    assert (error.status, error.message, error.type) == ("S ***", "M ***", "T ***")


def test_masks_secrets_in_the_period() -> None:
    assert "hush" not in str(vars(answered(429, {"period": "P hush"})))


def test_a_mask_does_not_change_how_a_refused_key_is_retried() -> None:
    body = json.dumps({"error": {"status": "NOT_AUTHENTICATED"}}).encode()
    error = error_from_answer(
        Head(401), body, now=START, mask=lambda text: text.replace("NOT_AUTHENTICATED", "***")
    )
    assert (error.status, error.retry) == ("***", Retry.NEVER)


def test_a_mask_does_not_change_the_period_of_a_limit() -> None:
    body = json.dumps({"period": "month", "period_end": int(START.timestamp()) + 40}).encode()
    error = error_from_answer(
        Head(429), body, now=START, mask=lambda text: text.replace("4", "***")
    )
    assert isinstance(error, RateLimitError)
    assert (error.retry, error.retry_in) == (Retry.NEVER, 40)


# Envelopes inside a stream


def from_envelope(envelope: dict[str, Any]) -> APIStatusError:
    return error_from_envelope(envelope, json.dumps(envelope), now=START)


@pytest.mark.parametrize(
    "envelope",
    [
        {"error": {"code": 473, "message": "m"}, "code": 468},
        {"error": {"message": "m"}, "code": 473},
        {"error": "m", "code": "473"},
    ],
)
def test_an_envelope_raises_the_exception_of_its_code(envelope: dict[str, Any]) -> None:
    error = from_envelope(envelope)
    assert type(error) is GatewayNotReportingError
    assert str(error) == "473: m"
    assert json.loads(error.body) == envelope


@pytest.mark.parametrize("code", ["abc", None, "", 4.73, [473], "9" * 5000])
def test_an_envelope_without_a_usable_code_is_unexpected(code: object) -> None:
    error = from_envelope({"error": {"code": code, "message": "m"}})
    assert type(error) is UnexpectedStatusError
    assert (error.status_code, str(error)) == (200, "200: m")


def test_a_limit_inside_a_stream_names_its_end() -> None:
    error = from_envelope({"error": {"code": 429}, "period": "hour", "period_end": END})
    assert isinstance(error, RateLimitError)
    assert (error.retry_in, error.retry_at) == (120, START + TWO_MINUTES)


def test_an_envelope_without_a_code_is_unexpected() -> None:
    error = from_envelope({"error": "m"})
    assert type(error) is UnexpectedStatusError
    assert str(error) == "200: m"


@pytest.mark.parametrize(("period", "retry"), [("month", Retry.NEVER), ("minute", Retry.PERIOD)])
def test_a_limit_inside_a_stream_names_its_period(period: str, retry: Retry) -> None:
    error = from_envelope({"error": {"code": 429}, "period": period})
    assert isinstance(error, RateLimitError)
    assert (error.period, error.retry) == (period, retry)


# When the API takes calls again. test_rate_limit_wait.py has the clocks that are wrong.

TWO_MINUTES = timedelta(minutes=2)
END = int(START.timestamp()) + 120


def retry_at(
    body: object, retry_after: str | None = None, date: str | None = None
) -> datetime | None:
    error = error_from_answer(
        Head(429, retry_after=retry_after, date=date), json.dumps(body).encode(), now=START
    )
    assert isinstance(error, RateLimitError)
    if error.retry_in is None:
        assert error.retry_at is None
    else:
        assert error.retry_at == START + timedelta(seconds=error.retry_in)
        assert error.retry_at.tzinfo is UTC
    return error.retry_at


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(
    "date",
    [
        "Sun, 21 Jun 2026 12:02:00 GMT",
        "Sun, 21 Jun 2026 12:02:00 +0000",
        "Sun, 21 Jun 2026 12:02:00 -0000",
        "Sun, 21 Jun 2026 12:02:00",
        "Sun, 21 Jun 2026 14:02:00 +0200",
        "Sunday, 21-Jun-26 12:02:00 GMT",
        "21 Jun 2026 12:02:00",
    ],
)
def test_retry_after_may_be_a_date_of_any_form_and_zone(date: str) -> None:
    assert retry_at({}, date, format_datetime(START)) == START + TWO_MINUTES
    # The other way round: a date that is two minutes past the one asked for.
    assert retry_at({}, format_datetime(START), date) == START


def test_a_date_header_that_is_no_date_is_ignored() -> None:
    assert retry_at({"period_end": END}, "60", "yesterday") == START + TWO_MINUTES


@pytest.mark.parametrize("end", [END, str(END), END * 1000, float(END), f"{END * 1000}"], ids=repr)
def test_period_end_may_be_seconds_or_milliseconds(end: object) -> None:
    assert retry_at({"period_end": end}) == START + TWO_MINUTES


def test_only_ascii_digits_are_a_number() -> None:
    arabic = {ord(digit): 0x0660 + int(digit) for digit in "0123456789"}
    assert retry_at({"period_end": str(END).translate(arabic)}) is None
    assert retry_at({}, "120") == START + TWO_MINUTES
    assert retry_at({}, "120".translate(arabic)) is None


@pytest.mark.parametrize(
    ("body", "retry_after"),
    [
        ({"period_end": END}, None),
        ({"period_end": END}, "60"),
        ({"period_end": END - 60}, "120"),
        ({}, "120"),
    ],
)
def test_the_later_of_period_end_and_retry_after_counts(
    body: dict[str, Any], retry_after: str | None
) -> None:
    assert retry_at(body, retry_after) == START + TWO_MINUTES


@pytest.mark.parametrize("longest", [3, 59])
def test_a_period_lasts_from_its_start_to_its_end_at_most(longest: int) -> None:
    body = {"period": "hour", "period_start": END - longest, "period_end": END}
    assert retry_at(body) == START + timedelta(seconds=longest)


@pytest.mark.parametrize("start", [END, END + 60, "soon", None])
def test_a_period_start_that_is_no_start_is_ignored(start: object) -> None:
    assert retry_at({"period_start": start, "period_end": END}) == START + TWO_MINUTES


@pytest.mark.parametrize("left", [0, 0.5, 60])
def test_without_a_date_a_plausible_end_is_taken(left: float) -> None:
    body = {"period": "minute", "period_end": round((START.timestamp() + left) * 1000)}
    assert retry_at(body) == START + timedelta(seconds=left)


@pytest.mark.parametrize("past", [0, 0.5, 3600])
def test_a_period_that_is_over_by_the_date_waits_for_nothing(past: float) -> None:
    body = {"period": "minute", "period_end": round((START.timestamp() - past) * 1000)}
    assert retry_at(body, date=format_datetime(START)) == START


def test_a_retry_after_waits_a_year_at_most() -> None:
    assert retry_at({}, "999999999") == START + timedelta(days=366)
