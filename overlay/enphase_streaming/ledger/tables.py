"""A ledger in SQL tables: all of it but the database and its clocks."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

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
from enphase_streaming.errors import InvalidArgument

VERSION = 1
SCHEMA = """
CREATE TABLE purse (name TEXT PRIMARY KEY, calls BIGINT, per TEXT);
CREATE TABLE spent (
    purse TEXT, hour BIGINT, calls BIGINT NOT NULL, PRIMARY KEY (purse, hour)
);
CREATE TABLE attempt (
    id {id}, at DOUBLE PRECISION NOT NULL, site BIGINT NOT NULL,
    purse TEXT NOT NULL, minute DOUBLE PRECISION, reason TEXT, readings BIGINT
);
CREATE INDEX attempt_at ON attempt (at);
CREATE INDEX attempt_minute ON attempt (minute) WHERE minute IS NOT NULL;
CREATE TABLE pause (
    id INTEGER PRIMARY KEY CHECK (id = 1), began DOUBLE PRECISION, seconds DOUBLE PRECISION
);
"""
# Each call is counted by its hour, a row that is never deleted: neither old attempts that are, nor
# a clock that jumps, may refill a period. `minute` is NULL after a minute.
_MINUTE = 60.0
_SHORTEST, _LONGEST = timedelta(days=1), timedelta(days=36_500)
_MOST_DELETED = 1_000
"""How many old rows one call deletes, so that none takes long."""
_MOST_CALLS = 2**63 - 1
"""What a BIGINT holds."""

_log = logging.getLogger("enphase_streaming")


class Transaction(msgspec.Struct, frozen=True):
    """A transaction that no other runs beside.

    `execute` runs one statement, with `?` for each parameter, and returns its rows. `now` is the
    ledger's wall clock, aware, and `at` its clock for pauses and calls a minute, in seconds.
    """

    execute: Callable[..., Sequence[Any]]
    now: datetime
    at: float


class TableLedger:
    """Counts calls in tables, for every process that uses them.

    Args:
        keep: how long the row of each attempt is kept; None for ever.
        place: where the tables are, for messages.
    """

    def __init__(self, keep: timedelta | None, place: str) -> None:
        _check_keep(keep)
        self._keep = keep
        self._place = place
        # What fails before this is true may be the caller's mistake.
        self._was_used = False
        self._checked: set[Allowance] = set()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place!r})"

    def _transaction(self) -> AbstractContextManager[Transaction]:
        """Lock the tables; commit, or change nothing where anything is raised."""
        raise NotImplementedError

    def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
        """Count a call, unless it has to wait.

        Raises:
            InvalidArgument: these are no tables of this version, or they are damaged.
            LedgerUnavailable: they cannot be reached or written at the moment.
        """
        with self._transaction() as db:
            self._check_limit(db, allowance)
            balance = _balance(db, allowance)
            here = Call(call.site, call.place, db.at, db.now)
            refused = refusal(
                allowance, balance, here, recent=_recent(db), paused_until=_paused_until(db)
            )
            if refused is not None:
                return refused
            self._delete_old(db)
            seconds = db.now.timestamp()
            ((attempt,),) = db.execute(
                "INSERT INTO attempt (at, site, purse, minute) VALUES (?, ?, ?, ?) RETURNING id",
                *(seconds, call.site, allowance.purse, db.at),
            )
            db.execute(
                "INSERT INTO spent VALUES (?, ?, 1) "
                "ON CONFLICT (purse, hour) DO UPDATE SET calls = spent.calls + 1",
                *(allowance.purse, _hour(seconds)),
            )
        return Counted(attempt, msgspec.structs.replace(balance, spent=balance.spent + 1))

    def refund(self, counted: Counted) -> None:
        """Take back a call that was counted and never sent."""
        with self._transaction() as db:
            gone = db.execute(
                "DELETE FROM attempt WHERE id = ? RETURNING purse, at", counted.attempt
            )
            for purse, at in gone:
                db.execute(
                    "UPDATE spent SET calls = calls - 1 WHERE purse = ? AND hour = ?",
                    *(purse, _hour(at)),
                )

    def finish(self, counted: Counted, reason: str, readings: int) -> None:
        """Note how a stream ended."""
        with self._transaction() as db:
            db.execute(
                "UPDATE attempt SET reason = ?, readings = ? WHERE id = ?",
                *(reason, readings, counted.attempt),
            )

    def pause(self, seconds: float, at: float) -> None:
        """Let no call be made for `seconds`, of any purse."""
        with self._transaction() as db:
            if _paused_until(db) < db.at + seconds:
                db.execute(
                    "INSERT INTO pause VALUES (1, ?, ?) ON CONFLICT (id) "
                    "DO UPDATE SET began = excluded.began, seconds = excluded.seconds",
                    *(db.at, seconds),
                )

    def balance(self, allowance: Allowance) -> Balance:
        """Return what the purse has spent."""
        with self._transaction() as db:
            return _balance(db, allowance)

    def attempts(self, since: datetime | None = None) -> list[Attempt]:
        """Return a row for each attempt from `since` (aware) on, None for all that are kept."""
        first = -math.inf if since is None else since.timestamp()
        with self._transaction() as db:
            rows = db.execute(
                "SELECT at, site, purse, reason, readings FROM attempt WHERE at >= ? ORDER BY id",
                first,
            )
        return [Attempt(datetime.fromtimestamp(at, UTC), *rest) for at, *rest in rows]

    def _check_version(self, version: int) -> None:
        if version != VERSION:
            raise InvalidArgument(
                f"{self._place} is a ledger of version {version}, and this library reads version "
                f"{VERSION}. Upgrade enphase-streaming."
            )

    def _check_limit(self, db: Transaction, allowance: Allowance) -> None:
        """Record the purse's limit; warn once if it was another before."""
        if allowance in self._checked:
            return
        self._checked.add(allowance)
        calls = None if allowance.calls is None else min(allowance.calls, _MOST_CALLS)
        limit = (calls, allowance.per)
        found = db.execute("SELECT calls, per FROM purse WHERE name = ?", allowance.purse)
        if found and found != [limit]:
            _log.warning(
                "Purse %r had a limit of %s in %s, and here has %s. The limit here counts here.",
                *(allowance.purse, _limit(*found[0]), self._place, _limit(*limit)),
            )
        db.execute(
            "INSERT INTO purse VALUES (?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET calls = excluded.calls, per = excluded.per",
            *(allowance.purse, *limit),
        )

    def _delete_old(self, db: Transaction) -> None:
        if self._keep is not None:
            db.execute(
                # Calls of the last minute stay, even where the wall clock was set ahead by years.
                "DELETE FROM attempt WHERE id IN "
                "(SELECT id FROM attempt WHERE at < ? AND minute IS NULL LIMIT ?)",
                *(db.now.timestamp() - self._keep.total_seconds(), _MOST_DELETED),
            )


def _check_keep(keep: object) -> None:
    if keep is None or (isinstance(keep, timedelta) and _SHORTEST <= keep <= _LONGEST):
        return
    given = keep if isinstance(keep, timedelta) else shown(keep)
    raise InvalidArgument(
        f"keep must be a timedelta of 1 to 36,500 days, or None to keep every attempt, got {given}."
    )


def _balance(db: Transaction, allowance: Allowance) -> Balance:
    first, last, renews = -(2**62), 2**62, None
    if allowance.per is not None:
        began, renews = period_of(allowance.per, db.now)
        first, last = (_hour(each.timestamp()) for each in (began, renews))
    ((spent,),) = db.execute(
        "SELECT sum(calls) FROM spent WHERE purse = ? AND hour >= ? AND hour < ?",
        *(allowance.purse, first, last),
    )
    return Balance(int(spent or 0), allowance.calls, renews)


def _recent(db: Transaction) -> list[float]:
    """Return when the calls of the last minute were counted, in order."""
    db.execute("UPDATE attempt SET minute = NULL WHERE minute <= ?", db.at - _MINUTE)
    # The clock has gone back, as that of a machine does which starts: a call may be just past.
    db.execute("UPDATE attempt SET minute = ? WHERE minute > ?", db.at, db.at)
    rows = db.execute("SELECT minute FROM attempt WHERE minute IS NOT NULL ORDER BY minute")
    return [minute for (minute,) in rows]


def _paused_until(db: Transaction) -> float:
    db.execute("UPDATE pause SET began = ? WHERE began > ?", db.at, db.at)  # as above
    row = db.execute("SELECT began + seconds FROM pause")
    return float(row[0][0]) if row else db.at


def _hour(seconds: float) -> int:
    return int(seconds // 3600)


def _limit(calls: int | None, per: str | None) -> str:
    text = "no limit" if calls is None else f"{calls} calls"
    return text if per is None else f"{text} per {per}"
