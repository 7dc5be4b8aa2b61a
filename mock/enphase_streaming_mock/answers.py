"""Answers that are no stream: documented errors, and what the gateway in front of the API says."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from enphase_streaming_mock.contract import Refusal
from enphase_streaming_mock.frames import error_body, frame
from enphase_streaming_mock.journal import Pairs
from enphase_streaming_mock.wire import Wire

JSON: Pairs = (("Content-Type", "application/json"),)
HTML: Pairs = (("Content-Type", "text/html; charset=utf-8"),)
EVENT_STREAM: Pairs = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    headers: Pairs = JSON


def refuse(refusal: Refusal, now: datetime, form: str = "json", wire: Wire | None = None) -> Answer:
    """A documented error: as JSON, or as an "event-stream" of that JSON, "framed" as an event."""
    text = error_body(refusal.envelope, now)
    if form == "json":
        return Answer(refusal.status, text.encode())
    body = frame(wire or Wire(), text, now) if form == "framed" else text.encode()
    return Answer(refusal.status, body, EVENT_STREAM)


def unserved(status: int, message: str, headers: Pairs = ()) -> Answer:
    """What the gateway says about a request that the API does not know."""
    return _json(status, {"reason": str(status), "message": [message]}, headers)


def not_authorized(details: str = "User is not authorized", code: object = 401) -> Answer:
    """The gateway's own 401."""
    return _json(401, {"message": "Not Authorized", "details": details, "code": code})


def limit_exceeded(plan: str, period: Mapping[str, object]) -> Answer:
    """The gateway's own 429; `period` holds the fields that say which limit, or none."""
    return _json(
        429,
        {
            "message": "Too Many Requests",
            "details": f"Usage limit exceeded for plan {plan}",
            "code": 429,
            **period,
        },
    )


def page(status: int) -> Answer:
    """An HTML page, as a proxy on the way puts it."""
    title = "Welcome" if status < 400 else f"Error {status}"
    text = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n"
    )
    return Answer(status, text.encode(), HTML)


def _json(status: int, body: Mapping[str, object], headers: Pairs = ()) -> Answer:
    return Answer(status, json.dumps(body).encode(), JSON + headers)


def _limited(period: str, now: datetime) -> Answer:
    start = int(now.timestamp()) // 60 * 60
    limit, length = (50, 60) if period == "minute" else (50_000, 86_400)
    return limit_exceeded(
        "Kilowatt",
        {"period": period, "period_start": start, "period_end": start + length, "limit": limit},
    )


SHAPES: Mapping[str, Callable[[datetime], Answer]] = {
    "unauthorized": lambda now: not_authorized(),
    "unauthorized-text-code": lambda now: not_authorized(code="401"),
    "client-mismatch": lambda now: not_authorized("API Key -Client mismatch"),
    "forbidden": lambda now: _json(
        403, {"message": "Forbidden", "details": "Access is denied", "code": 403}
    ),
    "method-not-allowed": lambda now: unserved(405, "Method not allowed", (("Allow", "GET"),)),
    "not-implemented": lambda now: unserved(501, "Not implemented"),
    "unavailable": lambda now: _json(
        500, {"errorCode": 7, "errorMessages": ["Data is temporarily unavailable"]}
    ),
    "too-many-minute": lambda now: _limited("minute", now),
    "too-many-month": lambda now: _limited("month", now),
    "too-many": lambda now: limit_exceeded("Kilowatt", {}),
    "page": lambda now: page(502),
}
"""What the gateway answers, by name, each as of a moment."""
