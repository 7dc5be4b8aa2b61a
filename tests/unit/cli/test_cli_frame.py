import re
from typing import Any, Literal

import pytest
from rich.console import Console

from enphase_streaming.cli.frame import Moment, frame, snapshot_table
from enphase_streaming.cli.words import MISSING
from enphase_streaming.core.reading import Reading

FIELDS: dict[str, Any] = {
    "pv_power": 4210,
    "consumption_power": 1830,
    "battery_power": -1500,
    "battery_soc": 64,
    "grid_power": -880,
    "generator_power": 0,
    "battery_mode": "Self-consumption",
    "grid_status": "On Grid",
}


def reading(**changed: Any) -> Reading:
    return Reading(**{**FIELDS, **changed})


def drawn(
    *readings: Reading,
    width: int = 80,
    height: int = 24,
    colors: Literal["256"] | None = None,
    **changed: Any,
) -> str:
    moment = Moment(
        system_id=1765,
        host="127.0.0.1:4010",
        duration=60,
        elapsed=changed.pop("elapsed", 30.2),
        readings=readings,
        received=len(readings),
        cost="1 call, $0.10",
        **changed,
    )
    console = Console(width=width, height=height, color_system=colors, legacy_windows=False)
    with console.capture() as capture:
        console.print(frame(moment, width, height))
    return re.sub(r"\x1b\[[\d;]*m", "", capture.get())


def row(text: str, label: str) -> str:
    (found,) = [line for line in text.splitlines() if line.strip("│ ").startswith(f"{label} ")]
    return " ".join(found.strip("│ ").split())


def test_everything_is_on_the_screen() -> None:
    text = drawn(*[reading()] * 30)
    assert "Site 1765" in text
    assert "● On Grid   Self-consumption" in text
    assert row(text, "Solar").startswith("Solar 4210 W → producing ▇▇▇")
    assert row(text, "Consumption").startswith("Consumption 1830 W ▇▇▇")
    assert row(text, "Battery").startswith("Battery 1500 W ← charging ███")
    assert row(text, "Grid").startswith("Grid 880 W ← export ▇▇▇")
    assert row(text, "Charge").startswith("Charge 64 % ━━━")
    assert row(text, "Window").startswith("Window 30 s left of 60 s ━━━")
    assert row(text, "Readings") == "Readings 30"
    assert row(text, "Spent") == "Spent $0.10 1 call"


def test_a_watch_shows_what_is_left_and_what_else_came() -> None:
    text = drawn(reading(), left="11 calls, $1.10 left", beside="2 gaps")
    assert row(text, "Spent") == "Spent $0.10 1 call 11 calls, $1.10 left"
    assert row(text, "Readings") == "Readings 1 2 gaps"


def test_between_two_windows_it_shows_why_and_none_of_the_window() -> None:
    text = drawn(reading(), elapsed=None, note="Next try in 12 s. The \x1b[2Jconnection broke.")
    assert "│  Next try in 12 s. The �[2Jconnection broke." in text
    assert row(text, "Window").startswith(f"Window {MISSING} left of 60 s")


def test_while_nothing_comes_what_is_shown_is_of_the_last_reading() -> None:
    text = drawn(reading(), elapsed=None, note="Next try in 12 s.")
    assert "○ On Grid   Self-consumption" in text
    assert "as of " in text
    assert "as of " not in drawn(reading())


def test_what_has_no_value_has_no_bar() -> None:
    # In colours, an empty bar is drawn as long as a full one.
    text = drawn(reading(battery_soc=None), elapsed=None, colors="256")
    assert row(text, "Charge") == f"Charge {MISSING}"
    assert row(text, "Window") == f"Window {MISSING} left of 60 s"
    assert "━" in row(drawn(reading(battery_soc=100)), "Charge")


def test_a_short_terminal_keeps_the_counts_and_the_way_out() -> None:
    text = drawn(reading(), height=10, note="Next try in 12 s.")
    assert len(text.splitlines()) == 10
    assert row(text, "Readings") == "Readings 1"
    assert row(text, "Spent") == "Spent $0.10 1 call"
    assert "Ctrl-C ends it" in text
    assert "Next try in 12 s." in text


def test_half_the_window_is_half_the_bar_and_half_the_course() -> None:
    text = drawn(*[reading()] * 30, elapsed=30)
    assert text.count("▇") == 3 * 18  # of 35 columns; the battery's bars are full
    assert row(text, "Window").count("━") + row(text, "Window").count("╸") == 18


@pytest.mark.parametrize(
    ("changed", "label", "said"),
    [
        ({"battery_power": 700}, "Battery", "Battery 700 W → discharging"),
        ({"battery_power": 0}, "Battery", "Battery 0 W idle"),
        ({"grid_power": 700}, "Grid", "Grid 700 W → import"),
        ({"pv_power": None}, "Solar", f"Solar {MISSING} ·"),
        ({"battery_soc": None}, "Charge", f"Charge {MISSING}"),
        ({"battery_soc": 140}, "Charge", "Charge 140 % ━━━"),
        ({"generator_power": 500}, "Generator", "Generator 500 W → running"),
    ],
)
def test_every_value_has_its_words(changed: dict[str, Any], label: str, said: str) -> None:
    assert row(drawn(reading(**changed)), label).startswith(said)


def test_a_generator_keeps_its_row_once_it_ran() -> None:
    assert "Generator" not in drawn(reading())
    assert row(drawn(reading(generator_power=500), reading()), "Generator")


def test_a_reading_without_any_value_is_drawn() -> None:
    text = drawn(Reading(generator_power=None))
    assert row(text, "Battery") == f"Battery {MISSING} ·"
    assert f"● {MISSING}   {MISSING}" in text


def test_before_the_first_reading_the_view_says_what_it_waits_for() -> None:
    assert "Waiting for the first reading" in drawn()


def test_strings_of_the_wire_are_neither_markup_nor_control_characters() -> None:
    text = drawn(reading(battery_mode="[red]x[/red]\x1b[2J:smile:", grid_status="[/]\x07"))
    assert "● [/]�   [red]x[/red]�[2J:smile:" in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 18), (44, 14), (80, 11)])
def test_it_fits_the_terminal(width: int, height: int) -> None:
    lines = drawn(
        *[reading(battery_mode="x" * 200, generator_power=5)] * 60,
        width=width,
        height=height,
        note="Next try in 12 s. " + "x" * 200,
        left="123,456,789 calls, $12,345,678.90 left",
        beside="x" * 200,
    ).splitlines()
    assert len(lines) <= height
    assert {len(line) for line in lines} == {min(width, 110)}


def units(text: str) -> list[int]:
    return [line.find(" W ") for line in text.splitlines()]


def test_nothing_moves_from_one_frame_to_the_next() -> None:
    before, after = drawn(reading(pv_power=5)), drawn(*[reading(battery_power=3840)] * 60)
    assert units(before) == units(after)


def test_a_snapshot_is_a_small_table() -> None:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(snapshot_table(reading(battery_mode="[b]x")))
    lines = [" ".join(line.split()) for line in capture.get().splitlines()][1:]
    assert lines == [
        "Grid status On Grid",
        "Mode [b]x",
        "Charge 64 %",
        "Solar 4210 W → producing",
        "Consumption 1830 W",
        "Battery 1500 W ← charging",
        "Grid 880 W ← export",
    ]
