"""A typed client for the Enphase Streaming API: live power of a solar site.

`StreamingClient` and `AsyncStreamingClient` give readings as they arrive and say how every stream
ended. Every exception and type that a caller meets is importable from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from enphase_streaming.client import ReadingStream, StreamingClient
from enphase_streaming.errors import (
    APIStatusError,
    AuthenticationError,
    ConnectionFailed,
    EnphaseStreamingError,
    EventTooLarge,
    GatewayNotReportingError,
    InvalidArgument,
    InvalidDuration,
    InvalidDurationError,
    LiveStreamNotSupportedError,
    MalformedEvent,
    NotAnEventStream,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    StreamDropped,
    StreamEndedEarly,
    StreamError,
    StreamStalled,
    SystemNotFoundError,
    UnexpectedStatusError,
    UnsupportedGatewayError,
)
from enphase_streaming.reading import Drift, Reading
from enphase_streaming.version import __version__
from enphase_streaming.window import StreamEnd

if TYPE_CHECKING:
    from enphase_streaming.aclient import AsyncReadingStream, AsyncStreamingClient

__all__ = [
    "APIStatusError",
    "AsyncReadingStream",
    "AsyncStreamingClient",
    "AuthenticationError",
    "ConnectionFailed",
    "Drift",
    "EnphaseStreamingError",
    "EventTooLarge",
    "GatewayNotReportingError",
    "InvalidArgument",
    "InvalidDuration",
    "InvalidDurationError",
    "LiveStreamNotSupportedError",
    "MalformedEvent",
    "NotAnEventStream",
    "PermissionDeniedError",
    "RateLimitError",
    "Reading",
    "ReadingStream",
    "ServiceUnavailableError",
    "StreamDropped",
    "StreamEnd",
    "StreamEndedEarly",
    "StreamError",
    "StreamStalled",
    "StreamingClient",
    "SystemNotFoundError",
    "UnexpectedStatusError",
    "UnsupportedGatewayError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # asyncio is as heavy as all the rest, and a plain program never needs it.
    if name in ("AsyncReadingStream", "AsyncStreamingClient"):
        from enphase_streaming import aclient

        return getattr(aclient, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
