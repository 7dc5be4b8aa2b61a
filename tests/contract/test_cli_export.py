"""`enphase-streaming export`, `plot` and `watch --csv`: tables and pictures of readings."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib
import pyarrow.parquet
import pytest

from enphase_streaming import Reading, read_recording
from enphase_streaming.cli import tables
from enphase_streaming_mock import MockServer
from recorded import STREAM, make_site, new_recording, record_site
from shell import Done, environment, inside, printing_to, run, terminal, unwritable

# Where the fonts that matplotlib found are kept, which takes it seconds.
ENVIRONMENT = environment(None, MPLBACKEND="agg", MPLCONFIGDIR=matplotlib.get_configdir())
COLUMNS = [
    *("timestamp", "arrived", "system_id", "envoy_serial_number", "pv_power"),
    *("consumption_power", "battery_power", "battery_soc", "battery_mode", "grid_power"),
    *("grid_status", "generator_power", "drift"),
]


def command(*arguments: object) -> Done:
    return inside(*map(str, arguments), env=ENVIRONMENT)


@pytest.fixture(scope="module")
def ten_minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "day.jsonl"
    return record_site(path, 600, is_silent=lambda second: 100 <= second < 160)


@pytest.fixture
def day(ten_minutes: Path, tmp_path: Path) -> Path:
    """A folder that holds the recording `day.jsonl`, of ten minutes, alone."""
    shutil.copy(ten_minutes, tmp_path)
    return tmp_path


def readings(path: Path) -> list[Reading]:
    with read_recording(path) as found:
        return list(found)


def record_event(path: Path, text: str, reason: str = "planned") -> Path:
    """Write a recording of one event, as it stands."""
    recording = new_recording(path)
    recording.opened(STREAM, 0.0)
    recording.received(f"data:{text}\n\n".encode(), 1.0)
    recording.ended(reason, 30.0)
    recording.close()
    return path


# Tables


def test_csv_has_a_header_and_a_row_for_each_reading(day: Path) -> None:
    done = command("export", day / "day.jsonl")
    expected = readings(day / "day.jsonl")
    assert done.returncode == 0
    assert done.stdout.count("\r\n") == done.stdout.count("\n") == 541
    header, *rows = csv.reader(io.StringIO(done.stdout, newline=""))
    assert header == COLUMNS
    for row, reading in zip(rows, expected, strict=True):
        found = dict(zip(header, row, strict=True))
        assert datetime.fromisoformat(found["timestamp"]) == reading.timestamp
        assert datetime.fromisoformat(found["arrived"]) == reading.arrived
        assert int(found["grid_power"]) == reading.grid_power
        assert found["battery_mode"] == "Self-consumption"
        assert found["drift"] == ""
    assert done.stderr == "540 readings in 3 windows (2 planned, 1 dropped), 1 gap.\n"


def test_a_file_holds_what_is_printed(day: Path) -> None:
    printed = command("export", day / "day.jsonl").stdout
    assert command("export", day / "day.jsonl", "-o", day / "day.csv").stdout == ""
    assert (day / "day.csv").read_bytes().decode() == printed
    assert sorted(os.listdir(day)) == ["day.csv", "day.jsonl"]


HOSTILE = {"battery_mode": 'a,"b"\r\n\x1b[31m=1+1', "pv_power": "12", "new_field": [1, None]}
HOSTILE_EVENT = json.dumps({"data": HOSTILE | {"grid_power": None}, "timestamp_epoch": 1782000000})


def test_csv_quotes_what_the_api_sends_and_keeps_drift(tmp_path: Path) -> None:
    done = command("export", record_event(tmp_path / "day.jsonl", HOSTILE_EVENT))
    [row] = csv.DictReader(io.StringIO(done.stdout, newline=""))
    assert row["battery_mode"] == 'a,"b"���[31m=1+1'
    assert (row["pv_power"], row["grid_power"]) == ("12", "")
    assert json.loads(row["drift"]) == [
        {"field": "pv_power", "value": "12", "expected": "integer"},
        {"field": "new_field", "value": [1, None], "expected": "absent"},
    ]


def test_no_text_of_csv_is_a_formula(tmp_path: Path) -> None:
    event = '{"data":{"battery_mode":"=1+1","grid_status":"@SUM(1)","pv_power":-5}}'
    done = command("export", record_event(tmp_path / "day.jsonl", event))
    [row] = csv.DictReader(io.StringIO(done.stdout, newline=""))
    found = row["battery_mode"], row["grid_status"], row["pv_power"]
    assert found == ("'=1+1", "'@SUM(1)", "-5")


def test_the_summary_is_safe_to_print(tmp_path: Path) -> None:
    done = command("export", record_event(tmp_path / "day.jsonl", "{}", "\x1b[31m\nred"))
    assert done.stderr == "0 readings in 1 window (1 �[31m�red).\n"


def test_json_lines_are_exact(tmp_path: Path) -> None:
    done = command("export", record_event(tmp_path / "day.jsonl", HOSTILE_EVENT), "--to", "jsonl")
    [line] = done.stdout.splitlines()
    found = json.loads(line)
    assert found["battery_mode"] == HOSTILE["battery_mode"]
    assert found["pv_power"] == 12
    assert found["timestamp"] == "2026-06-21T00:00:00+00:00"
    assert found["arrived"] == "2026-06-21T00:00:01+00:00"
    assert [each["field"] for each in found["drift"]] == ["pv_power", "new_field"]
    assert "grid_power" not in found


def test_json_lines_stay_json_for_a_number_that_is_none(tmp_path: Path) -> None:
    path = record_event(tmp_path / "day.jsonl", '{"data":{"pv_power":NaN,"battery_soc":4}}')

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    done = command("export", path, "--to", "jsonl")
    assert json.loads(done.stdout, parse_constant=refuse)["battery_soc"] == 4


def test_parquet_has_typed_columns(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_ROW_GROUP", 250)  # two whole groups and a part
    done = command("export", day / "day.jsonl", "-o", day / "day.parquet")
    assert done.returncode == 0
    expected = readings(day / "day.jsonl")
    table = pyarrow.parquet.read_table(day / "day.parquet")
    assert table.column_names == COLUMNS
    assert table.column("timestamp").to_pylist() == [each.timestamp for each in expected]
    assert table.column("pv_power").to_pylist() == [each.pv_power for each in expected]
    assert table.column("envoy_serial_number").to_pylist()[0] == expected[0].envoy_serial_number
    assert str(table.schema.field("arrived").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("battery_soc").type) == "int64"
    assert table.column("drift").null_count == 540


def test_a_number_too_large_for_parquet_is_refused(tmp_path: Path) -> None:
    path = record_event(tmp_path / "day.jsonl", '{"data":{"pv_power":9223372036854775808}}')
    done = command("export", path, "-o", tmp_path / "day.parquet")
    assert_refused(done, "pv_power must be below 2**63 in Parquet")
    assert os.listdir(tmp_path) == ["day.jsonl"]
    assert ",9223372036854775808," in command("export", path).stdout


# Energy


def test_energy_is_printed_with_its_gaps(day: Path) -> None:
    site = make_site()
    solar = sum(site.reading(second)["pv_power"] for second in range(600)) / 3_600_000
    done = command("export", day / "day.jsonl", "--energy")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["kWh", "measured"]
    [printed] = [float(line.split()[1]) for line in lines if line.startswith("Solar ")]
    # 60 s of 600 were silent, and the power hardly changes.
    assert printed == pytest.approx(solar * 538 / 600, rel=0.01)
    assert [line.split()[-1] for line in lines if line.startswith("Solar ")] == ["0:08:58"]
    assert lines[-3:] == [
        "From 2026-06-21 00:00:00 to 2026-06-21 00:09:59",
        "Left out: 1 gap, 0:01:01 in all:",
        "  2026-06-21 00:01:39 to 00:02:40  0:01:01",
    ]
    assert "timestamp" not in done.stdout


def test_energy_and_a_table_come_from_one_reading_of_the_file(day: Path) -> None:
    done = command("export", day / "day.jsonl", "--energy", "-o", day / "day.csv", "--gap", "90")
    assert "Left out" not in done.stdout
    assert len((day / "day.csv").read_text().splitlines()) == 541


def test_only_the_longest_of_many_gaps_are_listed(tmp_path: Path) -> None:
    path = record_site(tmp_path / "day.jsonl", 1500, every=100)
    lines = command("export", path, "--energy").stdout.splitlines()
    assert "Left out: 14 gaps, 0:23:20 in all, the 10 longest:" in lines
    assert len([line for line in lines if line.startswith("  20")]) == 10


def test_a_gap_over_midnight_names_both_days(tmp_path: Path) -> None:
    recording = new_recording(tmp_path / "day.jsonl")
    recording.opened(STREAM, 0.0)
    for moment in ("2026-06-20 23:59:00", "2026-06-21 00:01:00"):
        event = f'data:{{"data":{{"pv_power":5}},"timestamp_utc":"{moment}"}}\n\n'
        recording.received(event.encode(), 1.0)
    recording.ended("planned", 30.0)
    recording.close()
    done = command("export", tmp_path / "day.jsonl", "--energy")
    expected = "  2026-06-20 23:59:00 to 2026-06-21 00:01:00  0:02:00"
    assert done.stdout.splitlines()[-1] == expected


# Pictures


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml")])
def test_plot_writes_a_picture(day: Path, ending: str, start: bytes) -> None:
    done = command("plot", day / "day.jsonl", "-o", day / f"day.{ending}")
    assert done == (0, "", "540 readings in 3 windows (2 planned, 1 dropped), 1 gap.\n")
    assert (day / f"day.{ending}").read_bytes().startswith(start)
    assert sorted(os.listdir(day)) == ["day.jsonl", f"day.{ending}"]


# Bad input


def assert_refused(done: Done, said: str) -> None:
    [line] = done.stderr.splitlines()
    assert line.startswith("enphase-streaming: ")
    assert said in line
    assert (done.returncode, done.stdout) == (2, "")


BAD = {
    "nowhere.jsonl": "cannot be read: No such file or directory.",
    "empty.jsonl": "empty.jsonl is empty",
    "table.csv": "table.csv is no recording",
    "new.jsonl": "must be a recording of version 1, got version 2.",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("use", ["export", "plot"])
def test_a_file_that_is_no_recording_is_refused(name: str, use: str, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "new.jsonl").write_text('{"format":"enphase-streaming-recording","version":2}\n')
    before = sorted(os.listdir(tmp_path))
    out = "out.csv" if use == "export" else "out.png"
    assert_refused(command(use, tmp_path / name, "-o", tmp_path / out), BAD[name])
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "xlsx"], "--to must be one of csv, jsonl, parquet, got 'xlsx'."),
        (["-o", "day.xlsx"], "The ending of OUT must be one of csv, jsonl, parquet, got 'xlsx'."),
        (["--to", "parquet"], "--to parquet needs a file: pass -o OUT."),
        (["-o", "nowhere/day.csv"], "cannot be written"),
        (["-o", "day.jsonl"], "day.jsonl exists: choose another name, or pass --overwrite."),
        (["-o", "day.jsonl", "--overwrite"], "must be a new file"),
        (["-o", ".", "--to", "csv", "--overwrite"], "must be a new file"),
        (["-o", "/dev/null", "--to", "csv", "--overwrite"], "must be a new file"),
        (["--gap", "0"], "--gap must be a number from 0.1 to 86,400"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(
    day: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(day)
    before = (day / "day.jsonl").read_bytes()
    assert_refused(command("export", "day.jsonl", *arguments), said)
    assert (day / "day.jsonl").read_bytes() == before
    assert os.listdir(day) == ["day.jsonl"]
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "A plot needs -o OUT, --show, or both."),
        (["-o", "day.pdf"], "The ending of OUT must be one of png, svg, got 'pdf'."),
        (["--show"], "--show needs a screen"),
    ],
)
def test_a_plot_that_cannot_be_drawn_is_refused(
    day: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(day)
    assert_refused(command("plot", "day.jsonl", *arguments), said)
    assert os.listdir(day) == ["day.jsonl"]


def test_a_plot_of_no_readings_is_refused(tmp_path: Path) -> None:
    new_recording(tmp_path / "day.jsonl").close()
    done = command("plot", tmp_path / "day.jsonl", "-o", tmp_path / "day.png")
    assert_refused(done, "There is nothing to draw: the recording holds no reading.")
    assert os.listdir(tmp_path) == ["day.jsonl"]
    assert command("export", tmp_path / "day.jsonl").stdout == ",".join(COLUMNS) + "\r\n"


def test_a_name_of_the_greatest_length_can_be_written(day: Path) -> None:
    out = day / f"{'n' * 251}.csv"
    assert command("export", day / "day.jsonl", "-o", out).returncode == 0
    assert out.is_file()


def test_an_output_is_replaced_only_with_overwrite(day: Path) -> None:
    (day / "target.csv").write_text("precious")
    (day / "day.csv").symlink_to("target.csv")
    line = ["export", day / "day.jsonl", "-o", day / "day.csv"]
    assert_refused(command(*line), "exists")
    assert (day / "target.csv").read_text() == "precious"
    before = (day / "target.csv").stat().st_ino
    assert command(*line, "--overwrite").returncode == 0
    assert (day / "day.csv").is_symlink()
    assert (day / "target.csv").read_text().startswith("timestamp,")
    # Another file, renamed: a reader sees the old one or the new one, whole.
    assert (day / "target.csv").stat().st_ino != before
    assert sorted(os.listdir(day)) == ["day.csv", "day.jsonl", "target.csv"]


@pytest.mark.parametrize(("module", "extra"), [("matplotlib", "plot"), ("pyarrow", "parquet")])
def test_a_missing_extra_is_named(
    day: Path, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "enphase_streaming.cli.chart", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    line = ["plot", "-o", day / "a.png"] if extra == "plot" else ["export", "-o", day / "a.parquet"]
    done = command(*line, day / "day.jsonl")
    assert_refused(done, f"pip install 'enphase-streaming[{extra}]'")
    assert os.listdir(day) == ["day.jsonl"]


def test_a_backend_that_cannot_be_used_is_refused(day: Path) -> None:
    # In a process of its own, which loads matplotlib.
    env = ENVIRONMENT | {"MPLBACKEND": "nonsense"}
    done = run("plot", str(day / "day.jsonl"), "-o", str(day / "day.png"), env=env)
    assert_refused(Done(done.returncode, done.stdout, done.stderr), "matplotlib cannot be used")
    assert os.listdir(day) == ["day.jsonl"]


# Ends


def test_ctrl_c_leaves_no_file(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drifts = iter([""] * 100)

    def interrupted(reading: Reading) -> str:
        for drift in drifts:
            return drift
        raise KeyboardInterrupt

    monkeypatch.setattr(tables, "_drift", interrupted)
    done = command("export", day / "day.jsonl", "-o", day / "day.csv")
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")
    assert os.listdir(day) == ["day.jsonl"]


def test_a_full_disk_leaves_no_file(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables, "csv_writer", full)
    done = command("export", day / "day.jsonl", "-o", day / "day.csv")
    assert done.returncode == 4
    assert done.stderr.endswith("the output cannot be written: No space left on device.\n")
    assert os.listdir(day) == ["day.jsonl"]


@pytest.mark.parametrize(("kind", "code"), [("full", 4), ("gone", 0)])
def test_stdout_that_takes_no_more_ends_the_export(day: Path, kind: str, code: int) -> None:
    with unwritable(kind) as out:
        done = printing_to(out, "export", str(day / "day.jsonl"), env=ENVIRONMENT)
    assert done.returncode == code


def test_a_recording_that_breaks_off_is_exported_and_said_so(day: Path) -> None:
    path = day / "day.jsonl"
    path.write_bytes(path.read_bytes()[:-100])
    done = command("export", path)
    assert done.returncode == 0
    assert done.stdout.count("\r\n") == 540
    assert done.stderr.splitlines() == [
        "539 readings in 3 windows (1 dropped, 1 planned, 1 no end), 1 gap.",
        f"{path} breaks off: its last line or window is incomplete.",
    ]


def test_a_terminal_shows_progress(day: Path) -> None:
    line = ["export", str(day / "day.jsonl"), "-o", str(day / "day.csv")]
    with terminal(*line, env=ENVIRONMENT) as screen:
        assert screen.finish() == 0
    assert "Reading" in screen.text
    assert "540 readings" in screen.text


# watch --csv


def test_watch_prints_csv(enphase_mock: MockServer) -> None:
    env = environment(enphase_mock)
    done = inside("watch", "--once", "--clock-speed", "50", "--csv", env=env)
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert (done.returncode, len(rows)) == (0, 30)
    assert list(rows[0]) == COLUMNS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", rows[0]["timestamp"])
    assert {row["system_id"] for row in rows} == {"1765"}
    assert "timestamp" not in done.stdout.split("\r\n", 1)[1]


def test_watch_prints_one_kind_of_table() -> None:
    done = inside("watch", "--once", "--csv", "--json", env=environment(None))
    assert_refused(done, "--json cannot be combined with --csv.")
