"""Workers with a PostgreSQL server of their own, and their metrics as Prometheus reads them."""

from __future__ import annotations

import re
import runpy
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from enphase_streaming import Reading
from enphase_streaming.reading import decode
from enphase_streaming_mock import MockServer
from examples.conftest import Program, Start, eventually
from examples.fleet_worker.main import INSERT, SCHEMA, row

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
SERVER = runpy.run_path(str(Path(__file__).parents[2] / "tests" / "postgres_server.py"))


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    try:
        context = SERVER["private_server"]()
        server = context.__enter__()
    except FileNotFoundError as error:
        pytest.skip(f"{error} apt-get install postgresql")
    yield server
    context.__exit__(None, None, None)


class Fleet:
    """Ten sites, and a new database for each test."""

    def __init__(self, server: Any, name: str, start: Start, mock: MockServer) -> None:
        self.server, self.start, self.mock = server, start, mock
        self.dsn = server.dsn.replace("dbname=postgres", f"dbname={name}")
        self.sites = list(range(mock.system_id, mock.system_id + 10))
        mock.account.add_sites(*self.sites)

    def worker(self, **others: str) -> Worker:
        given = {
            "SITES": ",".join(map(str, self.sites)),
            "DATABASE_URL": self.dsn,
            "CALLS_PER_DAY": "100",
            "PLAN": "partner",
            "METRICS_PORT": "0",
        }
        return Worker(self.start("fleet_worker", **given | others))

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(sql.encode()).fetchall()

    def readings(self) -> dict[int, int]:
        """Return how many readings each site has."""
        try:
            return dict(self.ask("SELECT site, count(*) FROM reading GROUP BY site"))
        except psycopg.errors.UndefinedTable:
            return {}

    def has_each(self, sites: list[int], readings: int) -> bool:
        found = self.readings()
        return all(found.get(site, 0) >= readings for site in sites)

    def called(self) -> list[int]:
        return [int(call.path.split("/")[-2]) for call in self.mock.calls]


class Worker:
    """A worker that runs, and its metrics."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def listen(self) -> None:
        port = re.search(r"port (\d+)", self.program.line("metrics at port"))
        assert port is not None
        self.url = f"http://127.0.0.1:{port[1]}/metrics"

    def metrics(self) -> dict[tuple[str, str], float]:
        """Return each value by its name and reason, "" without one."""
        return {
            (sample.name, sample.labels.get("reason", "")): sample.value
            for family in text_string_to_metric_families(httpx.get(self.url).text)
            for sample in family.samples
        }

    def shows(self, name: str, value: float, reason: str = "") -> bool:
        return self.metrics().get((f"enphase_{name}", reason)) == value


@pytest.fixture
def fleet(server: Any, start: Start, enphase_mock: MockServer) -> Iterator[Fleet]:
    name = f"fleet_{time.monotonic_ns()}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield Fleet(server, name, start, enphase_mock)


@pytest.mark.enphase_mock(speed=10)
def test_two_workers_share_sites_and_budget(fleet: Fleet, enphase_mock: MockServer) -> None:
    workers = [fleet.worker(WORKER=str(number), WORKERS="2") for number in (0, 1)]
    for worker in workers:
        worker.listen()
    eventually(partial(fleet.has_each, fleet.sites, 3))
    assert sorted(fleet.called()) == fleet.sites  # each site once
    for worker in workers:
        eventually(partial(worker.shows, "calls_total", 5))
        assert worker.metrics()["enphase_readings_total", ""] >= 15
        assert worker.metrics()["enphase_database_up", ""] == 1
    assert min(each.metrics()["enphase_budget_left", ""] for each in workers) == 90
    for worker in workers:
        worker.program.stop()
        (summary,) = worker.program.lines[1:]
        found = re.fullmatch(r"fleet_worker: stopped: 5 calls, (\d+) readings", summary)
        assert found is not None
        assert int(found[1]) >= 15
    eventually(lambda: all(call.closed_by == "client" for call in enphase_mock.calls))
    (ended,) = fleet.ask("SELECT count(*) FROM enphase_ledger.attempt WHERE reason = 'stopped'")
    assert ended == (10,)


@pytest.mark.enphase_mock(speed=10)
def test_a_killed_worker_stores_nothing_twice_and_keeps_to_its_calls(
    fleet: Fleet, enphase_mock: MockServer
) -> None:
    sites = fleet.sites[:2]
    given = {"SITES": ",".join(map(str, sites)), "CALLS_PER_DAY": "5"}
    for run in (1, 2):
        worker = fleet.worker(**given)
        before = fleet.readings()
        eventually(partial(has_grown, fleet, before, sites))
        worker.program.end(signal.SIGKILL)
        enphase_mock.assert_calls(2 * run)
    worker = fleet.worker(**given)
    worker.listen()
    eventually(partial(worker.shows, "budget_left", 0))
    eventually(lambda: len(enphase_mock.calls) == 5)
    (found,) = fleet.ask("SELECT count(*), count(DISTINCT (site, at)) FROM reading")
    assert found[0] == found[1]
    worker.program.end(signal.SIGTERM)
    enphase_mock.assert_calls(5)


def has_grown(fleet: Fleet, before: dict[int, int], sites: list[int]) -> bool:
    now = fleet.readings()
    return all(now.get(site, 0) > before.get(site, 0) + 2 for site in sites)


@pytest.mark.enphase_mock(speed=10)
def test_nothing_is_paid_for_while_the_database_is_away(
    fleet: Fleet, enphase_mock: MockServer
) -> None:
    sites = fleet.sites[:2]
    enphase_mock.fault("close", after_events=40, requests=2)  # would be followed by others
    fleet.server.stop()
    try:
        worker = fleet.worker(SITES=",".join(map(str, sites)))
        worker.listen()
        worker.program.line("database is away")
        assert worker.shows("database_up", 0)
        enphase_mock.assert_calls(0)
    finally:
        fleet.server.start()
    eventually(partial(fleet.has_each, sites, 3))
    fleet.server.stop()
    try:
        worker.program.line("database is away")
        eventually(lambda: all(call.closed_by for call in enphase_mock.calls))
        for _ in range(2):
            worker.program.line("database is away")  # tried again, and still away
        assert worker.shows("database_up", 0)
        enphase_mock.assert_calls(2)
    finally:
        fleet.server.start()
    eventually(partial(fleet.has_each, sites, 40))  # all that was paid for
    assert worker.shows("database_up", 1)
    eventually(lambda: len(enphase_mock.calls) == 4)


@pytest.mark.enphase_mock(speed=10)
def test_ends_and_gaps_are_counted_by_reason(fleet: Fleet, enphase_mock: MockServer) -> None:
    enphase_mock.fault("drop", after_events=3)
    worker = fleet.worker(SITES=str(fleet.sites[0]))
    worker.listen()
    eventually(partial(worker.shows, "stream_ends_total", 1, "dropped"))
    eventually(partial(worker.shows, "gaps_total", 1))
    assert worker.metrics()["enphase_calls_total", ""] == 2


@pytest.mark.enphase_mock(speed=10)
def test_a_site_that_is_refused_does_not_stop_the_others(
    fleet: Fleet, enphase_mock: MockServer
) -> None:
    unknown, known = 1, fleet.sites[0]
    worker = fleet.worker(SITES=f"{unknown},{known}")
    worker.listen()
    eventually(partial(worker.shows, "sites_stopped_total", 1))
    eventually(partial(fleet.has_each, [known], 3))
    assert sorted(fleet.called()) == [unknown, known]


@pytest.mark.enphase_mock(speed=10)
def test_a_wrong_key_ends_the_worker(fleet: Fleet, enphase_mock: MockServer) -> None:
    worker = fleet.worker(ENPHASE_API_KEY="another-api-key")
    assert worker.program.end() == 2
    assert "API Key is invalid" in worker.program.lines[-1]
    assert "Traceback" not in "".join(worker.program.lines)
    assert len(enphase_mock.calls) <= 3  # not one for each site


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"SITES": "1;2"}, "SITES"),
        ({"PLAN": "watt"}, "PLAN"),
        ({"CALLS_PER_DAY": ""}, "CALLS_PER_DAY"),
        ({"WORKER": "3", "WORKERS": "3"}, "WORKER must be less than WORKERS"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://a:secret-password@[/x"}, "dsn must be"),
        ({"ENPHASE_API_KEY": ""}, "ENPHASE_API_KEY"),
        ({"METRICS_PORT": "http"}, "METRICS_PORT"),
    ],
)
def test_one_line_names_a_wrong_variable(
    start: Start, enphase_mock: MockServer, given: dict[str, str], named: str
) -> None:
    usual = {"SITES": "1765", "DATABASE_URL": "host=/nowhere", "CALLS_PER_DAY": "5"}
    usual |= {"PLAN": "partner", "METRICS_PORT": "0"}
    program = start("fleet_worker", **usual | given)
    assert program.end() == 2
    (line,) = program.lines
    assert named in line
    assert "secret-password" not in line
    enphase_mock.assert_calls(0)


def test_a_database_that_does_not_exist_is_named(fleet: Fleet, enphase_mock: MockServer) -> None:
    worker = fleet.worker(DATABASE_URL=f"{fleet.dsn}_missing")
    assert worker.program.end() == 2
    assert "does not exist" in worker.program.lines[-1]
    enphase_mock.assert_calls(0)


def test_any_reading_can_be_stored(fleet: Fleet) -> None:
    found = decode('{"data": {"pv_power": 1%s, "battery_mode": "a\\u0000b"}}' % ("0" * 30), NOW)
    assert isinstance(found, Reading)
    with psycopg.connect(fleet.dsn) as connection:
        connection.execute(SCHEMA)
        for _ in range(2):  # once, and again after its answer was lost
            connection.execute(INSERT, row(1765, found))
    assert fleet.ask("SELECT pv_power, battery_mode FROM reading") == [(10**30, "a?b")]
