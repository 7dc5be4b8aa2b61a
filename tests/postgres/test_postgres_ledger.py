"""A ledger in PostgreSQL: on a server of the tests' own, or the one ENPHASE_TEST_POSTGRES names."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from enphase_streaming import (
    Allowance,
    Balance,
    Budget,
    Call,
    Counted,
    InvalidArgument,
    LedgerUnavailable,
    StreamingClient,
    UsedUp,
    Wait,
)
from enphase_streaming.ledger import postgres
from enphase_streaming.ledger.postgres import PostgresLedger
from enphase_streaming_mock import MockServer
from postgres_server import private_server

WANTED = os.environ.get("ENPHASE_TEST_POSTGRES")
pytestmark = pytest.mark.skipif(
    not WANTED, reason="make test-postgres runs the tests of PostgresLedger"
)

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAILY = Allowance("default", 2, "day")
CALL = Call(1765, 0, 0.0, NOON)
WORKER = """
import sys
from enphase_streaming import Budget, BudgetExhausted, StreamingClient
from enphase_streaming.ledger.postgres import PostgresLedger

dsn, schema, url, key, token = sys.argv[1:]
budget = Budget(calls=37, per="month", ledger=PostgresLedger(dsn, schema=schema))
with StreamingClient(api_key=key, access_token=token, base_url=url) as client:
    for _ in range(50):
        try:
            client.snapshot(1765, budget)
        except BudgetExhausted:
            break
"""


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    if WANTED != "private":
        yield str(WANTED)
    else:
        with private_server() as server:
            yield server.dsn


@pytest.fixture
def schema(dsn: str) -> Iterator[str]:
    name = f"ledger_{uuid4().hex}"
    yield name
    with psycopg.connect(dsn) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE".encode())


@pytest.fixture
def ledger(dsn: str, schema: str) -> PostgresLedger:
    return PostgresLedger(dsn, schema=schema)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the server's clock."""

    def at(moment: datetime) -> None:
        monkeypatch.setattr(postgres, "_SERVER", f"SELECT {moment.timestamp()!r}")

    at(NOON)
    return at


def counted(ledger: PostgresLedger, allowance: Allowance = DAILY) -> Counted:
    found = ledger.spend(allowance, CALL)
    assert isinstance(found, Counted)
    return found


def test_counts_down_and_begins_anew(ledger: PostgresLedger, clock: Any) -> None:
    renews = datetime(2026, 7, 1, tzinfo=UTC)
    assert counted(ledger).balance == Balance(1, 2, renews)
    assert counted(ledger).balance == Balance(2, 2, renews)
    assert ledger.spend(DAILY, CALL) == UsedUp(Balance(2, 2, renews), 12 * 3600)
    clock(renews)
    assert counted(ledger).balance == Balance(1, 2, datetime(2026, 7, 2, tzinfo=UTC))
    clock(NOON)
    assert isinstance(ledger.spend(DAILY, CALL), UsedUp)


def test_the_clock_of_the_server_decides(ledger: PostgresLedger) -> None:
    found = ledger.spend(Allowance("default", 1, "hour"), Call(1765, 0, 0.0, NOON))
    assert isinstance(found, Counted)
    assert found.balance.renews is not None
    assert abs(found.balance.renews - datetime.now(UTC)) < timedelta(hours=1, minutes=1)


def test_purses_share_the_plans_calls_a_minute_and_a_pause(
    ledger: PostgresLedger, dsn: str, schema: str, clock: Any
) -> None:
    other = PostgresLedger(dsn, schema=schema)
    for number in range(50):
        clock(NOON + timedelta(seconds=number))
        counted((ledger, other)[number % 2], Allowance(f"purse {number % 3}", calls_per_minute=50))
    clock(NOON + timedelta(seconds=50))
    assert other.spend(Allowance("new", calls_per_minute=50), CALL) == Wait(10)
    ledger.pause(40, 0.0)
    assert other.spend(Allowance("new", calls_per_minute=50), CALL) == Wait(40)


def test_a_clock_that_goes_back_waits_no_longer_than_a_minute(
    ledger: PostgresLedger, clock: Any
) -> None:
    limited = Allowance(calls_per_minute=1)
    counted(ledger, limited)
    ledger.pause(100, 0.0)
    clock(NOON - timedelta(hours=8))
    assert ledger.spend(limited, CALL) == Wait(100)
    clock(NOON - timedelta(hours=8) + timedelta(seconds=100))
    counted(ledger, limited)


def test_keeps_a_row_for_each_attempt(ledger: PostgresLedger, clock: Any) -> None:
    ledger.finish(counted(ledger), "planned", 300)
    refunded = counted(ledger, Allowance("Ärger's"))
    ledger.refund(refunded)
    ledger.refund(refunded)
    (row,) = ledger.attempts()
    assert (row.at, row.site, row.purse) == (NOON, 1765, "default")
    assert (row.reason, row.readings) == ("planned", 300)
    assert ledger.balance(Allowance("Ärger's")).spent == 0


def test_a_limit_other_than_recorded_is_said(
    ledger: PostgresLedger, dsn: str, schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    counted(ledger)
    counted(PostgresLedger(dsn, schema=schema), Allowance("default", 500, "month"))
    (message,) = caplog.messages
    assert message.startswith("Purse 'default' had a limit of 2 calls per day in host=")
    assert message.endswith("and here has 500 calls per month. The limit here counts here.")


def test_a_newer_version_is_refused(ledger: PostgresLedger, dsn: str, schema: str) -> None:
    counted(ledger)
    with psycopg.connect(dsn) as connection:
        connection.execute(f"UPDATE {schema}.version SET number = 2".encode())
    with pytest.raises(InvalidArgument, match=r"is a ledger of version 2, .* Upgrade enphase"):
        PostgresLedger(dsn, schema=schema).spend(DAILY, CALL)


def test_tables_that_another_holds_are_unavailable(
    ledger: PostgresLedger, dsn: str, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(ledger)
    monkeypatch.setattr(postgres, "_GUARDS", "SET LOCAL lock_timeout = '50ms'")
    with psycopg.connect(dsn) as other:
        other.execute(f"LOCK TABLE {schema}.attempt".encode())
        with pytest.raises(LedgerUnavailable, match=r"cannot count now: .*lock timeout"):
            ledger.spend(DAILY, CALL)
    assert counted(ledger).balance.spent == 2


def test_the_options_of_a_dsn_do_not_make_a_count_less_durable(dsn: str, schema: str) -> None:
    ledger = PostgresLedger(f"{dsn} options='-c synchronous_commit=off'", schema=schema)
    with ledger._transaction() as db:
        assert db.execute("SHOW synchronous_commit") == [("on",)]
    assert counted(ledger).balance.spent == 1


def test_a_login_that_is_refused_is_said_without_its_password(dsn: str) -> None:
    ledger = PostgresLedger(f"{dsn} user=stranger password=hunter2-and-more")
    assert "hunter2" not in repr(ledger)
    with pytest.raises(InvalidArgument, match="cannot be used") as caught:
        ledger.spend(DAILY, CALL)
    frames: list[Any] = []
    trace = caught.value.__traceback__
    while trace is not None:
        if "enphase_streaming" in trace.tb_frame.f_code.co_filename:
            frames.append(trace.tb_frame.f_locals)
        trace = trace.tb_next
    assert len(frames) > 1
    assert "hunter2" not in f"{caught.value} {frames} {caught.value.__context__}"


@pytest.mark.parametrize(
    "dsn",
    [
        *("", " ", "hunter2 host", "postgresql://a:hunter2@[b", 7, None),
        *("postgresql://a:p@hunter2@b/c", "postgresql://a:12/hunter2@b/c"),
    ],
)
def test_refuses_a_dsn_that_cannot_be_read_and_does_not_show_it(dsn: Any) -> None:
    with pytest.raises(InvalidArgument, match="dsn must be a connection string") as caught:
        PostgresLedger(dsn)
    assert "hunter2" not in f"{caught.value} {caught.value.__context__}"


@pytest.mark.parametrize("schema", ["", "A", "a; DROP TABLE b", "a" * 64, 7])
def test_refuses_another_name_of_a_schema(schema: Any) -> None:
    with pytest.raises(InvalidArgument, match="schema must be lower-case letters"):
        PostgresLedger("dbname=postgres", schema=schema)


def test_three_processes_spend_one_budget(dsn: str, schema: str) -> None:
    with MockServer(speed=100) as mock:
        command = [sys.executable, "-c", WORKER, dsn, schema, mock.base_url]
        command += [mock.api_key, mock.access_token]
        workers = [subprocess.Popen(command) for _ in range(3)]
        assert [worker.wait(60) for worker in workers] == [0, 0, 0]
        requests = len(mock.requests)
    rows = PostgresLedger(dsn, schema=schema).attempts()
    assert requests == len(rows) == 37
    assert {(row.reason, row.readings) for row in rows} == {("stopped", 1)}


@pytest.mark.skipif(WANTED != "private", reason="only a server of the tests' own may be stopped")
def test_a_watch_goes_on_when_the_server_is_back() -> None:
    with private_server() as server, MockServer(speed=100) as mock:
        ledger = PostgresLedger(server.dsn)
        counted(ledger, Allowance())
        waits: list[Exception | None] = []
        server.stop()

        def start_again(seconds: float, error: Exception | None) -> None:
            waits.append(error)
            server.start()

        client = StreamingClient(
            api_key=mock.api_key, access_token=mock.access_token, base_url=mock.base_url
        )
        budget = Budget(calls=2, ledger=ledger)
        with client, client.watch(1765, budget=budget, duration=30, on_wait=start_again) as watch:
            next(watch)
        assert [type(error) for error in waits] == [LedgerUnavailable]
        assert len(mock.requests) == 1
        # The end is noted on another thread.
        deadline = time.monotonic() + 10
        while ledger.attempts()[-1].reason is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [row.reason for row in ledger.attempts()] == [None, "stopped"]


def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    ledger = PostgresLedger(f"host={tmp_path} dbname=postgres")
    with pytest.raises(LedgerUnavailable, match=r"cannot count now: .*Is the server running"):
        ledger.spend(DAILY, CALL)


@pytest.mark.parametrize(
    "why",
    [
        "the database system is starting up",
        "the database system is in recovery mode",
        "the database system is not yet accepting connections",
        "sorry, too many clients already",
    ],
)
def test_a_server_that_starts_is_unavailable_to_a_new_worker(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(**_: Any) -> None:
        raise psycopg.OperationalError(f"connection to server failed: FATAL:  {why}")

    monkeypatch.setattr(psycopg, "connect", connect)
    with pytest.raises(LedgerUnavailable, match=why):
        PostgresLedger("dbname=postgres").spend(DAILY, CALL)
