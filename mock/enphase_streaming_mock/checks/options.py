"""The suite's command-line options and markers.

They exist only in a pytest run that names the suite. `pytest_plugin.py` registers this module,
because a conftest.py is loaded too late to add options for a package named with `--pyargs`.
"""

import os
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from enphase_streaming_mock.checks.backend import KINDS, Backend, choose_backend
from enphase_streaming_mock.checks.client import Client
from enphase_streaming_mock.checks.document import CONTRACT

_BACKEND = pytest.StashKey[Backend]()
_TAKEN = pytest.StashKey[str]()

_OPTIONS: dict[str, dict[str, Any]] = {
    "--base-url": {"help": "where the API begins (a mock on this machine)"},
    "--backend": {"choices": KINDS, "help": "what is there; `real` is paid for (mock)"},
    "--system-id": {"help": "the system to ask for (the mock's, or ENPHASE_SYSTEM_ID)"},
    "--clock-speed": {"type": float, "default": 1.0, "help": "the mock's --speed (%(default)g)"},
    "--calls": {
        "type": int,
        "default": 1,
        "help": "the most calls to the real API; each may cost (%(default)s)",
    },
}
_MARKERS = (
    "on_one_stream: checks the one stream that is opened on the real API.",
    "costs_a_call: needs a call of its own on the real API.",
)


def add(config: pytest.Config, parser: pytest.Parser, arguments: Sequence[str]) -> None:
    """Add the options, except those that another plugin has added.

    `--base-url` of pytest-base-url means the same, and is shared.
    """
    known = vars(parser.parse_known_args(arguments))
    group = parser.getgroup("enphase", "contract suite of the Enphase Streaming API")
    for name, details in _OPTIONS.items():
        if name[2:].replace("-", "_") not in known:
            group.addoption(name, **details)
        elif name != "--base-url":
            config.stash[_TAKEN] = name


def backend_of(config: pytest.Config) -> Backend:
    """Return the server under test. Raises UsageError if the plugin was not loaded."""
    backend = config.stash.get(_BACKEND, None)
    if backend is None:
        raise pytest.UsageError(
            "The contract suite's options are missing: run pytest with "
            "-p enphase_streaming_mock.pytest_plugin --pyargs enphase_streaming_mock.checks"
        )
    return backend


@pytest.hookimpl(trylast=True)  # after pytest-base-url has set the address
def pytest_configure(config: pytest.Config) -> None:
    """Choose the server before anything is sent."""
    if _TAKEN in config.stash:
        raise pytest.UsageError(
            f"{config.stash[_TAKEN]} belongs to another plugin or a conftest.py here: run the "
            "suite in another folder, or disable that plugin with -p no:NAME."
        )
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    option = config.option
    try:
        backend = choose_backend(
            os.environ,
            kind=option.backend,
            base_url=option.base_url or None,
            system_id=option.system_id,
            clock_speed=option.clock_speed,
            calls=option.calls,
        )
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    is_distributed = hasattr(config, "workerinput") or getattr(option, "dist", "no") != "no"
    if backend.is_real and is_distributed:
        raise pytest.UsageError("--backend real needs a single process: run without pytest-xdist.")
    config.stash[_BACKEND] = backend


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop the run if the server cannot be reached; the real API is not asked beforehand."""
    config, backend = session.config, backend_of(session.config)
    if backend.is_real or config.option.collectonly or hasattr(config, "workerinput"):
        return
    is_usual = backend.base_url.endswith(CONTRACT.base_path)
    with closing(Client(backend)) as client:
        # Where the path looks right, no stream is opened for this.
        answer = client.ask(url=backend.base_url if is_usual else None)
    if answer.status == 0:
        raise pytest.UsageError(
            f"No server at {backend.base_url}: {answer.trouble}. Start one: enphase-mock serve"
        )
    if answer.status == 404 and not is_usual:
        raise pytest.UsageError(
            f"No stream under {backend.base_url}: --base-url usually ends in {CONTRACT.base_path}."
        )


def pytest_report_header(config: pytest.Config) -> str:
    """Name the server under test."""
    backend = backend_of(config)
    return f"contract: {'real API' if backend.is_real else 'mock'} at {backend.base_url}"
