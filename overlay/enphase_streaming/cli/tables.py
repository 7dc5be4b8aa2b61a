"""Readings as tables: CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import msgspec

from enphase_streaming.cli.formatting import printable
from enphase_streaming.core.reading import Reading
from enphase_streaming.errors import InvalidArgument
from enphase_streaming_api.models import LiveStatus

FIELDS = ("timestamp", "arrived", *LiveStatus.__struct_fields__, "drift")
"""The columns of CSV and Parquet, and the names in JSON."""
FORMATS = ("csv", "jsonl", "parquet")
_ROW_GROUP = 2_000
_LARGEST = 2**63 - 1
_FORMULA = ("=", "+", "-", "@")

Write = Callable[[Reading], None]


def csv_writer(file: TextIO) -> Write:
    """Write the header of a CSV table (RFC 4180), and return what writes a reading's row.

    Lists are joined by spaces, and drift is JSON. Characters that cannot be printed are replaced,
    and a text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    write_row = csv.writer(file).writerow
    write_row(FIELDS)

    def write(reading: Reading) -> None:
        row = [getattr(reading, name) for name in FIELDS]
        row[0] = reading.timestamp and reading.timestamp.isoformat()
        row[1] = reading.arrived.isoformat()
        row[-1] = _drift(reading)
        write_row([_cell(value) for value in row])

    return write


def json_writer(file: TextIO) -> Write:
    """Return what writes a reading as `to_dict` returns it, with `arrived` and its drift."""

    def write(reading: Reading) -> None:
        found = reading.to_dict() | {"arrived": reading.arrived.isoformat()}
        if reading.drift:
            found["drift"] = json.loads(_drift(reading))
        file.write(json.dumps(found) + "\n")

    return write


@contextmanager
def open_table(form: str, path: Path | None) -> Iterator[Write]:
    """Open a new file of one of the `FORMATS`, or stdout, and yield what writes a reading."""
    if form == "parquet":
        if path is None:
            raise InvalidArgument("--to parquet needs a file: pass -o OUT.")
        with _parquet(path) as write:
            yield write
        return
    # CSV brings its own line ends.
    with path.open("x", encoding="utf-8", newline="") if path else nullcontext(sys.stdout) as file:
        yield csv_writer(file) if form == "csv" else json_writer(file)


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    # Imported here: an extra, and large.
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    moment = pa.timestamp("us", tz="UTC")
    kinds = {int: pa.int64(), str: pa.string(), list[str]: pa.list_(pa.string())}
    types = {
        field.name: next(kinds[kind] for kind in field.type.__args__ if kind in kinds)
        for field in msgspec.structs.fields(LiveStatus)
    }
    types = {"timestamp": moment, "arrived": moment, **types, "drift": pa.string()}
    schema = pa.schema([(name, types[name]) for name in FIELDS])
    rows: list[dict[str, Any]] = []

    def write(reading: Reading) -> None:
        row = {name: getattr(reading, name) for name in FIELDS}
        for name, value in row.items():
            if isinstance(value, int) and abs(value) > _LARGEST:
                raise InvalidArgument(
                    f"{name} must be below 2**63 in Parquet: use --to csv or --to jsonl."
                )
        rows.append(row | {"drift": _drift(reading) or None})
        if len(rows) == _ROW_GROUP:
            flush()

    def flush() -> None:
        writer.write_table(pa.Table.from_pylist(rows, schema))
        rows.clear()

    with ParquetWriter(path, schema) as writer:
        yield write
        flush()


def _cell(value: object) -> object:
    if isinstance(value, list):
        value = " ".join(value)
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if value.startswith(_FORMULA) else printable(value)


def _drift(reading: Reading) -> str:
    if not reading.drift:
        return ""
    return msgspec.json.encode([each._asdict() for each in reading.drift]).decode()
