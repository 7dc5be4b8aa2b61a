"""Fixtures of all tests."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from callers import Caller, async_caller, sync_caller
from scripted import HandClock

# A background run may ignore SIGINT, and the commands under test inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Each client loads every authority that it trusts, which takes longer than most tests. This folder
# has none, so that no server beyond the tests is trusted either.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)

# Each pytest that a test starts would load this plugin, which takes longer than most such runs.
os.environ["PYTEST_ADDOPTS"] = f"{os.environ.get('PYTEST_ADDOPTS', '')} -p no:schemathesis"

settings.register_profile("suite", deadline=None, print_blob=True)
settings.load_profile("suite")


@pytest.fixture(params=[sync_caller, async_caller], ids=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """Return the caller of each client in turn."""
    caller: Caller = request.param
    return caller


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set a local time zone that no test uses."""
    if sys.platform == "win32":
        pytest.skip("Windows has no TZ variable")
    monkeypatch.setenv("TZ", "XXX-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock() -> HandClock:
    """Return a clock that only the test moves."""
    return HandClock()


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name == "enphase-streaming":
            thread.join(5)
            assert not thread.is_alive(), "the client left a thread behind"
