"""A ledger in PostgreSQL, for workers on several machines. Its server's clock decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from enphase_streaming.core.arguments import shown
from enphase_streaming.errors import InvalidArgument, LedgerUnavailable
from enphase_streaming.ledger.tables import SCHEMA, VERSION, TableLedger, Transaction
from enphase_streaming.secrets import hide_locals

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as _error:
    raise ImportError(
        "PostgresLedger needs psycopg: run pip install 'enphase-streaming[postgres]'."
    ) from _error

_LIMITS: dict[str, Any] = {
    # A server that is gone is noticed after about 10 s, not after the system's two hours.
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
# In each transaction, where the `options` of a DSN cannot undo them: no count may be lost that the
# server confirmed, and the wait for another transaction is bounded.
_GUARDS = (
    "SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '5s'; "
    "SET LOCAL statement_timeout = '10s'"
)
_MISTAKEN = ("08P01", "28", "3D", "3F", "42", "25006")
"""Beginnings of error codes that trying again does not mend: a wrong login, name or permission."""
_REFUSED = re.compile(r"FATAL: +(?!.*(the database system is|too many|remaining connection))")
"""psycopg gives no code for a connection that the server refused."""
_SHOWN = ("host", "hostaddr", "port", "dbname", "user")
# Serializes the creation of tables, which IF NOT EXISTS does not.
_CREATION = 0x456E5374
_SERVER = "SELECT extract(epoch FROM clock_timestamp())"


class PostgresLedger(TableLedger):
    """Counts calls in a PostgreSQL database, for workers on any number of machines.

    The tables are made when it is first used, in a schema of their own. Each call takes a
    connection of its own, so that a server that was started anew is simply used again.

    Args:
        dsn: where the database is, as libpq takes it: `postgresql://user@host/name`, or
            `host=… dbname=…`. A password is better kept in libpq's password file or PGPASSWORD.
        schema: the name of the tables' schema, in lower-case letters, digits and underscores.
        keep: how long the row of each attempt is kept, from a day to 36,500 days; None for ever.
            The counts do not depend on it.

    Raises:
        InvalidArgument: for a DSN that cannot be read, and another `schema` or `keep`.
    """

    @hide_locals
    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "enphase_ledger",
        keep: timedelta | None = timedelta(days=400),
    ) -> None:
        _check_schema(schema)
        self._settings = _settings(dsn)
        place = [f"{name}={self._settings[name]}" for name in _SHOWN if name in self._settings]
        super().__init__(keep, " ".join([*place, f"schema={schema}"]))
        self._schema = schema

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """Connect and lock the tables; commit, or change nothing where anything is raised.

        Where the answer to a commit is lost, the call may be counted, and is not made.
        """
        try:
            with self._connect() as connection, connection.transaction():

                def execute(sql: str, *parameters: Any) -> Sequence[Any]:
                    cursor = connection.execute(sql.replace("?", "%s").encode(), parameters)
                    return cursor.fetchall() if cursor.description else []

                self._prepare(connection)
                connection.execute("LOCK TABLE attempt IN EXCLUSIVE MODE")
                ((seconds,),) = connection.execute(_SERVER)
                at = float(seconds)
                yield Transaction(execute, datetime.fromtimestamp(at, UTC), at)
            self._was_used = True
        except psycopg.Error as error:
            raised = self._explained(error)
        else:
            return
        # Not chained: the frames of psycopg hold the password.
        raise raised

    @hide_locals
    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(**_LIMITS | self._settings, prepare_threshold=None)

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Find the tables, or make them."""
        connection.execute(f"{_GUARDS}; SET LOCAL search_path TO {self._schema}".encode())
        if self._was_used:
            return
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATION,))
        ((found,),) = connection.execute("SELECT to_regclass('version')::text")
        if found is None:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}".encode())
            tables = SCHEMA.format(id="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            version = f"CREATE TABLE version AS SELECT {VERSION} AS number"
            connection.execute(f"{tables}{version}".encode())
        ((version,),) = connection.execute("SELECT number FROM version")
        self._check_version(version)

    def _explained(self, error: psycopg.Error) -> InvalidArgument | LedgerUnavailable:
        text = " ".join(str(error).split()).rstrip(".")
        code = error.sqlstate
        is_refused = code is None and _REFUSED.search(text) is not None
        if not self._was_used and (is_refused or (code or "").startswith(_MISTAKEN)):
            return InvalidArgument(f"The ledger at {self._place} cannot be used: {text}.")
        return LedgerUnavailable(f"The ledger at {self._place} cannot count now: {text}.")


def _check_schema(schema: object) -> None:
    if not isinstance(schema, str) or not re.fullmatch("[a-z_][a-z0-9_]{0,62}", schema):
        raise InvalidArgument(
            "schema must be lower-case letters, digits and underscores, 63 at most, got "
            f"{shown(schema)}."
        )


def _settings(dsn: object) -> dict[str, Any]:
    try:
        found = conninfo_to_dict(dsn) if isinstance(dsn, str) and dsn.strip() else {}
    except psycopg.Error:  # its message quotes the DSN, and with it a password
        found = {}
    # A password with an @ or a / ends early, and its rest is taken for the host or the name. A host
    # that begins with an @ is a socket of Linux.
    if not found or any("@" in str(found.get(name, ""))[1:] for name in _SHOWN if name != "user"):
        raise InvalidArgument(
            "dsn must be a connection string of PostgreSQL, such as postgresql://user@host/name, "
            "with %40 for an @ in the password and %2F for a /."
        )
    return dict(found)
