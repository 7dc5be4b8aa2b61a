"""The suite on the real API, for which a mock stands in: what is asked, paid, shown and hidden."""

import base64
import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import written
from enphase_streaming_mock import Fault, MockServer, Wire
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.replay import FORMAT
from enphase_streaming_mock.scenarios.catalog import SpellingDrift

if sys.platform != "win32":
    import pty

pytest_plugins = ["pytester"]

SPEED = 200.0
pytestmark = pytest.mark.enphase_mock(speed=SPEED)
PLUGIN = ("-p", "enphase_streaming_mock.pytest_plugin", "--assert=plain")
SUITE = ("-p", "no:cacheprovider", "--pyargs", "enphase_streaming_mock.checks")
NAMED = ("ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN", "ENPHASE_SYSTEM_ID")
STATUS = {
    name: load_contract().refusal(name).status
    for name in ("tooShort", "tooLong", "notInteger", "apiKeyMissing")
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, enphase_mock: MockServer) -> MockServer:
    """A mock in place of the real API, with its credentials in the environment."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for name, value in credentials(enphase_mock).items():
        monkeypatch.setenv(name, value)
    return enphase_mock


def credentials(mock: MockServer) -> dict[str, str]:
    values = (mock.api_key, mock.access_token, str(mock.system_id))
    return dict(zip(NAMED, values, strict=True))


def options(mock: MockServer) -> tuple[str, ...]:
    return "--backend=real", "--base-url", mock.base_url, f"--clock-speed={SPEED}"


def run(pytester: pytest.Pytester, api: MockServer, *more: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*PLUGIN, *SUITE, *options(api), *more)


def played(folder: Path, *events: dict[str, Any]) -> MockServer:
    """A mock that sends these events in one window."""
    data = "".join(f"data:{json.dumps(event)}\n\n" for event in events)
    lines: list[dict[str, Any]] = [
        {"format": FORMAT, "version": 1},
        {"at": 0, "open": {"status": 200, "content_type": "text/event-stream"}},
        {"at": 1, "bytes": base64.b64encode(data.encode()).decode()},
        {"at": 45, "end": "planned"},
    ]
    path = folder / "events.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return MockServer(recording=path, speed=SPEED)


def test_one_call_is_made_and_its_price_stated(pytester: pytest.Pytester, api: MockServer) -> None:
    result = run(pytester, api)
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == 11
    api.assert_calls(1)
    assert f"one call to {api.base_url}: $0.10 at most." in result.stderr.str()
    result.stdout.fnmatch_lines(["45 readings in * s of 45 s", "calls made: 1, $0.10 at most"])


def test_no_call_is_made_before_the_price_is_stated(
    pytester: pytest.Pytester, api: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(io.StringIO):
        def write(self, text: str) -> int:
            if "at most" in text:
                asked.append(len(api.requests))
            return super().write(text)

    asked: list[int] = []
    monkeypatch.setattr(sys, "stderr", Watched())
    pytester.inline_run(*PLUGIN, "-s", *SUITE, *options(api))
    assert asked == [0]
    api.assert_calls(1)


def test_more_calls_are_made_if_allowed(pytester: pytest.Pytester, api: MockServer) -> None:
    result = run(pytester, api, "--calls", "3")
    assert result.ret == 0
    statuses = [request.status for request in api.requests]
    assert statuses == [200, STATUS["tooShort"], STATUS["tooLong"]]
    assert f"3 calls to {api.base_url}: $0.30 at most." in result.stderr.str()


def test_no_more_calls_are_announced_and_made_than_there_are_checks(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    result = run(pytester, api, "--calls", "999")
    assert result.ret == 0
    assert f"{len(api.requests)} calls to" in result.stderr.str()
    assert {request.status for request in api.requests} == {200, *STATUS.values()}


@pytest.mark.parametrize(
    "fault", [Fault("error", code=551, always=True), Fault("hang-up", always=True)]
)
def test_refused_call_is_the_last(pytester: pytest.Pytester, api: MockServer, fault: Fault) -> None:
    api.fault(fault)
    result = run(pytester, api, "--calls", "9")
    assert result.ret == 1
    assert len(api.requests) <= 1
    result.stdout.fnmatch_lines(["calls made: 1, $0.10 at most"])


def test_plan_without_streaming_is_reported(pytester: pytest.Pytester, api: MockServer) -> None:
    api.set_plan("watt")
    result = run(pytester, api)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        ["the status is 401, documented is 200", "*Application is not authorized*"]
    )


def test_undocumented_form_is_a_finding_and_no_failure(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    api.use("spelling-drift", wire=Wire(nesting="outer", unknown_fields=True, keep_alive=5.0))
    result = run(pytester, api)
    assert result.ret == 0
    # Another spelling every ten seconds: which ones came depends on when the stream began.
    began = (api.calls[-1].received - api.engine.start) // timedelta(seconds=1)
    spellings = {SpellingDrift().conditions(began + second).battery_mode for second in range(45)}
    published = written.read()["components"]["schemas"]["KnownBatteryMode"]["enum"]
    unpublished = sorted(spellings - set(published))
    result.stdout.fnmatch_lines(
        [
            "45 of 45 events have one more `data` around them",
            "fields of the event stream: comments, data; line ends: LF; byte order mark: no",
            "fields that are not in the document: 'evse_power', 'firmware', 'schema_version'",
            f"values of battery_mode that were not published: {', '.join(map(repr, unpublished))}",
        ]
    )


def test_undocumented_type_fails(pytester: pytest.Pytester, api: MockServer) -> None:
    api.use(wire=Wire(numbers="strings"))
    result = run(pytester, api)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["event 1: $.data.pv_power: '*' is not of type 'integer'"])


def test_no_secret_is_shown(pytester: pytest.Pytester, api: MockServer) -> None:
    # A server that repeats what it was sent, in events that fail checks.
    echo = f"{api.api_key} {api.access_token}"
    event = {"data": {"envoy_serial_number": "121900000001", "owner": "jo@home.example"}}
    with played(pytester.path, event | {"type": echo}, {"data": {"pv_power": echo}}) as echoing:
        result = run(
            *(pytester, echoing, "-vv", "--showlocals"),
            *("--log-level=DEBUG", "--capture=no", "--setup-show"),
        )
    assert result.parseoutcomes()["failed"] > 1
    shown = result.stdout.str() + result.stderr.str()
    assert "type is '*** ***'" in shown
    assert "$.data.pv_power: '*** ***' is not of type 'integer'" in shown
    assert "$.data.envoy_serial_number: *** is not of type 'array'" in shown
    for secret in (api.api_key, api.access_token, "121900000001", "jo@home.example"):
        assert secret not in shown


def test_unexpected_exception_shows_no_secret(
    pytester: pytest.Pytester, api: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError(f"no way for {api.api_key}")

    monkeypatch.setattr(httpx.Client, "stream", fail)
    result = run(pytester, api, "--showlocals")
    result.stdout.fnmatch_lines(["*RuntimeError: no way for [*][*][*]"])
    shown = result.stdout.str() + result.stderr.str()
    assert api.api_key not in shown
    assert api.access_token not in shown


def test_missing_variable_is_named_and_no_call_made(
    pytester: pytest.Pytester, api: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENPHASE_ACCESS_TOKEN")
    result = run(pytester, api)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*ENPHASE_ACCESS_TOKEN is not set*"])
    api.assert_calls(0)


def test_run_with_xdist_is_refused(pytester: pytest.Pytester, api: MockServer) -> None:
    result = run(pytester, api, "-p", "xdist.plugin", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*needs a single process: run without pytest-xdist.*"])
    api.assert_calls(0)


def test_listing_the_checks_costs_nothing(pytester: pytest.Pytester, api: MockServer) -> None:
    assert run(pytester, api, "--collect-only", "-q").ret == 0
    api.assert_calls(0)


@pytest.mark.parametrize(("answer", "calls"), [("", 0), ("yes", 1)])
def test_terminal_is_asked_for_consent(
    tmp_path: Path, api: MockServer, answer: str, calls: int
) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        finished = subprocess.run(
            [sys.executable, "-m", "pytest", *PLUGIN, *SUITE, *options(api)],
            cwd=tmp_path,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert finished.returncode == 0, finished.stdout
    assert "Continue? [y/N]" in finished.stderr
    api.assert_calls(calls)
