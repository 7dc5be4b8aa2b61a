"""An answer that is an error → its exception.

The API's own envelope comes as JSON, under either content type; the gateway in front of it answers
in other shapes, and proxies in HTML. The status always decides; the body only explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from enphase_streaming.errors import (
    STATUS_ERRORS,
    APIStatusError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedStatusError,
)
from enphase_streaming.core.sse import SSEDecoder

_SECONDS_BELOW = 1e11
_LONGEST_WAIT = timedelta(days=366)


def from_epoch(epoch: float | None) -> datetime | None:
    """Return an epoch in seconds or milliseconds, told apart by magnitude, as aware UTC."""
    if epoch is None:
        return None
    try:
        return datetime.fromtimestamp(epoch if abs(epoch) < _SECONDS_BELOW else epoch / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def error_from_answer(
    status_code: int,
    body: bytes,
    *,
    now: datetime,
    retry_after: str | None = None,
    mask: Callable[[str], str] = str,
) -> APIStatusError:
    """Return the exception for an HTTP status and as much of its body as arrived."""
    text = mask(body.decode(errors="replace"))
    return _build(status_code, _json_object(text), text, _retry_after(retry_after, now))


def error_from_envelope(
    envelope: dict[str, Any], *, mask: Callable[[str], str] = str
) -> APIStatusError:
    """Return the exception for an error envelope inside a stream, by the code that it carries."""
    text = mask(msgspec.json.encode(envelope).decode())
    masked = _json_object(text)
    code = _mapping(masked.get("error")).get("code", masked.get("code"))
    try:
        status_code = int(code) if isinstance(code, int | str) else 200
    except ValueError:
        status_code = 200
    return _build(status_code, masked, text)


def _build(
    status_code: int,
    answer: dict[str, Any],
    body: str,
    retry_after: datetime | None = None,
) -> APIStatusError:
    error = _mapping(answer.get("error"))
    status = _text(error.get("status"))
    message = _message(error) or _message(answer)
    details = _text(answer.get("details"))
    summary = ": ".join(part for part in (message, details) if part)
    if not summary:
        summary = f"no error envelope; the body starts {body[:80]!r}" if body else "an empty body"
    name = f"{status_code} {status}" if status else str(status_code)
    raised = _class_for(status_code)(
        _one_line(f"{name}: {summary}"),
        status_code=status_code,
        status=status or None,
        type=_text(answer.get("type")) or None,
        message=message,
        body=body,
    )
    if isinstance(raised, RateLimitError):
        raised.period = _text(answer.get("period")) or None
        raised.retryable = raised.period != "month"
        raised.retry_at = _latest(_period_end(answer), retry_after)
    return raised


def _class_for(status_code: int) -> type[APIStatusError]:
    if 500 <= status_code <= 599:
        return ServiceUnavailableError
    return STATUS_ERRORS.get(status_code, UnexpectedStatusError)


def _json_object(text: str) -> dict[str, Any]:
    for candidate in (text, _first_event(text)):
        try:
            found = msgspec.json.decode(candidate)
        except (msgspec.DecodeError, RecursionError):
            continue
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


def _period_end(answer: dict[str, Any]) -> datetime | None:
    end = answer.get("period_end")
    if isinstance(end, str) and re.fullmatch(r"\d{1,15}", end, re.ASCII):
        end = int(end)
    return from_epoch(end) if isinstance(end, int | float) else None


def _retry_after(value: str | None, now: datetime) -> datetime | None:
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}", value.strip(), re.ASCII):
        return now + min(timedelta(seconds=int(value)), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _latest(*moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return max(known, default=None)
