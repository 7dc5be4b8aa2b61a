import errno
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self

import pytest

from enphase_streaming.cli.formatting import (
    MISSING,
    PlainLines,
    as_json_line,
    clean,
    local,
    local_time,
)
from enphase_streaming.core.reading import Reading

if sys.platform == "win32":
    pytest.skip("Windows has no TZ variable", allow_module_level=True)

NOON = datetime(2026, 6, 21, 12, 0, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def reading(**changed: Any) -> Reading:
    fields: dict[str, Any] = {
        "pv_power": 4210,
        "consumption_power": 1830,
        "battery_power": -1500,
        "battery_soc": 64,
        "grid_power": -880,
        "generator_power": 0,
        "battery_mode": "Self-consumption",
        "grid_status": "On Grid",
        "arrived": NOON,
    }
    return Reading(**{**fields, **changed})


def row(**changed: Any) -> str:
    return PlainLines()(reading(**changed)).splitlines()[-1]


def test_a_heading_precedes_the_first_row() -> None:
    assert PlainLines()(reading()).splitlines() == [
        "2026-06-21  On Grid  Self-consumption",
        "Time       Solar Consumption Battery                Grid        Charge",
        "12:00:01  4210 W      1830 W  1500 W charging      880 W export   64 %",
    ]


@pytest.mark.parametrize(
    ("changed", "heading"),
    [
        ({"arrived": NOON + timedelta(days=1)}, "2026-06-22  On Grid  Self-consumption"),
        ({"grid_status": "Off Grid"}, "2026-06-21  Off Grid  Self-consumption"),
        ({"battery_mode": None}, f"2026-06-21  On Grid  {MISSING}"),
    ],
)
def test_the_heading_is_repeated_when_it_changes(changed: dict[str, Any], heading: str) -> None:
    lines = PlainLines()
    lines(reading())
    assert len(lines(reading(arrived=NOON + timedelta(hours=11))).splitlines()) == 1
    assert lines(reading(**changed)).splitlines()[0] == heading
    assert len(lines(reading(**changed)).splitlines()) == 1


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"battery_power": 700}, " 700 W discharging "),
        ({"battery_power": 0}, " 0 W idle "),
        ({"battery_power": None}, f"1830 W       {MISSING}      "),
        ({"battery_soc": None}, f" export      {MISSING}"),
        ({"grid_power": 5}, " 5 W import "),
        ({"grid_power": 0}, " 0 W idle "),
        ({"pv_power": None}, f"12:00:01       {MISSING}  "),
        ({"pv_power": -3}, "12:00:01    -3 W  "),
    ],
)
def test_a_value_has_its_words(changed: dict[str, Any], text: str) -> None:
    assert text in row(**changed)


@pytest.mark.parametrize("generator", [0, None])
def test_a_generator_that_does_not_run_has_no_column(generator: int | None) -> None:
    text = PlainLines()(reading(generator_power=generator))
    assert "Generator" not in text
    assert text.endswith("64 %")


def test_a_running_generator_has_a_column() -> None:
    _, titles, last = PlainLines()(reading(generator_power=900)).splitlines()
    assert titles.endswith("Charge Generator")
    assert last.endswith("64 %     900 W")


def test_a_row_fits_80_columns() -> None:
    largest = {
        "pv_power": 99_999,
        "consumption_power": 99_999,
        "battery_power": 99_999,
        "grid_power": -99_999,
        "generator_power": 99_999,
        "battery_soc": 100,
    }
    _, *lines = PlainLines()(reading(**largest)).splitlines()
    assert [len(line) for line in lines] == [80, 80]


def test_the_time_is_the_measured_one_if_there_is_one() -> None:
    measured = reading(epoch=int(NOON.timestamp() * 1000) + 5000)
    assert f"{local_time(measured):%H:%M:%S}" == "12:00:06"
    assert f"{local_time(reading()):%H:%M:%S}" == "12:00:01"


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        (datetime.min.replace(tzinfo=UTC), "WEST8"),
        (datetime.max.replace(tzinfo=UTC), "EAST-9"),
    ],
)
def test_a_moment_outside_the_calendar_of_the_zone_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, moment: datetime, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    assert local(moment) == moment


def test_a_moment_without_a_local_time_stays_as_it_is() -> None:
    class Moment(datetime):
        """A moment before 1970, as Windows treats it."""

        def astimezone(self, tz: tzinfo | None = None) -> Self:
            raise OSError(errno.EINVAL, "Invalid argument")

    moment = Moment(1969, 12, 31, tzinfo=UTC)
    assert local(moment) is moment


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Full Backup", "Full Backup"),
        ("[bold red]x[/]", "[bold red]x[/]"),
        ("\x1b[2J\x07\r\n", "�[2J���"),
        ("a\u202eb\x9bc", "a�b�c"),
        ("x" * 100, "x" * 39 + "…"),
        ("", MISSING),
        (None, MISSING),
    ],
)
def test_a_string_of_the_api_cannot_control_the_terminal(sent: str | None, shown: str) -> None:
    assert clean(sent) == shown


def test_json_is_one_line_of_ascii() -> None:
    line = as_json_line(reading(battery_mode="é\n\x1b[2J"))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == reading(battery_mode="é\n\x1b[2J").to_dict()
