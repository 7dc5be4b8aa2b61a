"""The exceptions of this library, and what each API status means; docs/errors.md explains both."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "APIStatusError",
    "AuthenticationError",
    "BudgetExhausted",
    "ConnectionFailed",
    "EnphaseStreamingError",
    "EventTooLarge",
    "GatewayNotReportingError",
    "InvalidArgument",
    "InvalidDuration",
    "InvalidDurationError",
    "LedgerUnavailable",
    "LiveStreamNotSupportedError",
    "LoginRequired",
    "MalformedEvent",
    "NotAnEventStream",
    "PermissionDeniedError",
    "RateLimitError",
    "ServiceUnavailableError",
    "StreamDropped",
    "StreamEndedEarly",
    "StreamError",
    "StreamStalled",
    "SystemNotFoundError",
    "UnexpectedStatusError",
    "UnsupportedGatewayError",
]


Reason = Literal[
    "planned",
    "stopped",
    "early",
    "dropped",
    "stalled",
    "error",
    "too_large",
    "not_a_stream",
    "budget",
]
"""How a stream ended, in one word."""


class Retry(Enum):
    """How `watch` reacts to a failure."""

    NEVER = "stop: the same call would fail again"
    REFRESH = "refresh the access token, then try once more"
    BACKOFF = "wait 2 s, doubling to 5 min"
    SLOWLY = "wait 5 min"
    PERIOD = "wait for the end of the plan's period"


class EnphaseStreamingError(Exception):
    """Base class of every exception that this library raises on purpose."""

    reason: Reason = "error"
    """The `reason` of `stream.end` where this ends a stream."""
    retry: Retry = Retry.NEVER

    @property
    def retryable(self) -> bool:
        """Whether the same call can succeed later."""
        return self.retry not in (Retry.NEVER, Retry.REFRESH)


class InvalidArgument(EnphaseStreamingError, ValueError):
    """An argument or a setting breaks a rule. Nothing was sent and nothing was spent."""


class InvalidDuration(InvalidArgument):
    """A duration outside the API's bounds, or not in whole seconds.

    `status_code` is what the API would answer: 461 (too short), 462 (too long) or 463 (not an
    integer).
    """

    def __init__(self, message: str = "", *, status_code: int = 463) -> None:
        super().__init__(message)
        self.status_code: int = status_code


class ConnectionFailed(EnphaseStreamingError):
    """No response came: DNS, a refused connection, TLS, or silence until the time-out.

    `untrusted` is true if the server's certificate was not accepted: trying again will not help.
    """

    def __init__(self, message: str = "", *, untrusted: bool = False) -> None:
        super().__init__(message)
        self.untrusted: bool = untrusted
        self.retry = Retry.NEVER if untrusted else Retry.BACKOFF


class LoginRequired(EnphaseStreamingError):
    """No valid token is available, and the site's owner has to log in for a new one."""


class BudgetExhausted(EnphaseStreamingError):
    """The budget has no call left. The failure that used the last one is chained.

    `renews` is when its next period begins (aware UTC), None for never.
    """

    reason: Reason = "budget"
    renews: datetime | None = None


class LedgerUnavailable(EnphaseStreamingError):
    """The ledger cannot count now: it is locked, full or out of reach. Nothing was sent."""

    retry = Retry.BACKOFF


class APIStatusError(EnphaseStreamingError):
    """The API answered with an error, before the stream or inside it.

    `status_code` is a plain int, since the API's 461 to 552 are in no registry. `status`
    (`INVALID_DURATION`, …), `type` (`validation_error`, …) and `message` are the API's own words,
    None or empty where it sent none. `body` is the start of the answer (64 KiB at most). This
    client's secrets are masked in all of them.
    """

    def __init__(
        self,
        text: str = "",
        *,
        status_code: int = 0,
        status: str | None = None,
        type: str | None = None,
        message: str = "",
        body: str = "",
    ) -> None:
        super().__init__(text or f"{status_code}: {message}")
        self.status_code: int = status_code
        self.status: str | None = status
        self.type: str | None = type
        self.message: str = message
        self.body: str = body
        self.retry: Retry = status_row(status_code).retry


class AuthenticationError(APIStatusError):
    """401: the key or the token is missing, wrong or expired, or the plan lacks streaming."""


class PermissionDeniedError(APIStatusError):
    """403: the owner of the token may not see this site."""


class RateLimitError(APIStatusError):
    """429: the calls that the plan allows are used up.

    `retry_at` is when the API takes calls again (aware UTC), `retry_in` the same in seconds from
    the answer, measured by the server's clock; both are None if the API did not say: wait a minute
    then. `period` is `"minute"` or `"month"` where the API named the limit; the month's is not
    `retryable`.
    """

    retry_at: datetime | None = None
    retry_in: float | None = None
    period: str | None = None


class InvalidDurationError(APIStatusError, InvalidDuration):
    """461, 462, 463: the API refused the duration."""


class UnsupportedGatewayError(APIStatusError):
    """466: the gateway is not active, or its software is older than 6.0.0."""


class SystemNotFoundError(APIStatusError):
    """468: no site has this id."""


class LiveStreamNotSupportedError(APIStatusError):
    """472: this site cannot stream."""


class GatewayNotReportingError(APIStatusError):
    """473: the gateway is offline at the moment."""


class ServiceUnavailableError(APIStatusError):
    """550, 551, 552 and every other 5xx: a failure on the API's side."""


class UnexpectedStatusError(APIStatusError):
    """A status without a class of its own."""


class StreamError(EnphaseStreamingError):
    """The stream opened, and did not end as planned. Readings before it were delivered."""


class StreamEndedEarly(StreamError):
    """The server closed the stream cleanly, before its duration was over.

    `missing` is the number of seconds that were left.
    """

    reason: Reason = "early"
    retry = Retry.BACKOFF

    def __init__(self, message: str = "", *, missing: float = 0.0) -> None:
        super().__init__(message)
        self.missing: float = missing


class StreamDropped(StreamError):
    """The connection broke inside the stream; the cause is chained."""

    reason: Reason = "dropped"
    retry = Retry.BACKOFF


class StreamStalled(StreamError):
    """The stream stayed without a reading for too long, or closed without one."""

    reason: Reason = "stalled"
    retry = Retry.BACKOFF


class MalformedEvent(StreamError):
    """An event is no JSON object. `data` is the start of its text."""

    def __init__(self, message: str = "", *, data: str = "") -> None:
        super().__init__(message)
        self.data: str = data


class EventTooLarge(StreamError):
    """An event grew beyond `max_event_bytes`."""

    reason: Reason = "too_large"


class NotAnEventStream(StreamError):
    """A 200 that is no event stream. `body` is its start, with this client's secrets masked."""

    reason: Reason = "not_a_stream"
    retry = Retry.BACKOFF

    def __init__(self, message: str = "", *, body: str = "") -> None:
        super().__init__(message)
        self.body: str = body


class StatusRow(NamedTuple):
    """What a status means: the exception it raises, and how `watch` reacts."""

    error: type[APIStatusError]
    retry: Retry = Retry.NEVER


STATUSES = {
    401: StatusRow(AuthenticationError, Retry.REFRESH),
    403: StatusRow(PermissionDeniedError),
    429: StatusRow(RateLimitError, Retry.PERIOD),
    461: StatusRow(InvalidDurationError),
    462: StatusRow(InvalidDurationError),
    463: StatusRow(InvalidDurationError),
    466: StatusRow(UnsupportedGatewayError),
    468: StatusRow(SystemNotFoundError),
    472: StatusRow(LiveStreamNotSupportedError),
    473: StatusRow(GatewayNotReportingError, Retry.SLOWLY),
    550: StatusRow(ServiceUnavailableError, Retry.BACKOFF),
    551: StatusRow(ServiceUnavailableError, Retry.BACKOFF),
    552: StatusRow(ServiceUnavailableError, Retry.BACKOFF),
}
"""One row for each status of the document."""


def status_row(status_code: int) -> StatusRow:
    """Return the row of a status; an undocumented 5xx is retried, any other is not."""
    if 500 <= status_code <= 599:
        return STATUSES.get(status_code, StatusRow(ServiceUnavailableError, Retry.BACKOFF))
    return STATUSES.get(status_code, StatusRow(UnexpectedStatusError))
