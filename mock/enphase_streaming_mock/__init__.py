"""A mock of the Enphase Streaming API: `enphase-mock serve`, or the pytest fixture `enphase_mock`.

The names below load their modules when first used: pytest imports this package wherever the library
is installed, with or without the packages that the mock needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from enphase_streaming_mock.extra import how_to_install

if TYPE_CHECKING:
    from enphase_streaming_mock.clock import Clock, HandClock, ScaledClock
    from enphase_streaming_mock.engine import Engine, Reply
    from enphase_streaming_mock.exchange import Request
    from enphase_streaming_mock.faults import Fault
    from enphase_streaming_mock.journal import RecordedRequest
    from enphase_streaming_mock.mock import Mock
    from enphase_streaming_mock.replay import Recording
    from enphase_streaming_mock.scenarios import SCENARIOS, Conditions, Scenario
    from enphase_streaming_mock.server import MockServer
    from enphase_streaming_mock.transport import MockTransport
    from enphase_streaming_mock.verdict import Finding
    from enphase_streaming_mock.wire import Wire

__all__ = [
    "SCENARIOS",
    "Clock",
    "Conditions",
    "Engine",
    "Fault",
    "Finding",
    "HandClock",
    "Mock",
    "MockServer",
    "MockTransport",
    "RecordedRequest",
    "Recording",
    "Reply",
    "Request",
    "ScaledClock",
    "Scenario",
    "Wire",
]

_MODULES = {
    "clock": ("Clock", "HandClock", "ScaledClock"),
    "engine": ("Engine", "Reply"),
    "exchange": ("Request",),
    "faults": ("Fault",),
    "journal": ("RecordedRequest",),
    "mock": ("Mock",),
    "replay": ("Recording",),
    "scenarios": ("SCENARIOS", "Conditions", "Scenario"),
    "server": ("MockServer",),
    "transport": ("MockTransport",),
    "verdict": ("Finding",),
    "wire": ("Wire",),
}


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            try:
                return getattr(import_module(f"{__name__}.{module}"), name)
            except ModuleNotFoundError as error:
                raise ModuleNotFoundError(how_to_install(error), name=error.name) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
