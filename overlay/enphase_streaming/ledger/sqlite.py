"""A ledger in a file, for every process of one machine.

The wall clock decides to which period a call belongs. The calls of the last minute and a pause are
measured on the monotonic clock, which all processes of a machine share and no one can set.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from enphase_streaming.core.arguments import shown
from enphase_streaming.core.ledger import (
    Allowance,
    Attempt,
    Balance,
    Call,
    Counted,
    UsedUp,
    Wait,
    period_of,
    refusal,
)
from enphase_streaming.errors import InvalidArgument, LedgerUnavailable

_VERSION = 1
_APPLICATION = 0x456E5374
"""Marks the file as a ledger of this library, in SQLite's `application_id`."""
_BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process or program that holds the file."""
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
_MISTAKEN = {"SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH"}
"""Errors that mean a wrong path, if the file has never been used."""
_MAY_PASS = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO}
"""Errors of the system that do not."""
_MINUTE = 60.0
_SHORTEST, _LONGEST = timedelta(days=1), timedelta(days=36_500)
_MOST_DELETED = 1_000
"""How many old rows one call deletes, so that none takes long."""

# Each call is counted by its hour, a row that is never deleted: neither old attempts that are, nor
# a clock that jumps, may refill a period. `minute` is on the monotonic clock, NULL after a minute.
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE purse (name TEXT PRIMARY KEY, calls INTEGER, per TEXT) WITHOUT ROWID;
CREATE TABLE spent (
    purse TEXT, hour INTEGER, calls INTEGER NOT NULL, PRIMARY KEY (purse, hour)
) WITHOUT ROWID;
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, site INTEGER NOT NULL,
    purse TEXT NOT NULL, minute REAL, reason TEXT, readings INTEGER
);
CREATE INDEX attempt_at ON attempt (at);
CREATE INDEX attempt_minute ON attempt (minute) WHERE minute IS NOT NULL;
CREATE TABLE pause (id INTEGER PRIMARY KEY CHECK (id = 1), began REAL, seconds REAL);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""

_log = logging.getLogger("enphase_streaming")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteLedger:
    """Counts calls in an SQLite file, for every thread and process that uses it.

    The file is made when it is first used, readable by its owner only. It must be on a disk of this
    machine: locks of network file systems are not reliable.

    Args:
        path: the file. `~` is expanded.
        keep: how long the row of each attempt is kept, from a day to 36,500 days; None for ever.
            The counts do not depend on it.
        now: the wall clock, aware, which decides to which period a call belongs.
        monotonic: the clock for pauses and calls a minute, in seconds; the same for all processes.

    Raises:
        InvalidArgument: for another `keep`, and a path that cannot be one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        keep: timedelta | None = timedelta(days=400),
        now: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_keep(keep)
        try:
            self._path = Path(path).expanduser().resolve()
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise InvalidArgument(f"path must lead to a file: {error}.") from error
        self._keep = keep
        self._now = now
        self._monotonic = monotonic
        self._was_used = False
        self._checked: set[Allowance] = set()

    def __repr__(self) -> str:
        return f"SqliteLedger({str(self._path)!r})"

    def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
        """Count a call, unless it has to wait.

        Raises:
            InvalidArgument: the file is damaged, of a newer version, or no ledger.
            LedgerUnavailable: the file is locked by another program, or cannot be written.
        """
        with self._transaction() as db:
            now, at = self._now(), self._monotonic()
            self._check_limit(db, allowance)
            balance = _balance(db, allowance, now)
            refused = refusal(
                allowance,
                balance,
                recent=_recent(db, at),
                paused_until=_paused_until(db, at),
                place=call.place,
                at=at,
                now=now,
            )
            if refused is not None:
                return refused
            self._delete_old(db, now)
            seconds = now.timestamp()
            attempt = db.execute(
                "INSERT INTO attempt (at, site, purse, minute) VALUES (?, ?, ?, ?)",
                (seconds, call.site, allowance.purse, at),
            ).lastrowid
            db.execute(
                "INSERT INTO spent VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET calls = calls + 1",
                (allowance.purse, seconds // 3600),
            )
            assert attempt is not None
            spent = msgspec.structs.replace(balance, spent=balance.spent + 1)
        return Counted(attempt, spent)

    def refund(self, counted: Counted) -> None:
        """Take back a call that was counted and never sent."""
        with self._transaction() as db:
            gone = db.execute(
                "DELETE FROM attempt WHERE id = ? RETURNING purse, at", (counted.attempt,)
            ).fetchall()
            for purse, at in gone:
                db.execute(
                    "UPDATE spent SET calls = calls - 1 WHERE purse = ? AND hour = ?",
                    (purse, at // 3600),
                )

    def finish(self, counted: Counted, reason: str, readings: int) -> None:
        """Note how a stream ended."""
        with self._transaction() as db:
            db.execute(
                "UPDATE attempt SET reason = ?, readings = ? WHERE id = ?",
                (reason, readings, counted.attempt),
            )

    def pause(self, seconds: float, at: float) -> None:
        """Let no call be made for `seconds`, of any purse."""
        with self._transaction() as db:
            now = self._monotonic()
            if _paused_until(db, now) < now + seconds:
                db.execute("INSERT OR REPLACE INTO pause VALUES (1, ?, ?)", (now, seconds))

    def balance(self, allowance: Allowance) -> Balance:
        """Return what the purse has spent."""
        with self._transaction() as db:
            return _balance(db, allowance, self._now())

    def attempts(self, since: datetime | None = None) -> list[Attempt]:
        """Return a row for each attempt from `since` (aware) on, None for all that are kept."""
        first = -math.inf if since is None else since.timestamp()
        with self._transaction() as db:
            rows = db.execute(
                "SELECT at, site, purse, reason, readings FROM attempt WHERE at >= ? ORDER BY id",
                (first,),
            ).fetchall()
        return [Attempt(datetime.fromtimestamp(at, UTC), *rest) for at, *rest in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Open the file and lock it; commit, or change nothing where anything is raised.

        A connection for each transaction is safe across threads and forks, and needs no closing.
        """
        try:
            with closing(self._connect()) as db:
                self._prepare(db)
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
                self._was_used = True
        except (OSError, sqlite3.Error) as error:
            raise self._explained(error) from error

    def _connect(self) -> sqlite3.Connection:
        if not self._was_used:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        # A file that is gone is not made anew: its counts would begin at zero.
        db = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw", uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None
        )
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Check whose file it is, and make the tables of a new one."""
        if self._owner(db) == (0, 0) and not self._was_used and _is_empty(db):
            try:
                db.executescript(_SCHEMA)
            except sqlite3.OperationalError:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                if self._owner(db) == (0, 0):  # not made by another process meanwhile
                    raise
        application, version = self._owner(db)
        if application != _APPLICATION:
            raise InvalidArgument(
                f"{self._path} is no ledger of enphase-streaming. Choose another path."
            )
        if version != _VERSION:
            raise InvalidArgument(
                f"{self._path} is a ledger of version {version}, and this library reads version "
                f"{_VERSION}. Upgrade enphase-streaming."
            )

    @staticmethod
    def _owner(db: sqlite3.Connection) -> tuple[int, int]:
        ((application,),) = db.execute("PRAGMA application_id")
        ((version,),) = db.execute("PRAGMA user_version")
        return application, version

    def _check_limit(self, db: sqlite3.Connection, allowance: Allowance) -> None:
        """Record the purse's limit; warn once if it was another before."""
        if allowance in self._checked:
            return
        self._checked.add(allowance)
        found = db.execute(
            "SELECT calls, per FROM purse WHERE name = ?", (allowance.purse,)
        ).fetchone()
        if found == (allowance.calls, allowance.per):
            return
        if found is not None:
            _log.warning(
                "Purse %r had a limit of %s in %s, and here has %s. The limit here counts here.",
                allowance.purse,
                _limit(*found),
                self._path,
                _limit(allowance.calls, allowance.per),
            )
        db.execute(
            "INSERT OR REPLACE INTO purse VALUES (?, ?, ?)",
            (allowance.purse, allowance.calls, allowance.per),
        )

    def _delete_old(self, db: sqlite3.Connection, now: datetime) -> None:
        if self._keep is not None:
            db.execute(
                "DELETE FROM attempt WHERE id IN (SELECT id FROM attempt WHERE at < ? LIMIT ?)",
                (now.timestamp() - self._keep.total_seconds(), _MOST_DELETED),
            )

    def _explained(self, error: OSError | sqlite3.Error) -> InvalidArgument | LedgerUnavailable:
        if isinstance(error, OSError):
            text, is_damaged = error.strerror or str(error), False
            is_mistaken = error.errno not in _MAY_PASS
        else:
            # The name of an extended error begins with that of the error.
            name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
            text, is_damaged, is_mistaken = str(error), name in _DAMAGED, name in _MISTAKEN
        if is_damaged:
            return InvalidArgument(
                f"The ledger {self._path} is damaged ({text}). Move it away; a new one begins at 0."
            )
        if is_mistaken and not self._was_used:
            return InvalidArgument(
                f"The ledger {self._path} cannot be written: {text}. Choose another path."
            )
        return LedgerUnavailable(f"The ledger {self._path} cannot count now: {text}.")


def _check_keep(keep: object) -> None:
    if keep is None or (isinstance(keep, timedelta) and _SHORTEST <= keep <= _LONGEST):
        return
    given = keep if isinstance(keep, timedelta) else shown(keep)
    raise InvalidArgument(
        f"keep must be a timedelta of 1 to 36,500 days, or None to keep every attempt, got {given}."
    )


def _is_empty(db: sqlite3.Connection) -> bool:
    ((tables,),) = db.execute("SELECT count(*) FROM sqlite_schema")
    return not tables


def _balance(db: sqlite3.Connection, allowance: Allowance, now: datetime) -> Balance:
    first, last, renews = -(2**62), 2**62, None
    if allowance.per is not None:
        began, renews = period_of(allowance.per, now)
        first, last = (int(each.timestamp()) // 3600 for each in (began, renews))
    ((spent,),) = db.execute(
        "SELECT total(calls) FROM spent WHERE purse = ? AND hour >= ? AND hour < ?",
        (allowance.purse, first, last),
    )
    return Balance(int(spent), allowance.calls, renews)


def _recent(db: sqlite3.Connection, at: float) -> list[float]:
    """Return when the calls of the last minute were counted, in order."""
    db.execute("UPDATE attempt SET minute = NULL WHERE minute <= ?", (at - _MINUTE,))
    # The machine was started anew, and its clock with it: a call of before may be just past.
    db.execute("UPDATE attempt SET minute = ? WHERE minute > ?", (at, at))
    rows = db.execute("SELECT minute FROM attempt WHERE minute IS NOT NULL ORDER BY minute")
    return [minute for (minute,) in rows]


def _paused_until(db: sqlite3.Connection, at: float) -> float:
    db.execute("UPDATE pause SET began = ? WHERE began > ?", (at, at))  # a new start, as above
    row = db.execute("SELECT began + seconds FROM pause").fetchone()
    return at if row is None else row[0]


def _limit(calls: int | None, per: str | None) -> str:
    text = "no limit" if calls is None else f"{calls} calls"
    return text if per is None else f"{text} per {per}"
