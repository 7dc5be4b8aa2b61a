"""Fixtures of the suite, and what is different on Prism and on the real API."""

from __future__ import annotations  # some of pytest's types have no public name before 8.4

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from enphase_streaming_mock.checks import consent, prism
from enphase_streaming_mock.checks.door import Answer, Door
from enphase_streaming_mock.checks.envelope import Departures, refusal_faults
from enphase_streaming_mock.checks.findings import findings
from enphase_streaming_mock.checks.options import backend_of
from enphase_streaming_mock.checks.recording import reserve, write
from enphase_streaming_mock.checks.window import Window
from enphase_streaming_mock.contract import load_contract

_HERE = Path(__file__).parent
_RECORDED = pytest.StashKey[str]()
_WINDOW = pytest.StashKey[Window]()
_DOOR = pytest.StashKey[Door]()
_DIFFERED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def door(pytestconfig: pytest.Config) -> Iterator[Door]:
    """The way to the backend."""
    with closing(Door(backend_of(pytestconfig), load_contract())) as opened:
        pytestconfig.stash[_DOOR] = opened
        yield opened


@pytest.fixture(scope="session")
def opened(door: Door, pytestconfig: pytest.Config) -> Window:
    """The one stream that a run reads to its end, whatever became of it.

    It is longer than the server's own choice, which shows that the duration counts; longer ones
    cost no more.
    """
    config = pytestconfig
    place = config.option.record or (Path() if door.backend.kind == "real" else None)
    try:
        file = None if place is None else reserve(place)
    except ValueError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    duration = door.contract.shortest * 3 // 2
    window = config.stash[_WINDOW] = Window(duration, door.backend.system_id)
    started = datetime.now(UTC)
    try:
        window.read(door, duration)
    finally:
        if file is not None:
            config.stash[_RECORDED] = file.name
            with file:
                write(file, window, started)
    return window


@pytest.fixture(scope="session")
def window(opened: Window) -> Window:
    """The same, if it opened."""
    if opened.status != 200:
        pytest.skip("no stream opened; test_a_stream_opens says why")
    return opened


@pytest.fixture(scope="session")
def departures(door: Door) -> Departures:
    """Says where an answer departs from the documented errors of these names."""

    def found(answer: Answer, *names: str) -> list[str]:
        documented = [door.contract.refusal(name) for name in names]
        return refusal_faults(answer, *documented, exact=door.backend.kind != "real")

    return found


@pytest.fixture(autouse=True)
def _nothing_more_is_asked_of_who_refused(request: pytest.FixtureRequest) -> None:
    window = request.config.stash.get(_WINDOW, None)
    real = backend_of(request.config).kind == "real"
    if real and request.node.get_closest_marker("costs_a_call") and window and window.status != 200:
        pytest.skip("the first call opened no stream, so nothing more is asked")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """On Prism, a check that is on its list has to fail as the list says."""
    on_prism = backend_of(pyfuncitem.config).kind == "prism"
    difference = prism.DIFFERENCES.get(pyfuncitem.name) if on_prism else None
    if difference is None:
        return (yield)
    try:
        yield
    except (AssertionError, pytest.fail.Exception):
        used: dict[str, Any] = pyfuncitem.funcargs
        answer = used["window"].answer if "window" in used else used["door"].last
    else:
        pytest.fail(f"Prism differs no longer; take it off its list: {difference.why}", False)
    assert prism.answered(answer, difference.why) == difference
    pyfuncitem.config.stash.setdefault(_DIFFERED, []).append(difference.why)
    return True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the real API, ask what one stream shows, and more as far as `--calls` allows."""
    backend = backend_of(config)
    if backend.kind != "real":
        return
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    streams = [item for item in ours if item.get_closest_marker("on_one_stream")]
    costly = [item for item in ours if item.get_closest_marker("costs_a_call")]
    allowed = max(0, backend.calls - bool(streams))
    chosen = streams + costly[:allowed]
    items[:] = [item for item in items if item not in ours] + chosen
    config.hook.pytest_deselected(items=[item for item in ours if item not in chosen])


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Say the price, and ask, before the first call of the real API."""
    backend = backend_of(session.config)
    if backend.kind != "real" or session.config.option.collectonly:
        return
    ours = [item for item in session.items if item.path.is_relative_to(_HERE)]
    streams = any(item.get_closest_marker("on_one_stream") for item in ours)
    costly = sum(item.get_closest_marker("costs_a_call") is not None for item in ours)
    if streams or costly:
        consent.obtain(session.config, backend, streams + costly)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was found, beside what failed."""
    stash = terminalreporter.config.stash
    differed: list[str] = stash.get(_DIFFERED, [])
    for why, checks in Counter(differed).items():
        terminalreporter.write_line(f"Prism differs: {why} ({checks})")
    if (
        backend_of(terminalreporter.config).kind != "real"
        or (door := stash.get(_DOOR, None)) is None
    ):
        return
    terminalreporter.section("what the stream showed")
    window = stash.get(_WINDOW, None)
    if window is not None:
        for line in findings(window, door.contract):
            terminalreporter.write_line(line)
    if _RECORDED in stash:
        terminalreporter.write_line(f"recorded in {stash[_RECORDED]}")
    terminalreporter.write_line(f"calls made: {door.asked}, {consent.price(door.asked)} at most")
