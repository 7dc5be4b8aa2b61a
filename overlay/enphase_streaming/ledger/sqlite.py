"""A ledger in a file, for every process of one machine.

The wall clock decides to which period a call belongs. The calls of the last minute and a pause are
measured on the monotonic clock, which all processes of a machine share and no one can set.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from enphase_streaming.errors import InvalidArgument, LedgerUnavailable
from enphase_streaming.ledger.tables import SCHEMA, VERSION, TableLedger, Transaction

_APPLICATION = 0x456E5374
"""Marks the file as a ledger of this library, in SQLite's `application_id`."""
_BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process or program that holds the file."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_MISTAKEN = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
"""Errors that mean a wrong path, if the file has never been used."""
_MAY_PASS = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO}
"""Errors of the system that do not."""
_OWNER = """
SELECT * FROM pragma_application_id, pragma_user_version, (SELECT count(*) FROM sqlite_schema)
"""
_NEW_FILE = f"""
{SCHEMA.format(id="INTEGER PRIMARY KEY AUTOINCREMENT")}
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {VERSION};
"""

_files = threading.RLock()
"""Held while a file is open. SQLite's locks belong to the process: closing the file in another
thread drops them, and a child that is forked meanwhile would find the file locked for ever."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteLedger(TableLedger):
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
        try:
            self._path = Path(path).expanduser().resolve()
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise InvalidArgument(f"path must lead to a file: {error}.") from error
        super().__init__(keep, str(self._path))
        self._now = now
        self._monotonic = monotonic

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """Open the file and lock it; commit, or change nothing where anything is raised.

        A connection for each transaction is safe across threads and forks, and needs no closing.
        """
        try:
            with _files, closing(self._connect()) as db, db:
                db.execute("PRAGMA synchronous = FULL")
                db.execute("BEGIN IMMEDIATE")
                self._prepare(db)

                def execute(sql: str, *parameters: Any) -> Sequence[Any]:
                    return db.execute(sql, parameters).fetchall()

                yield Transaction(execute, self._now(), self._monotonic())
            self._was_used = True
        except (OSError, sqlite3.Error) as error:
            raise self._explained(error) from error

    def _connect(self) -> sqlite3.Connection:
        if not self._was_used:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self._path.touch(mode=0o600, exist_ok=False)
        # A file that is gone is not made anew: its counts would begin at zero.
        return sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw", uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None
        )

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Check whose file it is, and make the tables of a new one."""
        ((application, version, tables),) = db.execute(_OWNER)
        if (application, version, tables) == (0, 0, 0) and not self._was_used:
            for statement in _NEW_FILE.split(";"):
                db.execute(statement)
        elif application != _APPLICATION:
            raise InvalidArgument(
                f"{self._path} is no ledger of enphase-streaming. Choose another path."
            )
        else:
            self._check_version(version)

    def _explained(self, error: OSError | sqlite3.Error) -> InvalidArgument | LedgerUnavailable:
        text = str(error)
        if isinstance(error, OSError):
            text, is_mistaken = error.strerror or text, error.errno not in _MAY_PASS
        else:
            # The low byte is the error; the others tell its kinds apart.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED:
                return InvalidArgument(
                    f"The ledger {self._path} is damaged ({text}). Move it away; a new one begins "
                    "at 0."
                )
            is_mistaken = code in _MISTAKEN
        if is_mistaken and not self._was_used:
            return InvalidArgument(
                f"The ledger {self._path} cannot be written: {text}. Choose another path."
            )
        return LedgerUnavailable(f"The ledger {self._path} cannot count now: {text}.")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_files.acquire, after_in_parent=_files.release, after_in_child=_files.release
    )
