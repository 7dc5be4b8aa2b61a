"""The pytest fixture `enphase_mock`: a mock Enphase Streaming API on a free loopback port.

    def test_my_dashboard(enphase_mock):
        client = StreamingClient(**enphase_mock.client_options)

A marker sets what it serves: `@pytest.mark.enphase_mock(scenario="night", speed=1, seed=7)`.

The clock runs fifty times faster than real, so a 30-second window takes 0.6 s, and a client must
measure by the same clock (`monotonic=enphase_mock.monotonic`), or it sees the stream end early. Its
watchdogs run faster as well: 20 s without a reading are 0.4 s of a test. Set a lower `speed` for a
test that is slow itself, or `clock="hand"`: then there is no socket, the client takes
`transport=enphase_mock.transport()`, and time passes as the client waits for bytes, or by
`enphase_mock.advance(30)`. With `clock="still"` it passes by `advance` alone.

pytest loads this module wherever the library is installed, so it imports only pytest and the
standard library until the fixture is used.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pytest

# Loaded with pytest, so before any test freezes time: it keeps the real clock.
from enphase_streaming_mock.clock import HandClock
from enphase_streaming_mock.extra import how_to_install
from enphase_streaming_mock.validation import check_choice, check_options

if TYPE_CHECKING:
    from enphase_streaming_mock.mock import Mock

_SUITE = "enphase_streaming_mock.checks"
_MOCK: "pytest.StashKey[Any]" = pytest.StashKey()
DEFAULT_SPEED = 50.0
OPTIONS = (
    "scenario", "speed", "seed", "start", "wire", "plan", "token_lifetime", "limit_answer",
    "recording", "clock",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that `--strict-markers` accepts it."""
    config.addinivalue_line(
        "markers",
        "enphase_mock(scenario='sunny-day', speed=50, seed=0, start=None, wire='plain', "
        "plan='unlimited', token_lifetime=None, limit_answer='period', recording=None, "
        "clock=None): what the fixture enphase_mock serves in this test.",
    )


@pytest.hookimpl(hookwrapper=True)  # not `wrapper`: this is loaded under any pytest
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: Sequence[str]
) -> Generator[None, object, None]:
    """Add the options of the contract suite, `enphase_streaming_mock.checks`, where it is named."""
    if not any(_SUITE in argument.replace(os.sep, ".") for argument in args):
        yield
        return
    try:
        import enphase_streaming_mock.checks.options as options
    except ModuleNotFoundError as error:
        raise pytest.UsageError(how_to_install(error)) from None
    yield  # to the conftest.py files, which may have options of the same names
    options.add(early_config, parser, args)
    early_config.pluginmanager.register(options)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Tell a test that fails if its client seems to lack the mock's clock or transport."""
    outcome = yield
    report, mock = outcome.get_result(), item.stash.get(_MOCK, None)
    if report.when != "call" or not report.failed or mock is None:
        return
    by_hand = isinstance(mock.clock, HandClock)
    if by_hand and not mock.requests:
        said = "No request arrived, and a clock moved by hand has no socket: pass "
        report.sections.append(("enphase_mock", f"{said}transport=enphase_mock.transport()."))
    elif mock.calls and not mock.clock_read and (by_hand or mock.clock.speed != 1):
        said = "The client did not read the mock's clock, which is not in real time: pass "
        said += "monotonic=enphase_mock.monotonic and now=enphase_mock.now, or set speed=1."
        report.sections.append(("enphase_mock", said))


@pytest.fixture
def enphase_mock(request: pytest.FixtureRequest) -> "Iterator[Mock]":
    """A mock of the Enphase Streaming API for the length of the test.

    It listens on loopback; with `clock="hand"` or "still" it has no socket, only `transport()`.
    """
    try:
        mock = _marked_mock(request)
    except ModuleNotFoundError as error:
        pytest.fail(how_to_install(error), pytrace=False)
    except OSError as error:
        said = f"recording is {error.filename!r}: {error.strerror}"
        pytest.fail(f"pytest.mark.enphase_mock: {said}", pytrace=False)
    except (TypeError, ValueError) as error:
        pytest.fail(f"pytest.mark.enphase_mock: {error}", pytrace=False)
    request.node.stash[_MOCK] = mock
    if isinstance(mock, AbstractContextManager):
        with mock:
            yield mock
    else:
        yield mock


def _marked_mock(request: pytest.FixtureRequest) -> "Mock":
    """Return the mock that the test's marker asks for."""
    from enphase_streaming_mock.mock import Mock
    from enphase_streaming_mock.server import MockServer

    options = _marked_options(request)
    clock = options.pop("clock", None)
    if clock is None:
        return MockServer(**{"speed": DEFAULT_SPEED, **options})
    check_choice("clock", clock, ("hand", "still"))
    if "speed" in options:
        raise ValueError("clock and speed contradict each other: pass one of them.")
    start = options.pop("start", None)
    return Mock(clock=HandClock(start, pulled=clock == "hand"), **options)


def _marked_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the options of all markers; those of a function replace those of its module."""
    options: dict[str, Any] = {}
    for marker in reversed([*request.node.iter_markers("enphase_mock")]):
        if marker.args:
            first = marker.args[0]
            raise TypeError(f"{first!r} has no name: write {OPTIONS[0]}={first!r}.")
        check_options(marker.kwargs, *OPTIONS)
        if {"clock", "speed"} & marker.kwargs.keys():
            options = {key: options[key] for key in options.keys() - {"clock", "speed"}}
        options |= marker.kwargs
    return options
