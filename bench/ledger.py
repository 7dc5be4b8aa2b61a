"""Time to count one call durably, beside the bare transaction on the same disk.

`make bench ONLY=ledger` prints the table.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from enphase_streaming import Allowance, Call, Counted, SqliteLedger
from table import Row, Section

_CALLS = 300
_ALLOWANCE = Allowance("default", 10 * _CALLS, "month", calls_per_minute=10 * _CALLS)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def section() -> Section:
    """Count calls on a ledger, and insert rows in between."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        ledger = SqliteLedger(Path(folder, "ledger"))
        call = Call(1765, 0, 0.0, datetime.now(UTC))

        def count() -> None:
            assert isinstance(ledger.spend(_ALLOWANCE, call), Counted)

        with closing(sqlite3.connect(Path(folder, "bare"), isolation_level=None)) as db:
            db.execute("CREATE TABLE attempt (at REAL)")
            db.execute("PRAGMA synchronous = FULL")

            def insert() -> None:
                db.execute("BEGIN IMMEDIATE")
                db.execute("INSERT INTO attempt VALUES (?)", (time.time(),))
                db.execute("COMMIT")

            for _ in range(_CALLS):
                ours.append(_milliseconds(count))
                bare.append(_milliseconds(insert))
    return Section(
        "Counting a call",
        f"From asking a `SqliteLedger` to its answer, {_CALLS} times, each call safe on the disk "
        "before it is made. The bare transaction inserts one row into a file that stays open. No "
        "event of a stream touches a ledger.",
        [
            Row("one call", "ms", ours, at_most=5),
            Row("one call", "ms", ours, "a bare transaction", bare),
        ],
        [
            "The file is opened for each call, which makes a ledger safe across threads and forks "
            "without a lock or a connection to look after."
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
