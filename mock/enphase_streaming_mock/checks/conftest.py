"""Fixtures of the suite; and on the real API, what is asked, consent to its price, and findings."""

from __future__ import annotations  # some of pytest's types have no public name before 8.4

import re
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from enphase_streaming_mock.checks.backend import Backend
from enphase_streaming_mock.checks.client import Client
from enphase_streaming_mock.checks.document import CONTRACT
from enphase_streaming_mock.checks.findings import findings
from enphase_streaming_mock.checks.options import backend_of
from enphase_streaming_mock.checks.stream import Window, read_stream
from enphase_streaming_mock.plans import PLANS

_CLIENT = pytest.StashKey[Client]()
_WINDOW = pytest.StashKey[Window]()
_CALLS = pytest.StashKey[int]()
# The value of a serial number in a message about the schema.
_SERIAL_NUMBER = re.compile(r"(\$\S*serial\S*: ).*( is not of type )")


@pytest.fixture(scope="session")
def client(pytestconfig: pytest.Config) -> Iterator[Client]:
    """A client of the server under test."""
    with closing(Client(backend_of(pytestconfig))) as opened:
        pytestconfig.stash[_CLIENT] = opened
        yield opened


@pytest.fixture(scope="session")
def any_window(client: Client, pytestconfig: pytest.Config) -> Window:
    """The one stream that all stream checks judge, with any status.

    It lasts longer than the server's default, to show that `duration` counts, and costs the same.
    """
    duration = CONTRACT.shortest * 3 // 2
    window = pytestconfig.stash[_WINDOW] = read_stream(client, duration)
    return window


@pytest.fixture(scope="session")
def window(any_window: Window) -> Window:
    """The one stream, if it opened."""
    if any_window.answer.status != 200:
        pytest.skip("no stream opened, see test_stream_opens")
    return any_window


@pytest.fixture(autouse=True)
def _stop_after_a_refusal(request: pytest.FixtureRequest) -> None:
    window = request.config.stash.get(_WINDOW, None)
    is_paid = backend_of(request.config).is_real and request.node.get_closest_marker("costs_a_call")
    if is_paid and window is not None and window.answer.status != 200:
        pytest.skip("the first call opened no stream, so no further call is made")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select what the calls to the real API pay for: one stream, then as many single requests."""
    backend = backend_of(config)
    if not backend.is_real:
        return
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    streams = [item for item in ours if item.get_closest_marker("on_one_stream")]
    single = [item for item in ours if item.get_closest_marker("costs_a_call")]
    single = single[: backend.calls - bool(streams)]
    config.stash[_CALLS] = len(single) + bool(streams)
    left_out = [item for item in ours if item not in streams + single]
    items[:] = [item for item in items if item not in ours] + streams + single
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """State the price before the first call to the real API; at a terminal, ask for consent."""
    config = session.config
    calls = config.stash.get(_CALLS, 0)
    if not calls or config.option.collectonly:
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    try:
        count = "one call" if calls == 1 else f"{calls} calls"
        where = backend_of(config).base_url
        print(f"\n{count} to {where}: {_price(calls)} at most.", file=sys.stderr)
        if sys.stdin.isatty():
            print("Continue? [y/N] ", end="", file=sys.stderr, flush=True)
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                pytest.exit("Not confirmed: no call was made.", returncode=0)
    finally:
        if capture is not None:
            capture.resume_global_capture()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mask what a failure on the real API would tell about the account and the system."""
    report, backend = (yield), backend_of(item.config)
    if backend.is_real:
        if report.failed:
            report.longrepr = _masked(backend, str(report.longrepr))
        report.sections = [(name, _masked(backend, text)) for name, text in report.sections]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report what the stream of the real API showed that is documented nowhere."""
    config = terminalreporter.config
    client = config.stash.get(_CLIENT, None)
    if client is None or not client.backend.is_real:
        return
    terminalreporter.section("what the stream showed")
    if _WINDOW in config.stash:
        for line in findings(config.stash[_WINDOW]):
            terminalreporter.write_line(_masked(client.backend, line))
    terminalreporter.write_line(f"calls made: {client.sent}, {_price(client.sent)} at most")


def _price(calls: int) -> str:
    dearest = max(plan.per_stream for plan in PLANS.values())
    return f"${dearest * calls:.2f}"


def _masked(backend: Backend, text: str) -> str:
    text = _SERIAL_NUMBER.sub(r"\1***\2", text)
    for value in (backend.api_key, backend.access_token, str(backend.system_id)):
        if len(value) > 3:  # a shorter one may stand anywhere
            text = text.replace(value, "***")
    return text
