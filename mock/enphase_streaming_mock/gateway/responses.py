"""Whole answers: documented errors, and what the gateway in front of the API says itself."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from enphase_streaming_mock.contract import Refusal
from enphase_streaming_mock.exchange import Pairs
from enphase_streaming_mock.wire import timestamps, to_json

JSON: Pairs = (("Content-Type", "application/json"),)
HTML: Pairs = (("Content-Type", "text/html; charset=utf-8"),)
EVENT_STREAM: Pairs = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"))

# A present-day timestamp below this counts seconds, one above it milliseconds.
_SECONDS_BELOW = 100_000_000_000

AGAIN: Mapping[int, Literal["never", "later"]] = {
    # The same request would get the same answer; a 401 names the same token.
    401: "never",
    403: "never",
    461: "never",
    462: "never",
    463: "never",
    466: "never",
    468: "never",
    472: "never",
    # A client may try again after a pause.
    429: "later",
    473: "later",
    500: "later",
    502: "later",
    503: "later",
    504: "later",
    550: "later",
    551: "later",
    552: "later",
}
"""Whether a refused request is worth sending again: every documented error has a row here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; an `endless` one repeats its body until the client leaves."""

    status: int
    body: bytes
    headers: Pairs = JSON
    endless: bool = False


def documented(refusal: Refusal, now: datetime) -> Answer:
    """Return a documented error."""
    return Answer(refusal.status, error_body(refusal.envelope, now).encode())


def error_body(example: Mapping[str, object], moment: datetime) -> str:
    """Write a documented error as it would be sent at `moment`, in the unit of its example."""
    (epoch, utc), stamp = timestamps(moment), example["timestamp_epoch"]
    if isinstance(stamp, int) and stamp < _SECONDS_BELOW:
        epoch //= 1000
    return to_json({**example, "timestamp_epoch": epoch, "timestamp_utc": utc})


def unserved(status: int, message: str, headers: Pairs = ()) -> Answer:
    """Return what the gateway says about a request that the API does not know."""
    return json_answer(status, {"reason": str(status), "message": [message]}, JSON + headers)


def not_authorized(details: str = "User is not authorized", code: object = 401) -> Answer:
    """Return the gateway's own 401."""
    return json_answer(401, {"message": "Not Authorized", "details": details, "code": code})


def limit_exceeded(plan: str, period: Mapping[str, object]) -> Answer:
    """Return the gateway's own 429; `period` holds the fields that name the limit, or none."""
    details = f"Usage limit exceeded for plan {plan}"
    body = {"message": "Too Many Requests", "details": details, "code": 429, **period}
    return json_answer(429, body)


def page(status: int) -> Answer:
    """Return an HTML page, as a proxy on the way would."""
    title = "Welcome" if status < 400 else f"Error {status}"
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>"
    return Answer(status, f"{text}\n".encode(), HTML)


def json_answer(status: int, body: Mapping[str, object], headers: Pairs = JSON) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, json.dumps(body).encode(), headers)


def _limited(period: str, now: datetime) -> Answer:
    start = int(now.timestamp()) // 60 * 60
    limit, length = (50, 60) if period == "minute" else (50_000, 86_400)
    return limit_exceeded(
        "Kilowatt",
        {"period": period, "period_start": start, "period_end": start + length, "limit": limit},
    )


Shape = Literal[
    "unauthorized", "unauthorized-text-code", "client-mismatch", "forbidden", "method-not-allowed",
    "not-implemented", "unavailable", "too-many-minute", "too-many-month", "too-many", "page",
]  # fmt: skip

SHAPES: Mapping[Shape, Callable[[datetime], Answer]] = {
    "unauthorized": lambda now: not_authorized(),
    "unauthorized-text-code": lambda now: not_authorized(code="401"),
    "client-mismatch": lambda now: not_authorized("API Key -Client mismatch"),
    "forbidden": lambda now: json_answer(
        403, {"message": "Forbidden", "details": "Access is denied", "code": 403}
    ),
    "method-not-allowed": lambda now: unserved(405, "Method not allowed", (("Allow", "GET"),)),
    "not-implemented": lambda now: unserved(501, "Not implemented"),
    "unavailable": lambda now: json_answer(
        500, {"errorCode": 7, "errorMessages": ["Data is temporarily unavailable"]}
    ),
    "too-many-minute": lambda now: _limited("minute", now),
    "too-many-month": lambda now: _limited("month", now),
    "too-many": lambda now: limit_exceeded("Kilowatt", {}),
    "page": lambda now: page(502),
}
"""What the gateway answers, by name, each as of a moment."""
