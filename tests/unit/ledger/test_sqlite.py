"""A ledger in a file: what it counts, and what it refuses before anything is sent."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from enphase_streaming import (
    Allowance,
    Balance,
    Budget,
    Call,
    Counted,
    InvalidArgument,
    LedgerUnavailable,
    Plan,
    SqliteLedger,
    UsedUp,
    Wait,
)
from enphase_streaming.ledger import sqlite
from spending import spend, spend_in_threads

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAILY = Allowance("default", 2, "day")
CALL = Call(1765, 0, 0.0, NOON)


class Machine:
    """The clocks of a machine: the wall's can be set, the monotonic one only runs."""

    def __init__(self) -> None:
        self.wall, self.up = NOON, 1000.0

    def run(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.up += seconds

    def ledger(self, path: Path, **options: Any) -> SqliteLedger:
        return SqliteLedger(path, now=lambda: self.wall, monotonic=lambda: self.up, **options)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite"


def counted(ledger: SqliteLedger, allowance: Allowance = DAILY, call: Call = CALL) -> Counted:
    found = ledger.spend(allowance, call)
    assert isinstance(found, Counted)
    return found


@contextmanager
def held_by_another_program(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield


def test_counts_down_to_nothing_and_says_when_it_renews(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    renews = datetime(2026, 7, 1, tzinfo=UTC)
    assert counted(ledger).balance == Balance(1, 2, renews)
    assert counted(ledger).balance == Balance(2, 2, renews)
    assert ledger.spend(DAILY, CALL) == UsedUp(Balance(2, 2, renews), 12 * 3600)
    assert ledger.balance(DAILY).left == 0


def test_begins_anew_with_the_next_period(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    counted(ledger), counted(ledger)
    machine.run(12 * 3600 - 1)
    assert ledger.spend(DAILY, CALL) == UsedUp(ledger.balance(DAILY), 1)
    machine.run(1)
    assert counted(ledger).balance == Balance(1, 2, datetime(2026, 7, 2, tzinfo=UTC))


def test_another_ledger_on_the_file_goes_on_counting(machine: Machine, path: Path) -> None:
    for _ in range(2):
        counted(machine.ledger(path))
    assert isinstance(machine.ledger(path).spend(DAILY, CALL), UsedUp)


def test_without_a_period_the_limit_is_for_ever(machine: Machine, path: Path) -> None:
    ledger, once = machine.ledger(path, keep=timedelta(days=1)), Allowance("default", 1)
    assert counted(ledger, once).balance == Balance(1, 1)
    machine.run(86400 * 1000)
    assert ledger.spend(once, CALL) == UsedUp(Balance(1, 1))


def test_purses_are_counted_apart(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    for purse in ("default", "site-1765", "Ärger's; DROP TABLE attempt"):
        assert counted(ledger, Allowance(purse, 2, "day")).balance.spent == 1
    assert [each.purse for each in ledger.attempts()][2] == "Ärger's; DROP TABLE attempt"


def test_one_purse_counts_for_every_period(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    counted(ledger)
    machine.run(3600)
    counted(ledger)
    found = {per: ledger.balance(Allowance("default", 9, per)).spent for per in ("hour", "month")}
    assert found == {"hour": 1, "month": 2}
    assert ledger.balance(Allowance()) == Balance(2)


def test_a_refund_takes_back_count_slot_and_row(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    limited = Allowance("default", 9, "day", calls_per_minute=1)
    first = counted(ledger, limited)
    assert isinstance(ledger.spend(limited, CALL), Wait)
    ledger.refund(first)
    ledger.refund(first)
    assert (ledger.balance(limited).spent, ledger.attempts()) == (0, [])
    assert counted(ledger, limited).attempt != first.attempt


def test_keeps_a_row_for_each_attempt(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    ledger.finish(counted(ledger), "planned", 300)
    machine.run(60)
    counted(ledger, Allowance("site-7"), Call(7, 0, 0.0, NOON))
    first, second = ledger.attempts()
    assert (first.at, first.site, first.purse) == (NOON, 1765, "default")
    assert (first.reason, first.readings) == ("planned", 300)
    assert (second.site, second.purse, second.reason, second.readings) == (7, "site-7", None, None)
    assert ledger.attempts(NOON + timedelta(seconds=1)) == [second]


def test_old_rows_go_and_their_counts_stay(machine: Machine, path: Path) -> None:
    ledger, monthly = machine.ledger(path, keep=timedelta(days=1)), Allowance("default", 9, "month")
    machine.wall = datetime(2026, 7, 1, tzinfo=UTC)
    counted(ledger, monthly)
    machine.run(86400)
    counted(ledger, monthly)
    assert len(ledger.attempts()) == 2
    machine.run(1)
    assert counted(ledger, monthly).balance.spent == 3
    assert len(ledger.attempts()) == 2


def test_a_wall_clock_set_ahead_by_years_frees_no_slot(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path, keep=timedelta(days=1))
    limited = Allowance("default", calls_per_minute=2)
    counted(ledger, limited)
    machine.wall += timedelta(days=400)
    counted(ledger, limited)
    assert ledger.spend(limited, CALL) == Wait(60)
    machine.run(60)
    counted(ledger, limited)
    assert len(ledger.attempts()) == 2


def test_keeps_every_row_if_asked(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path, keep=None)
    counted(ledger)
    machine.run(86400 * 100_000)
    counted(ledger)
    assert len(ledger.attempts()) == 2


@pytest.mark.parametrize(
    "keep", [timedelta(0), timedelta(days=-1), timedelta.max, timedelta(hours=23), 30, "30"]
)
def test_refuses_an_absurd_retention(keep: Any, path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"^keep must be a timedelta of 1 to 36,500 days, or"):
        SqliteLedger(path, keep=keep)


# The plan's calls a minute, and pauses


def test_purses_share_the_plans_calls_a_minute(machine: Machine, path: Path) -> None:
    here, there = machine.ledger(path), machine.ledger(path)
    for number in range(50):
        ledger, purse = ((here, "a"), (there, "b"))[number % 2]
        counted(ledger, Allowance(purse, calls_per_minute=50))
        machine.run(1)
    assert here.spend(Allowance("c", calls_per_minute=50), CALL) == Wait(10)
    machine.run(10)
    counted(there, Allowance("c", calls_per_minute=50))
    assert here.spend(Allowance("c", calls_per_minute=50), CALL) == Wait(1)


def test_calls_without_a_plan_take_slots_too(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    counted(ledger, Allowance())
    assert ledger.spend(Allowance(calls_per_minute=1), CALL) == Wait(60)


def test_the_queue_of_the_process_is_kept(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    limited = Allowance(calls_per_minute=2)
    assert ledger.spend(limited, Call(1765, 2, 0.0, NOON)) == Wait(60)
    assert ledger.spend(limited, Call(1765, 5, 0.0, NOON)) == Wait(120)
    counted(ledger, limited, Call(1765, 1, 0.0, NOON))


def test_a_pause_holds_every_purse_and_the_longest_counts(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    ledger.pause(40, 0.0)
    machine.run(10)
    ledger.pause(5, 0.0)
    assert machine.ledger(path).spend(Allowance("other"), CALL) == Wait(30)
    machine.run(30)
    counted(ledger)


@pytest.mark.parametrize("jump", [timedelta(hours=8), timedelta(hours=-8), timedelta(days=-9000)])
def test_a_wall_clock_that_jumps_changes_no_wait(
    jump: timedelta, machine: Machine, path: Path
) -> None:
    ledger, limited = machine.ledger(path), Allowance(calls_per_minute=1)
    counted(ledger, limited)
    machine.wall += jump
    assert ledger.spend(limited, CALL) == Wait(60)
    machine.wall -= jump
    machine.run(60)
    counted(ledger, limited)
    ledger.pause(100, 0.0)
    machine.wall += jump
    assert ledger.spend(limited, CALL) == Wait(100)


def test_a_machine_that_starts_anew_waits_no_longer_than_before(
    machine: Machine, path: Path
) -> None:
    ledger, limited = machine.ledger(path), Allowance(calls_per_minute=1)
    counted(ledger, limited)
    ledger.pause(100, 0.0)
    machine.up = 5.0
    assert ledger.spend(limited, CALL) == Wait(100)
    machine.run(100)
    counted(ledger, limited)


# A file that cannot be used


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such modes")
def test_the_file_and_its_folder_are_private(path: Path, machine: Machine) -> None:
    umask = os.umask(0)
    try:
        counted(machine.ledger(path))
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_making_a_ledger_touches_no_file(path: Path) -> None:
    ledger = SqliteLedger(path)
    Budget(calls=1, ledger=ledger)
    assert not path.parent.exists()
    assert repr(ledger) == f"SqliteLedger({str(path)!r})"


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_refused_and_left_alone(content: bytes, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match=r"ledger\.sqlite is (damaged|no ledger)"):
        SqliteLedger(path).spend(DAILY, CALL)
    assert path.read_bytes() == content


def test_a_ledger_damaged_later_is_refused(path: Path) -> None:
    ledger = SqliteLedger(path)
    counted(ledger)
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40960)
    with pytest.raises(InvalidArgument, match=r"is damaged \(.*\)\. Move it away"):
        ledger.spend(DAILY, CALL)


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE purse (name)")
    with pytest.raises(InvalidArgument, match=r"is no ledger of enphase-streaming"):
        SqliteLedger(path).spend(DAILY, CALL)


def test_a_newer_version_is_refused(path: Path) -> None:
    counted(SqliteLedger(path))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(InvalidArgument, match=r"version 2, and this library reads version 1\. Upg"):
        SqliteLedger(path).spend(DAILY, CALL)


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be written: unable to open"):
        SqliteLedger(tmp_path).spend(DAILY, CALL)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidArgument, match=r"cannot be written: (Not a directory|File exists)"):
        SqliteLedger(tmp_path / "file" / "ledger").spend(DAILY, CALL)


@pytest.mark.parametrize("path", ["a\0b", "~no-such-user/ledger", 7])
def test_refuses_a_path_that_cannot_be_one(path: Any) -> None:
    with pytest.raises(InvalidArgument, match="path must lead to a file"):
        SqliteLedger(path)


def test_a_file_that_is_taken_away_is_not_begun_anew(path: Path) -> None:
    ledger = SqliteLedger(path)
    counted(ledger)
    path.unlink()
    with pytest.raises(LedgerUnavailable, match=r"cannot count now: unable to open database file"):
        ledger.spend(DAILY, CALL)
    assert not path.exists()


def test_a_file_that_is_emptied_is_not_begun_anew(path: Path) -> None:
    ledger = SqliteLedger(path)
    counted(ledger)
    path.write_bytes(b"")
    with pytest.raises(InvalidArgument, match="is no ledger"):
        ledger.spend(DAILY, CALL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests' threads
@pytest.mark.parametrize("was_used", [False, True])
def test_a_read_only_folder_counts_nothing(was_used: bool, path: Path) -> None:
    counted(SqliteLedger(path))
    path.chmod(0o666)
    path.parent.chmod(0o555)
    for folder in path.parents:
        if folder.stat().st_uid == os.geteuid() and folder != path.parent:
            folder.chmod(folder.stat().st_mode | 0o111)
    child = os.fork()
    if not child:
        code = 1
        try:
            if os.geteuid() == 0:
                os.seteuid(65534)  # root may write anywhere
            ledger = SqliteLedger(path)
            ledger._was_used = was_used
            with pytest.raises(
                LedgerUnavailable if was_used else InvalidArgument,
                match=r"unable to open database file|readonly",
            ):
                ledger.spend(DAILY, CALL)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    path.parent.chmod(0o755)
    assert SqliteLedger(path).balance(DAILY).spent == 1


def test_a_locked_file_is_unavailable_and_free_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT", 0.05)
    ledger = SqliteLedger(path)
    counted(ledger)
    with (
        held_by_another_program(path),
        pytest.raises(LedgerUnavailable, match=r"cannot count now: database is locked"),
    ):
        ledger.spend(DAILY, CALL)
    assert counted(ledger).balance.spent == 2


def test_another_ledger_on_the_file_drops_no_lock(path: Path) -> None:
    take = f"import sqlite3; sqlite3.connect({str(path)!r}, 0).execute('BEGIN IMMEDIATE')"
    ledger, found = SqliteLedger(path), list[Balance]()
    counted(ledger)
    with ledger._transaction():
        other = threading.Thread(target=lambda: found.append(SqliteLedger(path).balance(DAILY)))
        other.start()
        other.join(0.1)  # for as long as it waits, it must leave the file alone
        program = subprocess.run([sys.executable, "-c", take], capture_output=True, check=False)
        assert b"database is locked" in program.stderr
        assert not found
    other.join()
    assert found == [ledger.balance(DAILY)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_in_the_middle_of_a_count_can_count(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT", 0.5)
    is_counting, forks = threading.Event(), threading.Event()

    def now() -> datetime:
        is_counting.set()
        assert forks.wait(10)
        return NOON

    counting = threading.Thread(target=SqliteLedger(path, now=now).spend, args=(Allowance(), CALL))
    counting.start()
    assert is_counting.wait(10)
    os.register_at_fork(before=forks.set)  # called first, as the last that was registered
    child = os.fork()
    if not child:
        code = 1
        try:
            counted(SqliteLedger(path), Allowance())
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    counting.join()
    assert SqliteLedger(path).balance(Allowance()).spent == 2


def test_a_full_disk_counts_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = SqliteLedger(path)
    first = counted(ledger)
    connect, limit = ledger._connect, 0

    def on_a_full_disk() -> sqlite3.Connection:
        db = connect()
        db.execute(f"PRAGMA max_page_count = {limit or 1}")
        return db

    monkeypatch.setattr(ledger, "_connect", on_a_full_disk)
    spent, much = first.balance.spent, Allowance()

    def fill() -> None:
        nonlocal spent
        for _ in range(1000):
            spent = counted(ledger, much).balance.spent

    with pytest.raises(LedgerUnavailable, match=r"cannot count now: database or disk is full"):
        fill()
    assert ledger.balance(much).spent == spent == len(ledger.attempts())
    limit = 1_000_000
    assert counted(ledger, much).balance.spent == spent + 1


# Limits


def test_a_limit_beyond_what_a_table_holds_counts(path: Path) -> None:
    budget = Budget(calls=2**70, ledger=SqliteLedger(path))
    spend(budget)
    assert budget.left == 2**70 - 1


def test_a_limit_other_than_recorded_is_said_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counted(SqliteLedger(path))
    ledger = SqliteLedger(path)
    for _ in range(2):
        counted(ledger, Allowance("default", 500, "month"))
    (message,) = caplog.messages
    assert message == (
        f"Purse 'default' had a limit of 2 calls per day in {path}, and here has 500 calls per "
        "month. The limit here counts here."
    )
    counted(SqliteLedger(path), Allowance("default", 500, "month"))
    assert len(caplog.messages) == 1


# Budgets


def test_a_budget_counts_in_its_ledger(machine: Machine, path: Path) -> None:
    ledger = machine.ledger(path)
    budget = Budget(calls=2, per="day", plan=Plan.KILOWATT, ledger=ledger)
    assert repr(budget).startswith("<Budget: calls of 2 today, not yet read from SqliteLedger(")
    assert (spend(budget), budget.spent, budget.left) == (0.0, 1, 1)
    assert repr(budget) == "<Budget: 1 calls of 2 today, 1 left until 2026-07-01 00:00 UTC>"
    assert spend(Budget(calls=2, per="day", ledger=machine.ledger(path))) == 0.0
    assert spend(budget) == 12 * 3600
    assert budget.balance() == Balance(2, 2, datetime(2026, 7, 1, tzinfo=UTC))


def test_a_fresh_budget_reads_its_ledger_when_asked(machine: Machine, path: Path) -> None:
    spend(Budget(calls=3, ledger=machine.ledger(path)))
    budget = Budget(calls=3, ledger=machine.ledger(path))
    assert (budget.spent, budget.left, str(budget.dollars_left)) == (1, 2, "0.20")


def test_threads_share_one_budget(path: Path) -> None:
    spent = spend_in_threads(Budget(calls=20, ledger=SqliteLedger(path)), 4)
    assert (len(spent), sum(spent), len(SqliteLedger(path).attempts())) == (4, 20, 20)
