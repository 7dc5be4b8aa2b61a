"""Keep the readings of a site in SQLite, and answer questions about them with SQL."""

import argparse
import csv
import os
import signal
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from enphase_streaming import (
    Budget,
    EnphaseStreamingError,
    InvalidArgument,
    Reading,
    SqliteLedger,
    StreamingClient,
)

HERE = Path(__file__).parent
SCHEMA = (HERE / "schema.sql").read_text("utf-8")
QUESTIONS = {path.stem: path for path in sorted(HERE.glob("questions/*.sql"))}
VALUES = (
    *("pv_power", "consumption_power", "grid_power", "battery_power", "generator_power"),
    *("battery_soc", "grid_status", "battery_mode"),
)
Positive = Annotated[int, msgspec.Meta(ge=1)]
Row = tuple[int | str | None, ...]


class Folder(msgspec.Struct, rename=str.upper):
    """Where the readings are: all that a question needs."""

    state_dir: str = "state"

    @property
    def ledger(self) -> SqliteLedger:
        """The count of calls, a row for each."""
        return SqliteLedger(Path(self.state_dir) / "ledger.sqlite")

    def open(self) -> sqlite3.Connection:
        """Open the database, or make it."""
        path = Path(self.state_dir) / "history.sqlite"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            database = sqlite3.connect(path, isolation_level=None)
            database.execute("PRAGMA journal_mode = WAL")  # who asks does not disturb who writes
            database.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise InvalidArgument(f"{path} cannot be used (STATE_DIR): {error}.") from error
        return database


class Settings(Folder, rename=str.upper, kw_only=True):
    """The variables of the environment; README.md explains them."""

    enphase_system_id: Positive
    calls_per_day: Positive
    retry_seconds: float = 900.0


def row(site: int, reading: Reading) -> Row:
    """Return a reading as a row of the table."""
    moment = (reading.timestamp or reading.arrived).astimezone(UTC)
    values = (getattr(reading, name) for name in VALUES)
    return site, round(moment.timestamp() * 1000), text(moment), *values


def text(moment: datetime) -> str:
    """Return a moment as the tables keep it: 2026-06-30 12:00:00."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def store(database: sqlite3.Connection, values: Row) -> None:
    """Store a row once, and try again until it is stored."""
    pause = 1.0
    while True:
        try:
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT OR IGNORE INTO reading VALUES ({marks})", values)
            return
        except sqlite3.OperationalError as error:  # locked, or the disk is full
            say(f"a reading cannot be stored ({error}); trying again in {pause:.0f} s")
        except (OverflowError, UnicodeEncodeError) as error:
            say(f"a reading is left out: {error}")
            return
        time.sleep(pause)
        pause = min(2 * pause, 60.0)


def collect(settings: Settings) -> None:
    """Store each reading before asking for the next: while it waits, no stream is opened."""
    site = settings.enphase_system_id
    budget = Budget(calls=settings.calls_per_day, per="day", ledger=settings.ledger)
    budget.balance()  # can the ledger be used? Before a stream is paid for
    database = settings.open()
    with StreamingClient.from_env() as enphase:
        say(f"storing the readings of site {site} in {settings.state_dir}")
        while True:
            try:
                with enphase.watch(
                    site, budget=budget, wait_for_next_period=True, on_gap=gap, on_wait=wait
                ) as readings:
                    for reading in readings:
                        store(database, row(site, reading))
            except EnphaseStreamingError as error:
                if not error.retryable:
                    raise
                wait(settings.retry_seconds, error)
                time.sleep(settings.retry_seconds)


def gap(since: datetime, until: datetime, error: Exception) -> None:
    """Report readings that are missing; none are made up."""
    say(f"no readings from {text(since)} to {text(until)} UTC: {error}")


def wait(seconds: float, error: Exception | None) -> None:
    """Report a pause."""
    say(f"next stream in {seconds:.0f} s: {error or 'the allowance is used up'}")


def answer(question: str, folder: Folder) -> None:
    """Print the answer to a question as CSV."""
    database = folder.open()
    calls = [
        (each.site, text(each.at), each.reason, each.readings) for each in folder.ledger.attempts()
    ]
    database.execute("BEGIN IMMEDIATE")
    database.execute("DELETE FROM call")
    database.executemany("INSERT INTO call VALUES (?, ?, ?, ?)", calls)
    database.execute("COMMIT")
    found = database.execute(QUESTIONS[question].read_text("utf-8"))
    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    write(column[0] for column in found.description)
    for values in found:
        write(values)


def say(text: object) -> None:
    """Print a line on stderr."""
    print(f"history: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", nargs="?", choices=QUESTIONS, help="nothing: store readings")
    question = parser.parse_args().question
    given = {name: value for name, value in os.environ.items() if value}
    try:
        if question is None:
            collect(msgspec.convert(given, Settings, strict=False))
        else:
            answer(question, msgspec.convert(given, Folder, strict=False))
    except KeyboardInterrupt:
        say("stopped")
    except (EnphaseStreamingError, msgspec.ValidationError, OSError, sqlite3.Error) as error:
        say(error)
        sys.exit(2)
