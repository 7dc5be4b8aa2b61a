"""Frames of the live view, drawn without a terminal and on a clock set by hand."""

import re
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from rich.console import Console

from enphase_streaming import Budget, GatewayNotReportingError, StreamDropped
from enphase_streaming.cli.cost import many_streams
from enphase_streaming.cli.formatting import MISSING, flows
from enphase_streaming.cli.live_view import LiveView, Sparkline
from enphase_streaming.cli.options import Access
from enphase_streaming.core.reading import Reading
from spending import spend

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
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


def reading(**changed: Any) -> Reading:
    return Reading(**{**FIELDS, **changed})


class Screen:
    """A live view of 60 s windows on a budget of 3 calls, and the terminal that it is drawn on."""

    def __init__(
        self,
        *readings: Reading,
        width: int = 80,
        height: int = 24,
        calls: int = 3,
        mock: str | None = None,
        beside: str = "",
        colors: Literal["256"] | None = None,
    ) -> None:
        self.now = 100.0
        access = Access(
            system_id=1765,
            host="127.0.0.1:4010",
            mock=mock,
            can_refresh=False,
            arguments={},
            monotonic=lambda: self.now,
        )
        self.spending = many_streams(Budget(calls=calls), 60, mock)
        self.console = Console(
            width=width, height=height, color_system=colors, legacy_windows=False, quiet=True
        )
        self.view = LiveView(self.console, access, self.spending, 60, lambda: beside)
        self.open_window()
        for each in readings:
            self.view.show(each)

    def open_window(self) -> None:
        spend(self.spending.budget, 0.0)
        self.text()

    def text(self) -> str:
        self.console.quiet = False
        with self.console.capture() as capture:
            self.console.print(self.view.frame())
        self.console.quiet = True
        return re.sub(r"\x1b\[[\d;]*m", "", capture.get())

    def row(self, label: str) -> str:
        return row(self.text(), label)


def row(text: str, label: str) -> str:
    (found,) = [line for line in text.splitlines() if line.strip("│ ").startswith(f"{label} ")]
    return " ".join(found.strip("│ ").split())


def test_a_frame_shows_everything() -> None:
    screen = Screen(*[reading()] * 30)
    screen.now += 30.2
    text = screen.text()
    assert "Site 1765 at 127.0.0.1:4010" in text
    assert "● On Grid   Self-consumption" in text
    assert row(text, "Solar").startswith("Solar 4210 W → producing ███")
    assert row(text, "Consumption").startswith("Consumption 1830 W ███")
    assert row(text, "Battery").startswith("Battery 1500 W ← charging ███")
    assert row(text, "Grid").startswith("Grid 880 W ← export ███")
    assert row(text, "Charge").startswith("Charge 64 % ━━━")
    assert row(text, "Window").startswith("Window 30 s left of 60 s ━━━")
    assert row(text, "Readings") == "Readings 30"
    assert row(text, "Spent") == "Spent $0.10 1 call 2 calls, $0.20 left"
    assert "Ctrl-C to stop" in text


def test_calls_to_a_mock_are_free() -> None:
    screen = Screen(reading(), mock="127.0.0.1:4010")
    assert screen.row("Spent") == "Spent free 1 call 2 calls left"


def test_gaps_and_the_recording_are_shown_beside_the_readings() -> None:
    screen = Screen(reading(), beside="14.7 kB in x.jsonl")
    assert screen.row("Readings") == "Readings 1 14.7 kB in x.jsonl"
    screen.view.gap(NOON, NOON, StreamDropped("x"))
    assert screen.row("Readings") == "Readings 1 1 gap 14.7 kB in x.jsonl"


def test_a_wait_shows_its_reason_and_counts_down() -> None:
    screen = Screen(reading())
    screen.view.wait(12.0, StreamDropped("The \x1b[2Jconnection broke"))
    text = screen.text()
    assert "│  Next call in 12 s. The �[2Jconnection broke." in text
    assert row(text, "Window") == f"Window {MISSING} left of 60 s"
    assert "○ On Grid   Self-consumption   as of " in text
    screen.now += 11
    assert "Next call in 1 s. " in screen.text()
    screen.now += 2
    assert "Connecting again. The �[2Jconnection broke." in screen.text()
    screen.open_window()
    assert screen.row("Window").startswith("Window 60 s left of 60 s")
    screen.view.show(reading())
    assert "connection" not in screen.text()
    assert "● On Grid" in screen.text()


def test_a_wait_for_the_plan_has_its_own_reason() -> None:
    screen = Screen(reading())
    screen.view.wait(12.0, None)
    assert "Next call in 12 s. The plan's calls a minute are used up." in screen.text()


def test_a_missing_value_has_no_bar() -> None:
    # In colours, an empty bar is drawn as long as a full one.
    screen = Screen(reading(battery_soc=None), colors="256")
    assert screen.row("Charge") == f"Charge {MISSING}"
    assert "━" in Screen(reading(battery_soc=100)).row("Charge")


def test_half_the_window_is_half_the_bar_and_half_the_sparkline() -> None:
    screen = Screen(*[reading()] * 30)
    screen.now += 30
    text = screen.text()
    assert text.count("█") == 4 * 18  # of 35 columns
    assert row(text, "Window").count("━") + row(text, "Window").count("╸") == 18


def test_a_window_that_is_open_for_longer_has_no_time_left() -> None:
    screen = Screen(reading())
    screen.now += 64
    assert screen.row("Window").startswith("Window 0 s left of 60 s")


@pytest.mark.parametrize(
    ("changed", "label", "text"),
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
def test_a_value_has_its_words(changed: dict[str, Any], label: str, text: str) -> None:
    assert Screen(reading(**changed)).row(label).startswith(text)


def test_a_generator_keeps_its_row_after_it_ran() -> None:
    assert "Generator" not in Screen(reading()).text()
    assert Screen(reading(generator_power=500), reading()).row("Generator")


def test_a_reading_without_values_is_drawn() -> None:
    text = Screen(Reading()).text()
    assert row(text, "Battery") == f"Battery {MISSING} ·"
    assert f"● {MISSING}   {MISSING}" in text


def test_a_frame_without_readings_says_so() -> None:
    assert "Waiting for the first reading" in Screen().text()


def test_strings_of_the_api_are_neither_markup_nor_control_characters() -> None:
    text = Screen(reading(battery_mode="[red]x[/red]\x1b[2J:smile:", grid_status="[/]\x07")).text()
    assert "● [/]�   [red]x[/red]�[2J:smile:" in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 18), (44, 15), (80, 11)])
def test_a_frame_fits_the_terminal(width: int, height: int) -> None:
    screen = Screen(
        *[reading(battery_mode="x" * 200, generator_power=5)] * 60,
        width=width,
        height=height,
        calls=123_456_789,
        beside="x" * 200,
    )
    screen.view.wait(12.0, GatewayNotReportingError("x" * 600))
    lines = screen.text().splitlines()
    assert len(lines) <= height
    assert {len(line) for line in lines} == {min(width, 110)}


def test_a_low_terminal_keeps_the_counts_and_the_way_out() -> None:
    screen = Screen(reading(), height=10)
    screen.view.wait(12.0, StreamDropped("x"))
    text = screen.text()
    assert row(text, "Readings") == "Readings 1"
    assert row(text, "Spent").startswith("Spent $0.10 1 call")
    assert "Ctrl-C to stop" in text
    assert "Next call in 12 s." in text


def test_nothing_moves_from_one_frame_to_the_next() -> None:
    def units(screen: Screen) -> list[int]:
        return [line.find(" W ") for line in screen.text().splitlines()]

    assert units(Screen(reading(pv_power=5))) == units(Screen(*[reading(battery_power=3840)] * 60))


def drawn(values: list[int | None], width: int, total: int) -> str:
    (grid,) = [flow for flow in flows([]) if flow.field == "grid_power"]
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(Sparkline(grid, [Reading(grid_power=value) for value in values], total))
    return capture.get().strip("\n")


@pytest.mark.parametrize(
    ("values", "width", "total", "line"),
    [
        ([], 10, 30, ""),
        ([0, 0, 0], 3, 3, "▁▁▁"),
        ([0, 500, 1000], 3, 3, "▁▅█"),
        ([-1000, 1000], 2, 2, "██"),
        ([1000, None, 1000], 3, 3, "█·█"),
        ([None], 3, 3, "·"),
        ([0, 1000, 1000, 1000], 2, 4, "▅█"),  # two values share a bar
        ([0, 1000], 4, 2, "▁▁██"),  # a value has two bars
        ([1000] * 30, 33, 30, "█" * 33),
        ([1000] * 15, 33, 30, "█" * 17),
        ([3], 1, 1, "▁"),  # a standby power is no peak
        ([10**400, -(10**400)], 2, 2, "██"),  # more than a float can hold
    ],
)
def test_a_sparkline_fills_as_the_window_does(
    values: list[int | None], width: int, total: int, line: str
) -> None:
    assert drawn(values, width, total) == line


def test_the_sign_of_a_power_is_its_colour() -> None:
    (grid,) = [flow for flow in flows([]) if flow.field == "grid_power"]
    sparkline = Sparkline(grid, [Reading(grid_power=-500), Reading(grid_power=500)], 2)
    console = Console(width=2)
    (line,) = sparkline.__rich_console__(console, console.options)
    assert [str(span.style) for span in line.spans] == ["green", "red"]
