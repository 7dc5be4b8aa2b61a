"""What an answer means that is no event stream: an error status, another kind of 200, or silence.

The API's own envelope comes as JSON under either content type; the gateway in front of it answers
in other shapes, and proxies in HTML. The status always decides; the body only explains. Secrets
are masked in what is shown, never in what is parsed.
"""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from enphase_streaming.core.encoding import Body, is_readable
from enphase_streaming.core.exchange import Exchange, Head, Observer
from enphase_streaming.core.reading import from_epoch, parse_json
from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming.errors import (
    APIStatusError,
    ConnectionFailed,
    NotAnEventStream,
    RateLimitError,
    Retry,
    status_row,
)
from enphase_streaming.secrets import causes, mask_causes

_EVENT_STREAM = "text/event-stream"
_BODY_BYTES = 65_536
_BODY_SECONDS = 5.0
_LONGEST_WAIT = 366 * 86_400
_PERIODS = {"minute": 60, "hour": 3_600, "day": 86_400, "month": 31 * 86_400}

Mask = Callable[[str], str]


def is_event_stream(head: Head) -> bool:
    """Return whether the body of a 200 can be read as an event stream; one without a type can."""
    if not is_readable(head.content_encoding):
        return False
    kinds = [each.split(";")[0].strip().lower() for each in (head.content_type or "").split(",")]
    return _EVENT_STREAM in kinds or not any(kinds)


async def raise_for_answer(
    head: Head, at: float, exchange: Exchange, mask: Mask, observer: Observer | None = None
) -> NoReturn:
    """Read the body of an answer that is no event stream, and raise what it means.

    Up to 64 KiB and 5 s are read; a body that breaks off explains what it can.
    """
    body = await _read_body(head, at + _BODY_SECONDS, exchange, observer)
    if head.status_code != 200:
        raise error_from_answer(head, body, now=exchange.now(), mask=mask)
    start = mask(body.decode(errors="replace"))[:200]
    kind = head.content_type or "no content type"
    if head.content_encoding:
        kind += f" encoded as {head.content_encoding}"
    raise NotAnEventStream(
        f"The API answered 200 with {mask(kind)}, which is no event stream. It starts {start!r}",
        body=start,
    )


async def _read_body(
    head: Head, deadline: float, exchange: Exchange, observer: Observer | None
) -> bytes:
    decoder = Body(head.content_encoding)
    body = bytearray()
    while len(body) < _BODY_BYTES and exchange.monotonic() < deadline:
        chunk = await exchange.receive(deadline)
        if not isinstance(chunk, bytes):
            break
        try:
            piece = decoder.feed(chunk)
        except zlib.error:
            break
        if observer is not None:
            observer.received(piece, exchange.monotonic())
        body += piece
    return bytes(body[:_BODY_BYTES])


def connection_failed(error: Exception, host: str, mask: Mask = str) -> ConnectionFailed:
    """Return what to raise when no response came; `error` is masked as well."""
    mask_causes(error, mask)
    untrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))
    text = mask(f"No response from {host}: {describe(error)}")
    return ConnectionFailed(text, untrusted=untrusted)


def describe(error: Exception) -> str:
    """Return an exception's type and text."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def error_from_answer(
    head: Head, body: bytes, *, now: datetime, mask: Mask = str
) -> APIStatusError:
    """Return the exception for an error status and as much of its decoded body as arrived.

    Waits are measured by the answer's `Date`, since the local clock, `now`, may be wrong.
    """
    text = body.decode(errors="replace")
    return _build(head, _json_object(text), text, now, mask)


def error_from_envelope(
    envelope: dict[str, Any], text: str, *, now: datetime, mask: Mask = str
) -> APIStatusError:
    """Return the exception for an error envelope inside a stream, by the code in it.

    `text` is that of its event.
    """
    code = _mapping(envelope.get("error")).get("code", envelope.get("code"))
    try:
        status_code = int(code) if isinstance(code, int | str) else 200
    except ValueError:
        status_code = 200
    return _build(Head(status_code), envelope, text, now, mask)


def _build(
    head: Head, answer: dict[str, Any], body: str, now: datetime, mask: Mask
) -> APIStatusError:
    envelope = _mapping(answer.get("error"))
    status = _text(envelope.get("status"))
    shown_status = mask(status)
    message = mask(_message(envelope) or _message(answer))
    details = mask(_text(answer.get("details")))
    shown = mask(body)
    summary = ": ".join(part for part in (message, details) if part)
    if not summary:
        summary = f"no error envelope; the body starts {shown[:80]!r}" if body else "an empty body"
    name = f"{head.status_code} {shown_status}".strip()
    error = status_row(head.status_code).error(
        _one_line(f"{name}: {summary}"),
        status_code=head.status_code,
        status=shown_status or None,
        type=mask(_text(answer.get("type"))) or None,
        message=message,
        body=shown,
    )
    if status == "NOT_AUTHENTICATED":  # the key is wrong: another token does not help
        error.retry = Retry.NEVER
    if isinstance(error, RateLimitError):
        period = _text(answer.get("period"))
        error.period = mask(period) or None
        if period == "month":
            error.retry = Retry.NEVER
        _set_wait(error, head, answer, now)
    return error


def _set_wait(error: RateLimitError, head: Head, answer: dict[str, Any], now: datetime) -> None:
    server_now = _http_date(head.date)
    waits = [_until_period_end(answer, now, server_now), _until(head.retry_after, server_now)]
    known = [wait for wait in waits if wait is not None]
    if known:
        error.retry_in = min(max(known), _LONGEST_WAIT)
        error.retry_at = now + timedelta(seconds=error.retry_in)


def _json_object(text: str) -> dict[str, Any]:
    for candidate in (text, _first_event(text)):
        found = parse_json(candidate)
        if isinstance(found, dict):
            inner = found.get("data")
            if found.get("error") is None and isinstance(inner, dict) and "error" in inner:
                return inner
            return found
    return {}


def _first_event(text: str) -> str:
    events = SSEDecoder().feed(text.encode() + b"\n\n")
    return events[0].data if events else ""


def _message(answer: dict[str, Any]) -> str:
    for name in ("message", "errorMessages", "error_description", "error"):
        value = answer.get(name)
        if isinstance(value, list):
            value = ", ".join(item for item in value if isinstance(item, str))
        if isinstance(value, str) and value:
            return value
    return ""


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _one_line(text: str) -> str:
    flat = "".join(letter if letter.isprintable() else " " for letter in text)
    return flat if len(flat) <= 400 else flat[:400] + "…"


def _until_period_end(
    answer: dict[str, Any], now: datetime, server_now: datetime | None
) -> float | None:
    """Return the seconds until the plan's period ends, never more than the period lasts."""
    end = _moment(answer.get("period_end"))
    if end is None:
        return None
    start = _moment(answer.get("period_start"))
    longest = float(_PERIODS.get(_text(answer.get("period")), _PERIODS["day"]))
    if start is not None and start < end:
        longest = min(longest, (end - start).total_seconds())
    wait = (end - (server_now or now)).total_seconds()
    if server_now is None and not 0 <= wait <= longest:
        return longest  # the local clock is wrong, so nothing shorter is certain
    return min(max(wait, 0.0), longest)


def _moment(value: object) -> datetime | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value, re.ASCII):
        value = int(value)
    return from_epoch(value) if isinstance(value, int | float) else None


def _until(retry_after: str | None, server_now: datetime | None) -> float | None:
    """Return the seconds of a `Retry-After`, a number or a date, if they can be told."""
    if retry_after is not None and re.fullmatch(r"\d{1,9}", retry_after.strip(), re.ASCII):
        return float(retry_after)
    moment = _http_date(retry_after)
    if moment is None or server_now is None:
        return None
    return max(0.0, (moment - server_now).total_seconds())


def _http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
