"""What can go wrong, as exceptions.

::

    EnphaseStreamingError
    ├── InvalidArgument (ValueError)      refused before any call is made
    │   └── InvalidDuration
    ├── ConnectionFailed                  no response: DNS, refused, TLS, time-out
    ├── LoginRequired                     the tokens are spent or refused
    ├── BudgetExhausted                   no call is left to spend
    ├── APIStatusError                    the API answered with an error
    │   ├── AuthenticationError           401
    │   ├── PermissionDeniedError         403
    │   ├── RateLimitError                429
    │   ├── InvalidDurationError          461, 462, 463 (InvalidDuration)
    │   ├── UnsupportedGatewayError       466
    │   ├── SystemNotFoundError           468
    │   ├── LiveStreamNotSupportedError   472
    │   ├── GatewayNotReportingError      473
    │   ├── ServiceUnavailableError       550, 551, 552 and every other 5xx
    │   └── UnexpectedStatusError         anything else
    └── StreamError                       the stream opened, and did not end well
        ├── StreamEndedEarly
        ├── StreamDropped
        ├── StreamStalled
        ├── MalformedEvent
        ├── EventTooLarge
        └── NotAnEventStream
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVarTuple

if TYPE_CHECKING:
    from datetime import datetime

Ts = TypeVarTuple("Ts")


class EnphaseStreamingError(Exception):
    """The base of every exception that this library raises on purpose.

    `of_callback` tells that a callback of yours raised it: a `watch` does not try to mend that.
    """

    of_callback: bool = False


def call_back(callback: Callable[[*Ts], object], *arguments: *Ts) -> None:
    """Call what the user gave, and note whose an exception of this library is."""
    try:
        callback(*arguments)
    except EnphaseStreamingError as error:
        error.of_callback = True
        raise


class InvalidArgument(EnphaseStreamingError, ValueError):
    """An argument breaks a rule; nothing was sent and nothing was spent."""


class InvalidDuration(InvalidArgument):
    """A duration that is not 30 to 300 whole seconds.

    `status_code` is the answer that the API has for such a value: 461 (too short), 462 (too
    long) or 463 (not an integer).
    """

    status_code: int = 463

    def __init__(self, message: str = "", *, status_code: int | None = None) -> None:
        super().__init__(message)
        if status_code is not None:
            self.status_code = status_code


class ConnectionFailed(EnphaseStreamingError):
    """No response came: DNS, a refused connection, TLS, or silence until the time-out.

    `untrusted` is true if the server's certificate was not accepted: trying again will not help.
    """

    untrusted: bool = False

    def __init__(self, message: str = "", *, untrusted: bool = False) -> None:
        super().__init__(message)
        self.untrusted = untrusted


class LoginRequired(EnphaseStreamingError):
    """There is no token that opens a stream, and none can be had without the site's owner."""


class BudgetExhausted(EnphaseStreamingError):
    """The budget has no call left; the failure that used the last one is chained."""


class APIStatusError(EnphaseStreamingError):
    """The API answered with an error, before the stream or inside it.

    `status_code` is a plain int, since the API's 461 to 552 are in no registry. `status`
    (`INVALID_DURATION`, …), `type` (`validation_error`, …) and `message` are the API's own words,
    None or empty where it sent none. `retryable` tells whether the same call can succeed later.
    `body` is the start of the answer (64 KiB at most), with this client's secrets masked.
    """

    retryable: bool = False
    status_code: int = 0
    status: str | None = None
    type: str | None = None
    message: str = ""
    body: str = ""

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
        self.status_code = status_code
        self.status = status
        self.type = type
        self.message = message
        self.body = body


class AuthenticationError(APIStatusError):
    """401: the key or the token is missing, wrong or expired, or the plan lacks streaming."""


class PermissionDeniedError(APIStatusError):
    """403: the owner of the token may not see this site."""


class RateLimitError(APIStatusError):
    """429: the calls that the plan allows are used up.

    `retry_at` is when the API takes calls again (aware UTC), None if it did not say; wait a minute
    then. `period` is `"minute"` or `"month"` where the API named the limit; the month's is not
    `retryable`.
    """

    retryable = True
    retry_at: datetime | None = None
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

    retryable = True


class ServiceUnavailableError(APIStatusError):
    """550, 551, 552 and every other 5xx: a failure on the API's side."""

    retryable = True


class UnexpectedStatusError(APIStatusError):
    """A status that nobody documented."""


class StreamError(EnphaseStreamingError):
    """The stream opened, and did not end as planned. Readings before it were delivered."""


class StreamEndedEarly(StreamError):
    """The server closed the stream in good order, before its duration was over.

    `missing` is the number of seconds that were left.
    """

    missing: float = 0.0

    def __init__(self, message: str = "", *, missing: float = 0.0) -> None:
        super().__init__(message)
        self.missing = missing


class StreamDropped(StreamError):
    """The connection broke inside the stream; the cause is chained."""


class StreamStalled(StreamError):
    """The stream stayed without a reading for too long, or closed without one."""


class MalformedEvent(StreamError):
    """An event is no JSON object. `data` is the start of its text."""

    data: str = ""

    def __init__(self, message: str = "", *, data: str = "") -> None:
        super().__init__(message)
        self.data = data


class EventTooLarge(StreamError):
    """An event grew beyond `max_event_bytes`."""


class NotAnEventStream(StreamError):
    """A 200 that is no event stream. `body` is its start, with this client's secrets masked."""

    body: str = ""

    def __init__(self, message: str = "", *, body: str = "") -> None:
        super().__init__(message)
        self.body = body


STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    429: RateLimitError,
    461: InvalidDurationError,
    462: InvalidDurationError,
    463: InvalidDurationError,
    466: UnsupportedGatewayError,
    468: SystemNotFoundError,
    472: LiveStreamNotSupportedError,
    473: GatewayNotReportingError,
    550: ServiceUnavailableError,
    551: ServiceUnavailableError,
    552: ServiceUnavailableError,
}
