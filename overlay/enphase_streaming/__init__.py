"""A typed client for the Enphase Streaming API: live power of a solar site.

`StreamingClient` and `AsyncStreamingClient` give readings as they arrive and say how every stream
ended. Every exception and type that a caller meets is importable from here.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    LedgerUnavailable,
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
from enphase_streaming.version import __version__

if TYPE_CHECKING:
    from enphase_streaming.auth.auth import StaticAuth
    from enphase_streaming.auth.oauth import authorize_url, login_with_code, login_with_password
    from enphase_streaming.auth.refreshing import RefreshingAuth
    from enphase_streaming.auth.tokens import (
        FileTokenStore,
        MemoryTokenStore,
        TokenPair,
        TokenStore,
    )
    from enphase_streaming.client import AsyncStreamingClient, StreamingClient
    from enphase_streaming.core.budget import Budget
    from enphase_streaming.core.energy import Energy, FlowEnergy, Gap, sum_energy
    from enphase_streaming.core.ledger import (
        Allowance,
        Attempt,
        Balance,
        Call,
        Counted,
        Ledger,
        UsedUp,
        Wait,
    )
    from enphase_streaming.core.options import Auth
    from enphase_streaming.core.plans import Plan
    from enphase_streaming.core.reading import Drift, Reading
    from enphase_streaming.core.watch import StreamEnd
    from enphase_streaming.ledger.sqlite import SqliteLedger
    from enphase_streaming.recording.reader import (
        RecordedReadings,
        RecordedWindow,
        read_recording,
    )
    from enphase_streaming.stream import AsyncReadingStream, ReadingStream

__all__ = [
    "APIStatusError",
    "Allowance",
    "AsyncReadingStream",
    "AsyncStreamingClient",
    "Attempt",
    "Auth",
    "AuthenticationError",
    "Balance",
    "Budget",
    "BudgetExhausted",
    "Call",
    "ConnectionFailed",
    "Counted",
    "Drift",
    "Energy",
    "EnphaseStreamingError",
    "EventTooLarge",
    "FileTokenStore",
    "FlowEnergy",
    "Gap",
    "GatewayNotReportingError",
    "InvalidArgument",
    "InvalidDuration",
    "InvalidDurationError",
    "Ledger",
    "LedgerUnavailable",
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
    "RecordedReadings",
    "RecordedWindow",
    "RefreshingAuth",
    "ServiceUnavailableError",
    "SqliteLedger",
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
    "UsedUp",
    "Wait",
    "__version__",
    "authorize_url",
    "login_with_code",
    "login_with_password",
    "read_recording",
    "sum_energy",
]

# Without a handler, warnings would go to the terminal.
logging.getLogger("enphase_streaming").addHandler(logging.NullHandler())

# Imported when first used: the command imports this package before it can handle Ctrl-C, and
# `--help` needs nothing of it.
_LAZY = {
    "auth.auth": ("StaticAuth",),
    "client": ("AsyncStreamingClient", "StreamingClient"),
    "core.budget": ("Budget",),
    "core.energy": ("Energy", "FlowEnergy", "Gap", "sum_energy"),
    "core.ledger": (
        *("Allowance", "Attempt", "Balance", "Call", "Counted", "Ledger", "UsedUp", "Wait"),
    ),
    "core.options": ("Auth",),
    "core.plans": ("Plan",),
    "core.reading": ("Drift", "Reading"),
    "core.watch": ("StreamEnd",),
    "ledger.sqlite": ("SqliteLedger",),
    "stream": ("AsyncReadingStream", "ReadingStream"),
    "recording.reader": ("RecordedReadings", "RecordedWindow", "read_recording"),
    "auth.oauth": ("authorize_url", "login_with_code", "login_with_password"),
    "auth.refreshing": ("RefreshingAuth",),
    "auth.tokens": ("FileTokenStore", "MemoryTokenStore", "TokenPair", "TokenStore"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
