"""The lines, read by an independent parser: from stdout, and as InfluxDB gets them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from line_protocol_parser import parse_line  # type: ignore[import-untyped]  # it has no types

from enphase_streaming import Reading
from enphase_streaming.reading import decode
from enphase_streaming_mock import MockServer
from examples.conftest import Program, Start, command, environment, eventually
from examples.influx_telegraf.main import line


def written(program: Program) -> list[str]:
    return [each for each in program.lines if each.startswith("enphase,")]


class Database:
    """Stands where InfluxDB does: keeps a point for each series and time, as InfluxDB does."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, int], dict[str, Any]] = {}
        self.writes: list[str] = []
        """The body of each write that was taken."""
        self.status = 204
        """What to answer; 0 writes, and then closes the connection without an answer."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def take(self, body: str) -> None:
        self.writes.append(body)
        if body:
            point = parse_line(body)
            self.points[json.dumps(point["tags"]), point["time"]] = point["fields"]

    def start(self) -> None:
        database = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path != "/api/v2/write?org=home&bucket=solar&precision=ns":
                    self.send_error(404)
                elif self.headers["Authorization"] != "Token secret-token":
                    self.send_error(401)
                elif database.status == 0:
                    database.take(body)
                elif database.status == 204:
                    database.take(body)
                    self.send_response(204)
                    self.end_headers()
                else:
                    self.send_error(database.status)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def variables(self, **others: str) -> dict[str, str]:
        return {
            "CALLS_PER_DAY": "5",
            "INFLUX_URL": f"http://127.0.0.1:{self.port}/",
            "INFLUX_TOKEN": "secret-token",
            "INFLUX_ORG": "home",
            "INFLUX_BUCKET": "solar",
            **others,
        }


def has_more(database: Database, points: int) -> bool:
    return len(database.points) > points


def has_taken(database: Database, writes: int) -> bool:
    return len(database.writes) > writes


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    database.start()
    yield database
    database.stop()


def reading(**event: Any) -> Reading:
    found = decode(json.dumps(event), datetime(2026, 1, 2, tzinfo=UTC))
    assert isinstance(found, Reading)
    return found


def test_a_line_has_each_value_with_its_type() -> None:
    status = 'Off "Grid" \\ '
    text = line(
        1765,
        reading(
            data={"pv_power": 0, "grid_power": -10, "battery_soc": None, "grid_status": status},
            timestamp_epoch=1_679_041_508_556,
        ),
    )
    assert text is not None
    assert parse_line(text) == {
        "measurement": "enphase",
        "tags": {"system_id": "1765"},
        "fields": {"pv_power": 0, "grid_power": -10, "grid_status": status},
        "time": 1_679_041_508_556_000_000,
    }


def test_a_line_is_one_line_even_if_a_value_is_not() -> None:
    text = line(1765, reading(data={"battery_mode": "a\nb,c=1 d"}))
    assert text is not None
    assert parse_line(text)["fields"] == {"battery_mode": "a b,c=1 d"}
    assert parse_line(text)["time"] == 1_767_312_000_000_000_000  # when it arrived


def test_a_reading_without_a_value_is_no_line() -> None:
    assert line(1765, reading(data={"battery_soc": None})) is None


@pytest.mark.enphase_mock(scenario="outage", speed=10)
def test_telegraf_gets_each_reading_once(start: Start, enphase_mock: MockServer) -> None:
    program = start("influx_telegraf", CALLS_PER_DAY="5")
    eventually(lambda: len(written(program)) > 60)
    program.stop()
    points = [parse_line(each) for each in written(program)]
    times = [point["time"] for point in points]
    assert times == sorted(set(times))
    assert {"On Grid", "Off Grid"} <= {point["fields"]["grid_status"] for point in points}
    for fields in (point["fields"] for point in points):
        supplied = (fields[f"{name}_power"] for name in ("pv", "battery", "grid", "generator"))
        assert sum(supplied) == fields["consumption_power"]
    enphase_mock.assert_calls(1)


@pytest.mark.enphase_mock(speed=10)
def test_it_ends_when_telegraf_closes_the_pipe(enphase_mock: MockServer, tmp_path: Path) -> None:
    variables = environment(enphase_mock, tmp_path) | {"CALLS_PER_DAY": "5"}
    with subprocess.Popen(
        command("influx_telegraf"), env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"enphase,")
        process.stdout.close()
        assert process.stderr.read() == b"I! stopped\n"
    assert process.returncode == 0


@pytest.mark.enphase_mock(speed=10)
def test_a_killed_writer_stores_nothing_twice(
    start: Start, database: Database, enphase_mock: MockServer
) -> None:
    for _ in range(2):
        program = start("influx_telegraf", **database.variables(CALLS_PER_DAY="2"))
        before = len(database.points)
        eventually(partial(has_more, database, before))
        writes = len(database.writes)
        database.status = 0  # taken, and the client cannot know it
        eventually(partial(has_taken, database, writes))
        database.status = 204
        eventually(partial(has_more, database, before + 5))
        program.end(signal.SIGKILL)
    program = start("influx_telegraf", **database.variables(CALLS_PER_DAY="2"))
    program.line("allowance is used up")
    enphase_mock.assert_calls(2)
    sent = [body for body in database.writes if body]
    assert len(sent) > len(set(sent)) == len(database.points)


@pytest.mark.enphase_mock(speed=10)
def test_nothing_is_paid_for_before_the_database_answers(
    start: Start, enphase_mock: MockServer
) -> None:
    database = Database()
    program = start("influx_telegraf", **database.variables())
    program.line("W! INFLUX_URL cannot be reached")
    enphase_mock.assert_calls(0)
    database.start()
    try:
        eventually(lambda: len(database.points) > 3)
        enphase_mock.assert_calls(1)
    finally:
        database.stop()


@pytest.mark.enphase_mock(speed=20)
def test_no_stream_is_opened_while_the_database_is_away(
    start: Start, database: Database, enphase_mock: MockServer
) -> None:
    enphase_mock.fault("close", after_events=20)  # a stream that would be followed by another
    program = start("influx_telegraf", **database.variables())
    eventually(lambda: len(database.points) > 3)
    database.status = 503
    program.line("W! InfluxDB answered 503")
    eventually(lambda: enphase_mock.calls[0].closed_by is not None)
    program.line("W! InfluxDB answered 503")
    enphase_mock.assert_calls(1)
    database.status = 204
    eventually(lambda: len(database.points) >= 20)  # all that was paid for
    eventually(lambda: len(enphase_mock.calls) == 2)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"CALLS_PER_DAY": "many"}, "CALLS_PER_DAY"),
        ({"ENPHASE_SYSTEM_ID": ""}, "ENPHASE_SYSTEM_ID"),
        ({"ENPHASE_API_KEY": ""}, "ENPHASE_API_KEY"),
        ({"INFLUX_URL": "influx.local"}, "INFLUX_URL"),
        ({"INFLUX_TOKEN": "another"}, "401"),
        ({"INFLUX_ORG": "work"}, "404"),
    ],
)
def test_one_line_says_what_is_wrong(
    start: Start, database: Database, enphase_mock: MockServer, given: dict[str, str], named: str
) -> None:
    program = start("influx_telegraf", **database.variables(**given))
    assert program.end() == 2
    (text,) = program.lines
    assert text.startswith("E! ")
    assert named in text
    assert "secret-token" not in text
    enphase_mock.assert_calls(0)
