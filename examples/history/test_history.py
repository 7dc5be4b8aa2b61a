"""A month of readings and five questions, in SQLite and in DuckDB; and a program that is killed."""

from __future__ import annotations

import csv
import io
import math
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from enphase_streaming import Allowance, Call, Counted, Reading, SqliteLedger
from enphase_streaming.reading import decode
from enphase_streaming_mock import MockServer
from examples.conftest import Start, command, eventually
from examples.history.main import QUESTIONS, SCHEMA, Folder, row, store

SITE = 1765
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
STEP = 30  # seconds between two readings of the month below
Table = list[dict[str, Any]]


def simulated(second: int) -> tuple[int, int, int, str]:
    """Return solar power, consumption, grid power and status of a house without a battery.

    The sun shines from 6 to 18 h with 4,000 W; the house takes 1,000 W, and 5,000 W from 19 to 20 h
    on the 10th. The grid is away for an hour on the 20th, and unknown for the minute after.
    """
    day, hour = second // 86_400 + 1, second % 86_400 / 3600
    sun = 4000 if 6 <= hour < 18 else 0
    load = 5000 if day == 10 and 19 <= hour < 20 else 1000
    away = day == 20 and 12 <= hour < 13
    unknown = day == 20 and 13 <= hour < 13 + 1 / 60
    return (
        sun,
        load,
        0 if away else load - sun,
        "Off Grid" if away else "?" if unknown else "On Grid",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of readings without the whole 5th, and the count of its calls."""
    folder = tmp_path_factory.mktemp("month")
    with sqlite3.connect(folder / "history.sqlite") as database:
        database.executescript(SCHEMA)
        for second in range(0, 30 * 86_400, STEP):
            if 4 * 86_400 < second < 5 * 86_400:
                continue
            moment = JUNE + timedelta(seconds=second)
            sun, load, grid, status = simulated(second)
            values = (SITE, round(moment.timestamp()) * 1000, f"{moment:%Y-%m-%d %H:%M:%S}")
            database.execute(
                "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, 0, 0, NULL, ?, NULL)",
                (*values, sun, load, grid, status),
            )
    database.close()
    ledger = SqliteLedger(folder / "ledger.sqlite", now=lambda: JUNE)
    for reason, readings in [("planned", 300), ("planned", 299), ("dropped", 7), ("stalled", 0)]:
        ledger.finish(counted(ledger), reason, readings)
    counted(ledger)  # and its process was killed
    return folder


def counted(ledger: SqliteLedger) -> Counted:
    found = ledger.spend(Allowance(), Call(SITE, 0, 0.0, JUNE))
    assert isinstance(found, Counted)
    return found


def in_sqlite(folder: Path, question: str) -> Table:
    """Ask as the README does."""
    done = subprocess.run(
        [*command("history"), question],
        env={"PATH": os.environ["PATH"], "STATE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    rows = list(csv.reader(io.StringIO(done.stdout)))
    return [dict(zip(rows[0], map(value, each), strict=True)) for each in rows[1:]]


@pytest.fixture(scope="module")
def duck(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same rows in DuckDB."""
    in_sqlite(folder, "cost")  # which copies the calls from the ledger
    with duckdb.connect() as database:
        database.execute(SCHEMA)
        source = sqlite3.connect(folder / "history.sqlite")
        for table in ("reading", "call"):
            copy = folder / f"{table}.csv"
            with copy.open("w") as file:
                csv.writer(file).writerows(source.execute(f"SELECT * FROM {table}"))
            database.execute(f"COPY {table} FROM '{copy}' (HEADER false)")
        source.close()
        yield database


def in_duckdb(database: duckdb.DuckDBPyConnection, question: str) -> Table:
    found = database.execute(QUESTIONS[question].read_text("utf-8"))
    names = [column[0] for column in found.description or []]
    texts = [["" if each is None else str(each) for each in row] for row in found.fetchall()]
    return [dict(zip(names, map(value, row), strict=True)) for row in texts]


def value(text: str) -> float | str | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text


@pytest.fixture(scope="module")
def answers(folder: Path, duck: duckdb.DuckDBPyConnection) -> Callable[[str], Table]:
    """Answer a question in both databases, which must agree."""

    def answer(question: str) -> Table:
        found = in_sqlite(folder, question)
        assert in_duckdb(duck, question) == found
        return found

    return answer


Answers = Callable[[str], Table]


def test_self_consumption(answers: Answers) -> None:
    days = answers("self_consumption")
    # Nothing is made up for the 5th, of which one reading is there.
    assert [each["day"] for each in days if each["hours_measured"] < 23.9] == ["2026-06-05"]
    assert [each["solar_kwh"] for each in days if each["day"] == "2026-06-05"] == [0]
    assert days[1] == {
        "site": SITE,
        "day": "2026-06-02",
        "hours_measured": 24,
        "solar_kwh": 48,
        "consumed_kwh": 24,
        "imported_kwh": 12,
        "exported_kwh": 36,
        "self_consumed_percent": 25,
        "covered_percent": 50,
    }


def test_peaks(answers: Answers) -> None:
    peaks = answers("peaks")
    assert len(peaks) == 10
    assert [(each["since"], each["mean_import_w"]) for each in peaks[:5]] == [
        *((f"2026-06-10 19:{minute:02}", 5000) for minute in (0, 15, 30, 45)),
        ("2026-06-01 00:00", 1000),
    ]


def test_outages(answers: Answers) -> None:
    (outage,) = answers("outages")
    assert (outage["began"], outage["last_seen"]) == ("2026-06-20 12:00:00", "2026-06-20 12:59:30")
    assert outage["minutes"] == 59.5


def test_energy_by_hour(answers: Answers) -> None:
    hours = answers("energy_by_hour")
    assert not [each for each in hours if str(each["hour"]).startswith("2026-06-05 1")]
    (noon,) = [each for each in hours if each["hour"] == "2026-06-20 12"]
    assert (noon["minutes_measured"], noon["solar_kwh"], noon["exported_kwh"]) == (60, 4, 0)
    assert math.isclose(sum(each["consumed_kwh"] for each in hours), 29 * 24 + 4, rel_tol=1e-3)


def test_cost(answers: Answers) -> None:
    assert answers("cost") == [
        {
            "site": SITE,
            "day": "2026-06-01",
            "calls": 5,
            "dollars": 0.5,
            "planned": 2,
            "without_readings": 1,
            "not_ended": 1,
            "readings": 606,
        }
    ]


def test_every_question_has_a_test() -> None:
    assert set(QUESTIONS) == {"self_consumption", "peaks", "outages", "energy_by_hour", "cost"}


class Kept:
    """What is in the database of a program that runs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "state" / "history.sqlite"

    def moments(self) -> list[int]:
        if not self.file.exists():
            return []
        database = sqlite3.connect(self.file)
        try:
            return [ms for (ms,) in database.execute("SELECT ms FROM reading ORDER BY ms")]
        except sqlite3.OperationalError:  # the table is not there yet
            return []
        finally:
            database.close()

    def has_more(self, readings: int) -> bool:
        return len(self.moments()) > readings


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


@pytest.mark.enphase_mock(speed=10)
def test_a_killed_program_stores_nothing_twice_and_keeps_to_its_calls(
    start: Start, kept: Kept, enphase_mock: MockServer
) -> None:
    for _ in range(2):
        program = start("history", CALLS_PER_DAY="2")
        before = len(kept.moments())
        eventually(partial(kept.has_more, before + 5))
        program.end(signal.SIGKILL)
    program = start("history", CALLS_PER_DAY="2")
    program.line("allowance is used up")
    enphase_mock.assert_calls(2)
    moments = kept.moments()
    assert len(moments) == len(set(moments))
    program.stop()


def test_any_reading_can_be_stored_once(tmp_path: Path) -> None:
    database = Folder(str(tmp_path)).open()
    for value in ("7", "7", "1" + "0" * 30):  # the last is left out: SQLite has no such number
        found = decode(f'{{"data": {{"pv_power": {value}}}, "timestamp_epoch": {value}}}', JUNE)
        assert isinstance(found, Reading)
        store(database, row(SITE, found))
    assert database.execute("SELECT ms, pv_power FROM reading").fetchall() == [(7000, 7)]
    database.close()


@pytest.mark.enphase_mock(speed=10)
def test_nothing_is_paid_for_while_the_database_is_locked(
    start: Start, kept: Kept, enphase_mock: MockServer
) -> None:
    enphase_mock.fault("close", after_events=20)  # would be followed by another
    program = start("history", CALLS_PER_DAY="5")
    eventually(partial(kept.has_more, 3))
    other = sqlite3.connect(kept.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    program.line("cannot be stored .*locked")
    eventually(lambda: enphase_mock.calls[0].closed_by is not None)
    enphase_mock.assert_calls(1)
    other.execute("ROLLBACK")
    other.close()
    eventually(partial(kept.has_more, 19))  # all that was paid for
    eventually(lambda: len(enphase_mock.calls) == 2)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"CALLS_PER_DAY": "many"}, "CALLS_PER_DAY"),
        ({"ENPHASE_SYSTEM_ID": ""}, "ENPHASE_SYSTEM_ID"),
        ({"ENPHASE_API_KEY": ""}, "ENPHASE_API_KEY"),
        ({"STATE_DIR": "/dev/null/x"}, "/dev/null"),
    ],
)
def test_one_line_says_what_is_wrong(
    start: Start, enphase_mock: MockServer, given: dict[str, str], named: str
) -> None:
    program = start("history", **{"CALLS_PER_DAY": "5", **given})
    assert program.end() == 2
    (line,) = program.lines
    assert named in line
    enphase_mock.assert_calls(0)


def test_a_damaged_database_is_named(start: Start, kept: Kept, enphase_mock: MockServer) -> None:
    kept.file.parent.mkdir()
    kept.file.write_text("no database" * 1000)
    program = start("history", CALLS_PER_DAY="5")
    assert program.end() == 2
    (line,) = program.lines
    assert str(kept.file) in line
    enphase_mock.assert_calls(0)
