"""The table of plans against the figures of the plan pages, worked out here by hand."""

import json
import re
from typing import Any

import pytest
from rich.console import Console

from enphase_streaming.cli.plans import as_json, as_table, offers
from enphase_streaming.core.budget import Plan


def found(sites: int) -> dict[str, dict[str, Any]]:
    lines = as_json(offers(Plan, sites)).splitlines()
    return {each["plan"]: each for each in map(json.loads, lines)}


def drawn(sites: int, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(as_table(offers(Plan, sites), width))
    return capture.get()


# A site all day and night: 12 windows of 300 s an hour, 720 hours, 8640 calls, $864.
@pytest.mark.parametrize(
    ("sites", "plan", "calls", "hours", "price"),
    [
        (1, "kilowatt", 8_640, 720.0, 249 + 864),
        (1, "megawatt", 8_640, 720.0, 999 + 864),
        (1, "partner", 8_640, 720.0, 864),
        (2, "partner", 8_640, 720.0, 1_728 + 7_280 * 0.005),
        # 50,000 calls are 4166.67 hours, and $5,000.
        (5, "kilowatt", 8_640, 720.0, 249 + 5 * 864),
        (6, "kilowatt", 8_333, 694.42, 249 + 49_998 * 0.10),
        (10, "kilowatt", 5_000, 416.67, 249 + 5_000),
        (100, "kilowatt", 500, 41.67, 249 + 5_000),
        (34, "megawatt", 8_640, 720.0, 999 + 34 * 864),
        (100, "megawatt", 3_000, 250.0, 999 + 30_000),
        (173, "partner", 8_640, 720.0, 173 * 864 + (173 * 8_640 - 10_000) * 0.005),
        (1_500, "partner", 1_000, 83.33, 150_000 + 1_490_000 * 0.005),
        (100_000, "kilowatt", 0, 0.0, 249),
    ],
)
def test_each_plan_gives_what_its_figures_allow(
    sites: int, plan: str, calls: int, hours: float, price: float
) -> None:
    offer = found(sites)[plan]
    assert (offer["calls_per_site"], offer["hours_per_site"]) == (calls, hours)
    assert offer["price"] == pytest.approx(price, abs=0.006)


def test_the_figures_of_the_plans_are_as_published() -> None:
    named = ("monthly_fee", "calls_per_minute", "calls_per_month", "streams", "sites_at_once")
    assert {plan: tuple(each[name] for name in named) for plan, each in found(1).items()} == {
        "watt": (0, 10, 1_000, False, 0),
        "kilowatt": (249, 50, 50_000, True, 250),
        "megawatt": (999, 100, 300_000, True, 500),
        # 300 calls a minute times 300 s: the bound that is known of a fleet.
        "partner": (0, 300, 1_500_000, True, 1_500),
    }


def test_the_table_holds_the_same() -> None:
    rows = [line.split() for line in drawn(10).splitlines()]
    assert ["Watt", "free", "10", "1,000", "–", "–", "cannot", "stream"] in rows  # noqa: RUF001
    assert ["Kilowatt", "$249", "50", "50,000", "250", "416.7", "$5,249.00"] in rows
    assert ["Megawatt", "$999", "100", "300,000", "500", "720.0", "$9,639.00"] in rows
    assert ["Partner", "free", "300", "1,500,000", "1,500", "720.0", "$9,022.00"] in rows
    assert "10 sites" in drawn(10)
    assert drawn(1).startswith("A month of 30 days, 1 site ")
    assert "July 2026" in drawn(1)


def test_more_sites_than_fit_into_a_minute_are_told_of() -> None:
    assert "at the same time are more" not in drawn(250)
    assert "251 sites at the same time are more than a plan's calls a minute" in drawn(251)


@pytest.mark.parametrize("sites", [1, 7, 1_500, 1_000_000])
def test_it_fits_a_terminal(sites: int) -> None:
    lines = drawn(sites).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    assert any(
        line.rstrip().endswith("July 2026; Enphase may have changed them.") for line in lines
    )


@pytest.mark.parametrize("sites", [1, 1_000])
def test_a_narrow_terminal_gets_the_answer_without_the_terms(sites: int) -> None:
    text = drawn(sites, width=50)
    assert "…" not in text
    assert "$249 " not in text
    assert "50,000" not in text
    assert max(map(len, text.splitlines())) <= 50
    hours = "720.0" if sites == 1 else "4.2"
    assert re.search(rf"Kilowatt +250 +{hours} +\$", text)
