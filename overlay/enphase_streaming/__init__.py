"""A typed client for the Enphase Streaming API: live power of a solar site.

`StreamingClient` and `AsyncStreamingClient` give readings as they arrive and say how every stream
ended. Every exception and type that a caller meets is importable from here.
"""

from __future__ import annotations

import logging
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from enphase_streaming import errors
from enphase_streaming.errors import *  # noqa: F403 - its __all__ holds nothing else
from enphase_streaming.version import __version__ as __version__

# Without a handler, warnings would go to the terminal.
logging.getLogger("enphase_streaming").addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from enphase_streaming.auth.oauth import authorize_url as authorize_url
    from enphase_streaming.auth.oauth import login_with_code as login_with_code
    from enphase_streaming.auth.oauth import login_with_password as login_with_password
    from enphase_streaming.auth.refreshing import RefreshingAuth as RefreshingAuth
    from enphase_streaming.auth.tokens import FileTokenStore as FileTokenStore
    from enphase_streaming.auth.tokens import MemoryTokenStore as MemoryTokenStore
    from enphase_streaming.auth.tokens import StaticAuth as StaticAuth
    from enphase_streaming.auth.tokens import TokenPair as TokenPair
    from enphase_streaming.auth.tokens import TokenStore as TokenStore
    from enphase_streaming.client import AsyncStreamingClient as AsyncStreamingClient
    from enphase_streaming.client import StreamingClient as StreamingClient
    from enphase_streaming.core.budget import Budget as Budget
    from enphase_streaming.core.energy import Energy as Energy
    from enphase_streaming.core.energy import FlowEnergy as FlowEnergy
    from enphase_streaming.core.energy import Gap as Gap
    from enphase_streaming.core.energy import sum_energy as sum_energy
    from enphase_streaming.core.ledger import Allowance as Allowance
    from enphase_streaming.core.ledger import Attempt as Attempt
    from enphase_streaming.core.ledger import Balance as Balance
    from enphase_streaming.core.ledger import Call as Call
    from enphase_streaming.core.ledger import Counted as Counted
    from enphase_streaming.core.ledger import Ledger as Ledger
    from enphase_streaming.core.ledger import UsedUp as UsedUp
    from enphase_streaming.core.ledger import Wait as Wait
    from enphase_streaming.core.options import Auth as Auth
    from enphase_streaming.core.plans import Plan as Plan
    from enphase_streaming.core.reading import Drift as Drift
    from enphase_streaming.core.reading import Reading as Reading
    from enphase_streaming.core.watch import StreamEnd as StreamEnd
    from enphase_streaming.ledger.sqlite import SqliteLedger as SqliteLedger
    from enphase_streaming.recording.reader import RecordedReadings as RecordedReadings
    from enphase_streaming.recording.reader import RecordedWindow as RecordedWindow
    from enphase_streaming.recording.reader import read_recording as read_recording
    from enphase_streaming.stream import AsyncReadingStream as AsyncReadingStream
    from enphase_streaming.stream import ReadingStream as ReadingStream
else:
    # Imported when first used: the command imports this package before it can handle Ctrl-C, and
    # `--help` needs nothing of it.
    _LAZY = {
        "auth.oauth": ["authorize_url", "login_with_code", "login_with_password"],
        "auth.refreshing": ["RefreshingAuth"],
        "auth.tokens": [
            "FileTokenStore",
            "MemoryTokenStore",
            "StaticAuth",
            "TokenPair",
            "TokenStore",
        ],
        "client": ["AsyncStreamingClient", "StreamingClient"],
        "core.budget": ["Budget"],
        "core.energy": ["Energy", "FlowEnergy", "Gap", "sum_energy"],
        "core.ledger": [
            "Allowance",
            "Attempt",
            "Balance",
            "Call",
            "Counted",
            "Ledger",
            "UsedUp",
            "Wait",
        ],
        "core.options": ["Auth"],
        "core.plans": ["Plan"],
        "core.reading": ["Drift", "Reading"],
        "core.watch": ["StreamEnd"],
        "ledger.sqlite": ["SqliteLedger"],
        "recording.reader": ["RecordedReadings", "RecordedWindow", "read_recording"],
        "stream": ["AsyncReadingStream", "ReadingStream"],
    }

    __all__ = sorted({"__version__", *errors.__all__, *chain(*_LAZY.values())})

    def __getattr__(name: str) -> Any:
        for module, names in _LAZY.items():
            if name in names:
                found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
