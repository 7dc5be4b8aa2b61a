import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from enphase_streaming.cli.lines import Plain, as_json
from enphase_streaming.cli.words import MISSING, clean, clock_time, local
from enphase_streaming.core.reading import Reading

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


def test_a_reading_is_one_line_with_the_directions_in_words() -> None:
    assert Plain()(reading()) == (
        "2026-06-21 12:00:01  pv 4210 W  load 1830 W  battery charging 1500 W (64 %)  "
        "grid export 880 W  Self-consumption  On Grid"
    )


def test_the_date_is_said_at_first_and_when_another_day_begins() -> None:
    line = Plain()
    moments = [NOON, NOON + timedelta(hours=11), NOON + timedelta(days=1), NOON + timedelta(days=1)]
    assert [line(reading(arrived=each)).partition("  ")[0] for each in moments] == [
        "2026-06-21 12:00:01",
        "23:00:01",
        "2026-06-22 12:00:01",
        "12:00:01",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"battery_power": 700}, "battery discharging 700 W (64 %)"),
        ({"battery_power": 0}, "battery idle (64 %)"),
        ({"battery_power": None}, f"battery {MISSING} (64 %)"),
        ({"battery_soc": None}, f"battery charging 1500 W ({MISSING})"),
        ({"grid_power": 5}, "grid import 5 W"),
        ({"grid_power": 0}, "grid idle"),
        ({"grid_power": None}, f"grid {MISSING}"),
        ({"pv_power": None}, f"pv {MISSING}"),
        ({"pv_power": 0}, "pv 0 W"),
        ({"pv_power": -3}, "pv -3 W"),
        ({"generator_power": 900}, "generator 900 W"),
        ({"battery_mode": None, "grid_status": None}, f"grid export 880 W  {MISSING}  {MISSING}"),
        ({"battery_mode": "DR Event Active"}, "DR Event Active  On Grid"),
    ],
)
def test_every_value_has_its_words(changed: dict[str, Any], said: str) -> None:
    assert said in Plain()(reading(**changed))


@pytest.mark.parametrize("generator", [0, None])
def test_a_generator_that_does_not_run_is_not_mentioned(generator: int | None) -> None:
    assert "generator" not in Plain()(reading(generator_power=generator))


def test_the_time_is_the_measured_one_where_there_is_one() -> None:
    measured = reading(epoch=int(NOON.timestamp() * 1000) + 5000)
    assert clock_time(measured) == "12:00:06"
    assert clock_time(reading()) == "12:00:01"


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        (datetime.min.replace(tzinfo=UTC), "WEST8"),
        (datetime.max.replace(tzinfo=UTC), "EAST-9"),
    ],
)
def test_a_moment_that_this_time_zone_cannot_hold_is_shown_as_it_came(
    monkeypatch: pytest.MonkeyPatch, moment: datetime, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    assert local(moment) == moment


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
def test_a_string_of_the_wire_cannot_steer_the_terminal(sent: str | None, shown: str) -> None:
    assert clean(sent) == shown


def test_json_is_the_reading_and_ascii_on_one_line() -> None:
    line = as_json(reading(battery_mode="é\n\x1b[2J"))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == reading(battery_mode="é\n\x1b[2J").to_dict()
