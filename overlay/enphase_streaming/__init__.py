"""A typed client for the Enphase Streaming API: live power of a solar site.

`StreamingClient` and `AsyncStreamingClient` give readings as they arrive and say how every stream
ended. Every exception and type that a caller meets is importable from here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from enphase_streaming.auth import Auth, RefreshingAuth, StaticAuth
from enphase_streaming.budget import Budget
from enphase_streaming.client import StreamingClient
from enphase_streaming.drift import Drift
from enphase_streaming.ends import StreamEnd
from enphase_streaming.errors import (
    APIStatusError,
    AuthenticationError,
    BudgetExhausted,
    ConnectionFailed,
    EnphaseStreamingError,
    EventTooLarge,
    GatewayNotReportingError,
    InvalidArgument,
    InvalidDuration,
    InvalidDurationError,
    LiveStreamNotSupportedError,
    LoginRequired,
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
from enphase_streaming.grants import authorize_url, login_with_code, login_with_password
from enphase_streaming.plans import Plan
from enphase_streaming.reading import Reading
from enphase_streaming.stream import ReadingStream
from enphase_streaming.tokens import FileTokenStore, MemoryTokenStore, TokenPair, TokenStore
from enphase_streaming.version import __version__

if TYPE_CHECKING:
    from enphase_streaming.aclient import AsyncStreamingClient
    from enphase_streaming.astream import AsyncReadingStream

__all__ = [
    "APIStatusError",
    "AsyncReadingStream",
    "AsyncStreamingClient",
    "Auth",
    "AuthenticationError",
    "Budget",
    "BudgetExhausted",
    "ConnectionFailed",
    "Drift",
    "EnphaseStreamingError",
    "EventTooLarge",
    "FileTokenStore",
    "GatewayNotReportingError",
    "InvalidArgument",
    "InvalidDuration",
    "InvalidDurationError",
    "LiveStreamNotSupportedError",
    "LoginRequired",
    "MalformedEvent",
    "MemoryTokenStore",
    "NotAnEventStream",
    "PermissionDeniedError",
    "Plan",
    "RateLimitError",
    "Reading",
    "ReadingStream",
    "RefreshingAuth",
    "ServiceUnavailableError",
    "StaticAuth",
    "StreamDropped",
    "StreamEnd",
    "StreamEndedEarly",
    "StreamError",
    "StreamStalled",
    "StreamingClient",
    "SystemNotFoundError",
    "TokenPair",
    "TokenStore",
    "UnexpectedStatusError",
    "UnsupportedGatewayError",
    "__version__",
    "authorize_url",
    "login_with_code",
    "login_with_password",
]

# A library is quiet until its user asks: without this, warnings would go to the terminal.
logging.getLogger("enphase_streaming").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    # asyncio is as heavy as all the rest, and a plain program never needs it.
    if name == "AsyncStreamingClient":
        from enphase_streaming.aclient import AsyncStreamingClient

        return AsyncStreamingClient
    if name == "AsyncReadingStream":
        from enphase_streaming.astream import AsyncReadingStream

        return AsyncReadingStream
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
