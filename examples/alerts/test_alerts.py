"""The alerts against a mock whose grid fails, and a real receiver."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from enphase_streaming_mock import Conditions, MockServer, Scenario
from examples.alerts.main import Alert
from examples.conftest import Start, eventually

QUICK = {"CALLS_PER_DAY": "5", "HOLD_SECONDS": "0.5", "SILENT_SECONDS": "3"}


class Receiver:
    """A web server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.refusals: list[int] = []
        """Statuses to answer first."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.refusals.pop(0) if receiver.refusals else 204
                if status == 204:
                    receiver.alerts.append(json.loads(body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=secret-token"

    @property
    def changes(self) -> list[tuple[str, bool]]:
        return [(each["alert"], each["active"]) for each in self.alerts]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.server as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


class Switched(Scenario):
    """An evening whose grid the test switches off and on."""

    name = "switched"
    summary = "the grid fails when the test says so"
    hour = 20.0
    is_off = False

    def conditions(self, second: int) -> Conditions:
        status = "Off Grid" if self.is_off else "On Grid"
        return Conditions(sun=0.0, load=500, islanded=self.is_off, grid_status=status)


@pytest.fixture
def grid(enphase_mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Switch the grid of the mock: "off" or "on"."""
    enphase_mock.use(Switched)
    return lambda state: monkeypatch.setattr(Switched, "is_off", state == "off")


def has_streamed(mock: MockServer, calls: int) -> bool:
    return len(mock.calls) == calls and mock.calls[-1].events_sent > 15


@pytest.mark.enphase_mock(speed=10)
def test_an_outage_is_posted_once_with_its_end(
    start: Start, receiver: Receiver, grid: Callable[[str], None], enphase_mock: MockServer
) -> None:
    receiver.refusals = [503, 404]
    alerts = start("alerts", ALERT_WEBHOOK=receiver.url, **QUICK)
    eventually(lambda: bool(enphase_mock.calls))
    grid("off")
    eventually(lambda: bool(receiver.alerts))
    grid("on")
    eventually(lambda: len(receiver.alerts) > 1)
    assert receiver.changes == [("grid_outage", True), ("grid_outage", False)]
    assert [line for line in alerts.lines if "503" in line]
    assert "secret-token" not in "".join(alerts.lines)
    alerts.stop()
    enphase_mock.assert_calls(1)


@pytest.mark.enphase_mock(speed=10)
def test_a_killed_program_repeats_no_alert_and_reports_the_end(
    start: Start,
    receiver: Receiver,
    grid: Callable[[str], None],
    enphase_mock: MockServer,
    tmp_path: Path,
) -> None:
    state = tmp_path / "state" / "alerts.json"
    given = {"ALERT_WEBHOOK": receiver.url, **QUICK, "CALLS_PER_DAY": "3"}
    grid("off")
    for run in (1, 2):
        alerts = start("alerts", **given)
        eventually(partial(has_streamed, enphase_mock, run))
        eventually(state.exists)
        alerts.end(signal.SIGKILL)
    grid("on")
    alerts = start("alerts", **given)
    eventually(lambda: receiver.changes[-1] == ("grid_outage", False))
    assert receiver.changes == [("grid_outage", True), ("grid_outage", False)]
    alerts.end(signal.SIGKILL)
    start("alerts", **given).line("allowance is used up")
    enphase_mock.assert_calls(3)


@pytest.mark.enphase_mock(speed=10)
def test_a_command_gets_the_alert_that_readings_are_missing(
    start: Start, enphase_mock: MockServer, tmp_path: Path
) -> None:
    enphase_mock.fault("error", code=473, always=True)
    taken = tmp_path / "taken"
    command = [
        sys.executable,
        "-c",
        f"import sys; open({str(taken)!r}, 'w').write(sys.stdin.read())",
    ]
    start("alerts", ALERT_COMMAND=shlex.join(command), **QUICK)
    eventually(lambda: taken.exists() and bool(taken.read_text()))
    found = json.loads(taken.read_text())
    assert (found["alert"], found["active"]) == ("no_readings", True)


@pytest.mark.enphase_mock(scenario="night", speed=10)
def test_a_low_battery_is_reported(start: Start, receiver: Receiver) -> None:
    start("alerts", ALERT_WEBHOOK=receiver.url, **QUICK, BATTERY_LOW="60")
    eventually(lambda: receiver.changes == [("battery_low", True)])


def test_a_used_up_allowance_is_no_silence(
    start: Start, receiver: Receiver, enphase_mock: MockServer
) -> None:
    enphase_mock.fault("close", after_events=2, always=True)
    alerts = start("alerts", ALERT_WEBHOOK=receiver.url, **{**QUICK, "CALLS_PER_DAY": "1"})
    alerts.line("allowance is used up")
    with pytest.raises(AssertionError):
        eventually(lambda: bool(receiver.alerts), seconds=4.5)
    enphase_mock.assert_calls(1)


def test_what_a_person_has_to_correct_ends_it(start: Start, enphase_mock: MockServer) -> None:
    enphase_mock.fault("error", code=468)
    alerts = start("alerts", ALERT_COMMAND="true", **QUICK)
    assert alerts.end() == 2
    (line,) = alerts.lines
    assert "System ID" in line
    enphase_mock.assert_calls(1)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ALERT_COMMAND": ""}, "ALERT_COMMAND"),
        ({"ALERT_WEBHOOK": "http://127.0.0.1:1/"}, "ALERT_WEBHOOK"),
        ({"ALERT_WEBHOOK": "example.com"}, "ALERT_WEBHOOK"),
        ({"BATTERY_LOW": "low"}, "BATTERY_LOW"),
        ({"CALLS_PER_DAY": ""}, "CALLS_PER_DAY"),
        ({"ENPHASE_SYSTEM_ID": "home"}, "ENPHASE_SYSTEM_ID"),
        ({"ENPHASE_ACCESS_TOKEN": ""}, "ENPHASE_ACCESS_TOKEN"),
    ],
)
def test_one_line_names_a_wrong_variable(
    start: Start, enphase_mock: MockServer, given: dict[str, str], named: str
) -> None:
    alerts = start("alerts", **{"ALERT_COMMAND": "true", **QUICK, **given})
    assert alerts.end() == 2
    (line,) = alerts.lines
    assert named in line
    enphase_mock.assert_calls(0)


def test_a_damaged_list_of_alerts_is_named(
    start: Start, enphase_mock: MockServer, tmp_path: Path
) -> None:
    state = tmp_path / "state" / "alerts.json"
    state.parent.mkdir()
    state.write_text('{"grid_outage": ')
    alerts = start("alerts", ALERT_COMMAND="true", **QUICK)
    assert alerts.end() == 2
    (line,) = alerts.lines
    assert str(state) in line
    enphase_mock.assert_calls(0)


def test_an_alert_is_debounced_both_ways() -> None:
    alert = Alert(active=False)
    observed = [True, False, True, True, None, True, True, False, True, False, False, None, False]
    changes = [
        second
        for second, holds in enumerate(observed)
        if alert.changes(holds, float(second), hold=3)
    ]
    assert changes == [5, 12]
