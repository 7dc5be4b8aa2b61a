"""The suite's options and markers, for a pytest run that names the suite and for no other.

The plugin that pytest loads with this library brings them in (`pytest_plugin.py`): a conftest.py
would come too late for what `--pyargs` names.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from enphase_streaming_mock.checks.backend import KINDS, Backend, choose
from enphase_streaming_mock.checks.door import Unanswered, knock

_STARTS = {"mock": "enphase-mock serve", "prism": "make prism"}
_BACKEND = pytest.StashKey[Backend]()
_TAKEN = pytest.StashKey[str]()

_OPTIONS: dict[str, dict[str, Any]] = {
    "--base-url": {"help": "where the API begins; the backend's usual address when left out"},
    "--backend": {"choices": KINDS, "help": "what is there (mock)"},
    "--system-id": {"help": "the site (the mock's; of the real API, ENPHASE_SYSTEM_ID)"},
    "--clock-speed": {"type": float, "default": 1.0, "help": "the mock's --speed (%(default)g)"},
    "--calls": {
        "type": int,
        "default": 1,
        "help": "the most calls of the real API; each may cost (%(default)s)",
    },
    "--record": {"type": Path, "help": "file or folder for the bytes of the stream"},
}
_MARKERS = (
    "on_one_stream: what one stream of the real API shows.",
    "costs_a_call: takes a call of its own on the real API.",
)


def add(config: pytest.Config, parser: pytest.Parser, arguments: Sequence[str]) -> None:
    """Add those options that nobody has yet.

    pytest-base-url has `--base-url` too, and means the same, so it is shared.
    """
    known = vars(parser.parse_known_args(arguments))
    group = parser.getgroup("enphase", "the contract of the Enphase Streaming API")
    for name, details in _OPTIONS.items():
        if name[2:].replace("-", "_") not in known:
            group.addoption(name, **details)
        elif name != "--base-url":
            config.stash[_TAKEN] = name


def backend_of(config: pytest.Config) -> Backend:
    """What the suite runs on. Raises UsageError if pytest did not load its plugin."""
    backend = config.stash.get(_BACKEND, None)
    if backend is None:
        raise pytest.UsageError(
            "the suite has no options here; name it with -p enphase_streaming_mock.pytest_plugin "
            "--pyargs enphase_streaming_mock.checks"
        )
    return backend


@pytest.hookimpl(trylast=True)  # pytest-base-url settles the address
def pytest_configure(config: pytest.Config) -> None:
    """Settle what the suite runs on, before anything is asked."""
    if _TAKEN in config.stash:
        raise pytest.UsageError(
            f"{config.stash[_TAKEN]} belongs to another plugin or a conftest.py here; "
            "run the suite in another folder, or with -p no:NAME for that plugin"
        )
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    option = config.option
    try:
        backend = choose(
            os.environ,
            kind=option.backend,
            base_url=option.base_url or None,
            system_id=option.system_id,
            clock_speed=option.clock_speed,
            calls=option.calls,
        )
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    distributed = hasattr(config, "workerinput") or getattr(option, "dist", "no") != "no"
    if backend.kind == "real" and distributed:
        raise pytest.UsageError("the real API is called by one process; leave pytest-xdist out")
    config.stash[_BACKEND] = backend


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop where nobody would answer a single check; the real API is asked nothing beforehand."""
    config, backend = session.config, backend_of(session.config)
    starts = _STARTS.get(backend.kind)
    if starts is None or config.option.collectonly or hasattr(config, "workerinput"):
        return
    try:
        knock(backend)
    except Unanswered as nobody:
        raise pytest.UsageError(f"{nobody}; `{starts}` starts one") from None


def pytest_report_header(config: pytest.Config) -> str:
    """Say what the suite runs on."""
    backend = backend_of(config)
    return f"contract: {backend.kind} at {backend.base_url}"
