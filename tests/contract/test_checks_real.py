"""The suite on the real API, in whose place a mock stands: what is asked, said and kept."""

import base64
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from enphase_streaming import StreamingClient
from enphase_streaming_mock import Fault, MockServer, Recording, Wire

pytest_plugins = ["pytester"]

SPEED = 200.0
pytestmark = pytest.mark.enphase_mock(speed=SPEED)
PLUGIN = ("-p", "enphase_streaming_mock.pytest_plugin", "--assert=plain")
SUITE = ("-p", "no:cacheprovider", "--pyargs", "enphase_streaming_mock.checks")
NAMED = ("ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN", "ENPHASE_SYSTEM_ID")


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


def recording(folder: Path) -> Path:
    (found,) = folder.glob("*.jsonl")
    return found


def test_one_call_is_made_and_its_price_said_before(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    result = run(pytester, api)
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == 11
    api.assert_calls(1)
    assert f"one call of {api.base_url}: $0.10 at most." in result.stderr.str()
    result.stdout.fnmatch_lines(
        ["45 readings in 4?.? s of 45 s", "recorded in *", "calls made: 1, $0.10 at most"]
    )


def test_no_call_is_made_before_the_price_is_said(
    pytester: pytest.Pytester, api: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(io.StringIO):
        def write(self, text: str) -> int:
            if "at most" in text:
                asked.append(len(api.requests))
            return super().write(text)

    asked: list[int] = []
    monkeypatch.setattr(sys, "stderr", Deaf())
    pytester.inline_run(*PLUGIN, "-s", *SUITE, *options(api))
    assert asked == [0]
    api.assert_calls(1)


def test_its_recording_is_kept_and_can_be_played(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    assert run(pytester, api).ret == 0
    with (
        MockServer(recording=recording(pytester.path), speed=SPEED) as played,
        StreamingClient(**played.client_options) as client,
        client.live_data(played.system_id, duration=45) as stream,
    ):
        readings = list(stream)
    assert stream.end is not None
    assert (stream.end.reason, len(readings)) == ("planned", 45)
    assert all(reading.balance == 0 and not reading.drift for reading in readings)


def test_a_recording_names_no_site(pytester: pytest.Pytester, api: MockServer) -> None:
    assert run(pytester, api, "--record", "kept.jsonl").ret == 0
    (window,) = Recording.load(pytester.path / "kept.jsonl").windows
    body = b"".join(step.data for step in window.steps)
    assert len(set(re.findall(rb'"system_id":(\d{4}),', body))) == 1
    assert b'"system_id":1765' not in body
    assert b"121900000001" not in body


def test_a_file_that_exists_is_kept_and_no_call_made(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    (pytester.path / "kept.jsonl").write_text("precious", "utf-8")
    result = run(pytester, api, "--record", "kept.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*--record: kept.jsonl exists; choose another name*"])
    assert (pytester.path / "kept.jsonl").read_text("utf-8") == "precious"
    api.assert_calls(0)


def test_more_is_asked_as_far_as_calls_allow(pytester: pytest.Pytester, api: MockServer) -> None:
    result = run(pytester, api, "--calls", "3")
    assert result.ret == 0
    assert [request.status for request in api.requests] == [200, 461, 462]
    assert f"3 calls of {api.base_url}: $0.30 at most." in result.stderr.str()


def test_no_more_is_announced_and_asked_than_there_is_to_ask(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    result = run(pytester, api, "--calls", "999")
    assert result.ret == 0
    assert f"{len(api.requests)} calls of" in result.stderr.str()
    assert sorted({request.status for request in api.requests}) == [200, 401, 461, 462, 463]


@pytest.mark.parametrize(
    "fault", [Fault("error", code=551, always=True), Fault("hang-up", always=True)]
)
def test_nothing_is_tried_again_and_nothing_more_asked(
    pytester: pytest.Pytester, api: MockServer, fault: Fault
) -> None:
    api.fault(fault)
    result = run(pytester, api, "--calls", "9")
    assert result.ret == 1
    assert len(api.requests) <= 1
    result.stdout.fnmatch_lines(["calls made: 1, $0.10 at most"])


def test_a_plan_that_may_not_stream_is_told_in_plain_words(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    api.set_plan("watt")
    result = run(pytester, api)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["the status is 401*", "*Application is not authorized*"])


def test_what_is_not_documented_is_a_finding_and_no_failure(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    api.use("spelling-drift", wire=Wire(nesting="outer", unknown_fields=True, keep_alive=5.0))
    result = run(pytester, api)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "45 of 45 events have one more `data` around them",
            "fields of the event stream: comments, data; line ends: LF; byte order mark: False",
            "fields that are not in the document: 'evse_power', 'firmware', 'schema_version'",
            "values of battery_mode that were not published: 'Mode Not Yet Invented', *",
        ]
    )


def test_what_is_documented_otherwise_fails_in_plain_words(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    api.use(wire=Wire(numbers="strings"))
    result = run(pytester, api)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["event 1: $.data.pv_power: '*' is not of type 'integer'"])


def test_no_secret_is_shown_or_written(pytester: pytest.Pytester, api: MockServer) -> None:
    # A server that repeats what it was sent, in an event that fails a check.
    echo = {"key": api.api_key, "token": api.access_token, "owner_email": "jo@home.example"}
    event = {"data": {"system_id": api.system_id, **echo}, "type": "none"}
    (pytester.path / "echo.jsonl").write_text(
        "".join(
            f"{json.dumps(line)}\n"
            for line in (
                {"format": "enphase-streaming-recording", "version": 1},
                {"at": 0, "open": {"status": 200, "content_type": "text/event-stream"}},
                {
                    "at": 1,
                    "bytes": base64.b64encode(f"data:{json.dumps(event)}\n\n".encode()).decode(),
                },
                {"at": 45, "end": "planned"},
            )
        ),
        "utf-8",
    )
    with MockServer(recording=pytester.path / "echo.jsonl", speed=SPEED) as echoing:
        result = run(
            *(pytester, echoing, "--record=kept.jsonl", "-vv", "--showlocals"),
            *("--log-level=DEBUG", "--capture=no", "--setup-show"),
        )
    assert result.parseoutcomes()["failed"] > 1
    written = (pytester.path / "kept.jsonl").read_text("utf-8")
    (window,) = Recording.load(pytester.path / "kept.jsonl").windows
    shown = result.stdout.str() + result.stderr.str() + written
    shown += b"".join(step.data for step in window.steps).decode()
    assert "is no reading" in shown
    for secret in (api.api_key, api.access_token, "jo@home.example"):
        assert secret not in shown


def test_a_variable_that_is_missing_is_named_and_no_call_made(
    pytester: pytest.Pytester, api: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENPHASE_ACCESS_TOKEN")
    result = run(pytester, api)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*ENPHASE_ACCESS_TOKEN is not set*"])
    api.assert_calls(0)


def test_the_suite_is_not_spread_over_processes(pytester: pytest.Pytester, api: MockServer) -> None:
    result = run(pytester, api, "-p", "xdist.plugin", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*called by one process; leave pytest-xdist out*"])
    api.assert_calls(0)


def test_to_list_the_checks_costs_nothing(pytester: pytest.Pytester, api: MockServer) -> None:
    assert run(pytester, api, "--collect-only", "-q").ret == 0
    api.assert_calls(0)


@pytest.mark.parametrize(("answer", "calls"), [("", 0), ("yes", 1)])
def test_at_a_terminal_it_asks(tmp_path: Path, api: MockServer, answer: str, calls: int) -> None:
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
    assert "Go on? [y/N]" in finished.stderr
    api.assert_calls(calls)
