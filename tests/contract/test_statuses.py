"""Every answer that is no event stream, on both clients: its exception, and what that shows."""

from __future__ import annotations

import gzip
import json
import traceback
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

import written
from callers import Caller, Outcome
from enphase_streaming import (
    APIStatusError,
    AuthenticationError,
    GatewayNotReportingError,
    InvalidDuration,
    InvalidDurationError,
    MalformedEvent,
    NotAnEventStream,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedStatusError,
)
from enphase_streaming.errors import STATUSES, Retry, status_row
from scripted import HandClock, Peer, scripted

BASE_URL = "http://127.0.0.1:9/api/v4"  # nothing listens there: a test's transport answers
DOCUMENT = written.read()
OPERATION = DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]


def documented() -> Iterator[Any]:
    """Yield each documented status with each example of its envelope."""
    for code, response in OPERATION["responses"].items():
        if code != "200":
            name = response["$ref"].rpartition("/")[2]
            content = DOCUMENT["components"]["responses"][name]["content"]
            for title, example in content["application/json"]["examples"].items():
                yield pytest.param(int(code), example["value"], id=f"{code} {title}")


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response's bytes, made as they are asked for."""

    def __init__(self, chunks: Callable[[], Iterator[bytes]]) -> None:
        self._chunks = chunks
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks():
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def answer(
    caller: Caller,
    status_code: int,
    body: bytes | Body = b"",
    content_type: str | None = "application/json",
    headers: dict[str, str] | None = None,
    clock: HandClock | None = None,
    **options: Any,
) -> Outcome:
    """Return what the caller sees of one answer, to a request that was sent once."""
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        sent = dict(headers or {})
        if content_type is not None:
            sent["Content-Type"] = content_type
        lines = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        stream = body if isinstance(body, Body) else Body(lambda: iter([body]))
        return httpx.Response(status_code, headers=lines, stream=stream)

    on_malformed = options.pop("on_malformed", "skip")
    options |= {"base_url": BASE_URL, "transport": httpx.MockTransport(respond)}
    if clock is not None:
        options |= {"monotonic": clock.monotonic, "now": clock.now}
    outcome = caller(options, on_malformed=on_malformed)
    assert len(requests) == 1
    return outcome


def refused(*arguments: Any, **keywords: Any) -> APIStatusError:
    """Return the exception of an answer, which came without a reading."""
    outcome = answer(*arguments, **keywords)
    assert isinstance(outcome.error, APIStatusError)
    assert outcome.end is not None
    assert (outcome.end.reason, outcome.end.readings) == ("error", 0)
    return outcome.error


# The documented statuses


@pytest.mark.parametrize("form", ["json", "event stream", "framed"])
@pytest.mark.parametrize(("code", "envelope"), list(documented()))
def test_a_documented_status_raises_its_exception(
    caller: Caller, code: int, envelope: dict[str, Any], form: str
) -> None:
    body = json.dumps(envelope, ensure_ascii=False).encode()
    if form == "framed":
        body = b"data:" + body + b"\n\n"
    kind = "application/json" if form == "json" else "text/event-stream"
    error = refused(caller, code, body, kind)
    row = status_row(code)
    assert type(error) is row.error
    assert type(error.status_code) is int
    assert error.status_code == code
    assert error.status == envelope["error"]["status"]
    assert error.type == envelope["type"]
    assert error.message == envelope["error"]["message"]
    key_is_refused = error.status == "NOT_AUTHENTICATED"
    assert error.retry is (Retry.NEVER if key_is_refused else row.retry)
    assert error.retryable is (error.retry not in (Retry.NEVER, Retry.REFRESH))
    assert error.body == body.decode()
    assert str(code) in str(error)
    assert error.message in str(error)


@pytest.mark.parametrize(
    "code", [code for code, row in STATUSES.items() if row.error is InvalidDurationError]
)
def test_a_refused_duration_is_an_invalid_duration(caller: Caller, code: int) -> None:
    error = refused(caller, code)
    assert isinstance(error, InvalidDuration)
    assert error.status_code == code


def test_the_status_decides_over_the_code_in_the_body(caller: Caller) -> None:
    error = refused(caller, 473, b'{"error":{"code":468,"message":"m"}}')
    assert type(error) is GatewayNotReportingError
    assert (error.status_code, error.message) == (473, "m")


# Any other status


@pytest.mark.parametrize(
    "code", sorted({400, 404, 405, 418, 464, 499, 600, 204, 304} - STATUSES.keys())
)
def test_an_unknown_status_is_unexpected_and_final(caller: Caller, code: int) -> None:
    error = refused(caller, code)
    assert type(error) is UnexpectedStatusError
    assert (error.status_code, error.retryable) == (code, False)


@pytest.mark.parametrize("code", sorted({500, 501, 502, 503, 504, 553, 599} - STATUSES.keys()))
def test_any_5xx_is_service_unavailable(caller: Caller, code: int) -> None:
    error = refused(caller, code)
    assert type(error) is ServiceUnavailableError
    assert (error.status_code, error.retryable) == (code, True)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(caller: Caller, code: int) -> None:
    error = refused(caller, code, headers={"Location": "https://example.invalid/elsewhere"})
    assert type(error) is UnexpectedStatusError
    assert error.status_code == code


# Other envelopes


@pytest.mark.parametrize(
    ("code", "own", "body", "message", "says"),
    [
        (
            401,
            AuthenticationError,
            '{"message":"Not Authorized","details":"User is not authorized","code":401}',
            "Not Authorized",
            "User is not authorized",
        ),
        (
            401,
            AuthenticationError,
            '{"message":"Not Authorized","details":"User is not authorized","code":"401"}',
            "Not Authorized",
            "User is not authorized",
        ),
        (
            403,
            PermissionDeniedError,
            '{"message":"Forbidden","details":"Not your site","code":403}',
            "Forbidden",
            "Not your site",
        ),
        (401, AuthenticationError, "API Key -Client mismatch", "", "API Key -Client mismatch"),
        (
            405,
            UnexpectedStatusError,
            '{"reason":"405","message":["Method not allowed"]}',
            "Method not allowed",
            "405",
        ),
        (
            501,
            ServiceUnavailableError,
            '{"reason":"501","message":["Not implemented"]}',
            "Not implemented",
            "501",
        ),
        (
            500,
            ServiceUnavailableError,
            '{"errorCode":7,"errorMessages":["Data is temporarily unavailable"]}',
            "Data is temporarily unavailable",
            "500",
        ),
        (502, ServiceUnavailableError, "<html>\n<b>Bad Gateway</b>", "", "<b>Bad Gateway</b>"),
        (500, ServiceUnavailableError, '["a list"]', "", "a list"),
        (500, ServiceUnavailableError, '{"error":"broken"}', "broken", "broken"),
        (500, ServiceUnavailableError, '{"error":null,"message":5,"type":[],"status":{}}', "", ""),
    ],
)
def test_other_envelopes_are_understood(
    caller: Caller, code: int, own: type[APIStatusError], body: str, message: str, says: str
) -> None:
    error = refused(caller, code, body.encode(), "text/html; charset=utf-8")
    assert type(error) is own
    assert (error.message, error.status, error.type) == (message, None, None)
    assert error.body == body
    assert says in str(error)
    assert "\n" not in str(error)


# When the API takes calls again. Unit tests have the forms of each date and number.


def limited(caller: Caller, clock: HandClock, body: Any, **headers: str) -> RateLimitError:
    """Return the exception of a 429 with the date `DATE`, years away from the client's clock."""
    error = refused(
        caller,
        429,
        json.dumps(body).encode(),
        headers={"Date": DATE} | {name.replace("_", "-"): value for name, value in headers.items()},
        clock=clock,
    )
    assert isinstance(error, RateLimitError)
    if error.retry_in is not None:
        assert error.retry_at == clock.now() + timedelta(seconds=error.retry_in)
    return error


LIMIT = {
    "message": "Too Many Requests",
    "details": "Usage limit exceeded for plan Kilowatt",
    "code": 429,
    "period": "minute",
    "period_start": 1623825660,
    "period_end": 1623825720,
    "limit": 5,
}
DATE = "Wed, 16 Jun 2021 06:41:20 GMT"
"""Forty seconds before the end of `LIMIT`."""


@pytest.mark.parametrize("period", ["minute", "month"])
@pytest.mark.parametrize("end", [1623825720, "1623825720", 1623825720000, 1623825720.0])
def test_a_limit_names_its_period_and_its_end(
    caller: Caller, clock: HandClock, period: str, end: Any
) -> None:
    error = limited(caller, clock, {**LIMIT, "period": period, "period_end": end})
    assert (error.period, error.retry_in) == (period, 40)
    assert error.retryable is (period == "minute")
    assert "Usage limit exceeded for plan Kilowatt" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": "Too Many Requests", "code": 429},
        {"period_end": "soon"},
        {"period_end": None, "period": 5},
        {"period_end": 1e300},
        [],
    ],
)
def test_a_limit_without_an_end_leaves_it_open(caller: Caller, clock: HandClock, body: Any) -> None:
    error = limited(caller, clock, body)
    assert (error.period, error.retry_in, error.retry_at) == (None, None, None)


@pytest.mark.parametrize("seconds", ["120", " 120 ", "0120", "Wed, 16 Jun 2021 06:43:20 GMT"])
def test_retry_after_may_be_seconds_or_a_date(
    caller: Caller, clock: HandClock, seconds: str
) -> None:
    assert limited(caller, clock, {}, retry_after=seconds).retry_in == 120
    assert limited(caller, clock, LIMIT, retry_after=seconds).retry_in == 120


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "soon",
        "-1",
        "1.5",
        "9" * 5000,
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 32 Jan 2027 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "\u00b2",
    ],
)
def test_a_retry_after_that_is_neither_is_ignored(
    caller: Caller, clock: HandClock, nonsense: str
) -> None:
    assert limited(caller, clock, LIMIT, retry_after=nonsense).retry_in == 40


# Bodies that are not whole


def test_an_empty_body_is_called_empty(caller: Caller) -> None:
    error = refused(caller, 473)
    assert type(error) is GatewayNotReportingError
    assert (error.message, error.status, error.type, error.body) == ("", None, None, "")
    assert "empty" in str(error)


def test_a_body_that_breaks_off_explains_what_it_can(caller: Caller) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"error":{"code":473,"mess'
        raise httpx.RemoteProtocolError("peer closed connection")

    error = refused(caller, 473, Body(chunks))
    assert type(error) is GatewayNotReportingError
    assert error.message == ""
    assert error.body == '{"error":{"code":473,"mess'
    assert '"mess' in str(error)


def test_an_endless_body_is_read_up_to_64_kib(caller: Caller) -> None:
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b"x" * 1000

    body = Body(chunks)
    error = refused(caller, 502, body)
    assert type(error) is ServiceUnavailableError
    assert error.body == "x" * 65_536
    assert read < 65_536 + 18 * 1000  # the sync client reads 16 chunks ahead
    assert body.closed
    assert len(str(error)) < 500


def test_a_body_that_trickles_is_read_for_5_seconds(caller: Caller, clock: HandClock) -> None:
    def chunks() -> Iterator[bytes]:
        while True:
            clock.time += 1
            yield b"x"

    body = Body(chunks)
    error = refused(caller, 502, body, clock=clock)
    assert error.body == "xxxxx"
    assert body.closed


def test_a_body_that_stalls_is_read_for_5_seconds(caller: Caller, clock: HandClock) -> None:
    waited = 0

    def script(peer: Peer) -> None:
        nonlocal waited
        peer.send(b"HTTP/1.1 473 No\r\nContent-Length: 50\r\n\r\n" + b'{"error":')
        peer.sock.settimeout(0.06)  # longer than the client takes to look at a hand-moved clock
        while waited < 60:
            try:
                assert not peer.sock.recv(1)
                return
            except TimeoutError:
                waited += 1
                clock.time += 1
        raise AssertionError("the client never hung up")

    with scripted(script) as server:
        outcome = caller(
            {"base_url": server.base_url, "monotonic": clock.monotonic, "now": clock.now}
        )
    assert type(outcome.error) is GatewayNotReportingError
    assert outcome.error.body == '{"error":'
    assert 5 <= waited <= 12


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_body_is_decoded(
    caller: Caller, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    body = compress(b'{"error":{"code":473,"message":"m"}}')
    error = refused(caller, 473, Body(lambda: iter([body])), headers={"Content-Encoding": coding})
    assert type(error) is GatewayNotReportingError
    assert error.message == "m"


# A 200 that is no event stream


@pytest.mark.parametrize(
    "body", [b'{"hello":"world"}', b'{"error":{"code":473,"message":"m"}}', b"", b"\xff\xfe"]
)
def test_a_200_of_json_is_no_event_stream(caller: Caller, body: bytes) -> None:
    outcome = answer(caller, 200, body)
    assert isinstance(outcome.error, NotAnEventStream)
    assert outcome.error.body == body.decode("utf-8", "replace")
    assert "application/json" in str(outcome.error)
    assert outcome.reason == "not_a_stream"


def test_an_endless_200_of_another_type_is_cut(caller: Caller) -> None:
    def chunks() -> Iterator[bytes]:
        while True:
            yield b"<p>" * 1000

    body = Body(chunks)
    outcome = answer(caller, 200, body, "text/html")
    assert isinstance(outcome.error, NotAnEventStream)
    assert outcome.error.body.startswith("<p><p>")
    assert len(str(outcome.error)) < 500
    assert body.closed


# Secrets that a server echoes

KEY, TOKEN = "k/ey-9f8e7d", 't"o\\k/en-1a2b3c'
SECRETS: dict[str, Any] = {"api_key": KEY, "access_token": TOKEN}


def escaped(text: str) -> str:
    """Return the JSON string of a text, every character written as an escape."""
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'


def slashed(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


def assert_no_secret(error: BaseException) -> None:
    seen = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    for secret in (KEY, TOKEN):
        for spelling in (secret, json.dumps(secret)[1:-1], slashed(secret)[1:-1], escaped(secret)):
            assert spelling not in seen
            assert repr(spelling)[1:-1] not in seen


ECHO = f"You sent {KEY} and {TOKEN}"


def masked_echo(spell: Callable[[str], str]) -> str:
    """Return `ECHO` as `spell` writes it, without its quotes and with both secrets masked."""
    words = (spell(word) for word in ("You sent ", " and "))
    return "".join(f"{word if spell is str else word[1:-1]}***" for word in words)


@pytest.mark.parametrize("spell", [json.dumps, slashed, escaped])
@pytest.mark.parametrize(
    "shape",
    [
        '{"error":{"code":401,"message":%s}}',
        '{"error":{"code":401,"status":%s}}',
        '{"error":{"code":401,"details":[%s]}}',
        '{"message":"no","details":%s}',
        '{"message":[%s]}',
        '{"type":%s}',
        "{%s:1}",
        "data:%s\n\n",
        "<html>%s",
        '{"cut":{"error":%s',
    ],
)
def test_an_echoed_secret_is_masked(
    caller: Caller, shape: str, spell: Callable[[str], str]
) -> None:
    error = refused(caller, 401, (shape % spell(ECHO)).encode(), **SECRETS)
    assert_no_secret(error)
    assert "***" in error.body


def test_an_echoed_secret_is_masked_in_plain_text(caller: Caller) -> None:
    error = refused(caller, 401, ECHO.encode(), "text/plain", **SECRETS)
    assert error.body == "You sent *** and ***"
    assert_no_secret(error)


@pytest.mark.parametrize("spell", [json.dumps, slashed, escaped])
def test_a_secret_echoed_inside_a_stream_is_masked(
    caller: Caller, spell: Callable[[str], str]
) -> None:
    body = f'data:{{"error":{{"code":401,"message":{spell(ECHO)}}}}}\n\n'.encode()
    error = refused(caller, 200, body, "text/event-stream", **SECRETS)
    assert error.message == "You sent *** and ***"
    assert_no_secret(error)


@pytest.mark.parametrize("spell", [str, json.dumps, slashed, escaped])
def test_a_secret_in_a_malformed_event_is_masked(
    caller: Caller, spell: Callable[[str], str]
) -> None:
    body = f"data:{spell(ECHO)}\n\n".encode()
    outcome = answer(caller, 200, body, "text/event-stream", on_malformed="raise", **SECRETS)
    assert isinstance(outcome.error, MalformedEvent)
    assert masked_echo(spell) in outcome.error.data
    assert_no_secret(outcome.error)


@pytest.mark.parametrize("spell", [str, json.dumps, slashed, escaped])
def test_a_secret_in_a_200_of_another_type_is_masked(
    caller: Caller, spell: Callable[[str], str]
) -> None:
    outcome = answer(caller, 200, spell(ECHO).encode(), **SECRETS)
    assert isinstance(outcome.error, NotAnEventStream)
    assert masked_echo(spell) in outcome.error.body
    assert_no_secret(outcome.error)


def test_a_transport_may_answer_twice_with_the_same_response(caller: Caller) -> None:
    refusal = httpx.Response(429, headers={"Retry-After": "30"})
    transport = httpx.MockTransport(lambda request: refusal)
    for _ in range(2):
        error = caller({"transport": transport}).error
        assert isinstance(error, RateLimitError)
        assert error.retry_in == 30
