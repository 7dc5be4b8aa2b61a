"""Costs that are confirmed and counted, and the plans against figures worked out by hand."""

import json
from typing import Any

import pytest
from rich.console import Console

from enphase_streaming import Budget, Plan
from enphase_streaming.cli.cost import Spending, confirm, cost, many_streams, one_stream
from enphase_streaming.cli.reports import offer_table, offers
from enphase_streaming.errors import InvalidArgument
from spending import spend

MOCK = "127.0.0.1:4010"


def many(calls: int | None, duration: int = 300, mock: str | None = None) -> Spending:
    budget = Budget.unlimited() if calls is None else Budget(calls=calls)
    return many_streams(budget, duration, mock)


def test_calls_have_their_exact_price() -> None:
    assert cost(0, free=False) == "0 calls, $0.00"
    assert cost(1, free=False) == "1 call, $0.10"
    assert cost(288, free=False) == "288 calls, $28.80"
    assert cost(12345, free=False) == "12,345 calls, $1,234.50"
    assert cost(1, free=True) == "1 call, free"


@pytest.mark.parametrize(
    ("spending", "text"),
    [
        (one_stream(False, None), "one stream of the real API: 1 call, $0.10."),
        (
            one_stream(True, None),
            "one stream of the real API: 1 call, $0.10, or 2 calls if the token has to be renewed.",
        ),
        (many(1), "one stream of the real API: 1 call, $0.10."),
        (many(12), "up to 12 streams of the real API: 12 calls, $1.20 at most."),
        (
            many(None),
            "any number of streams of the real API: $0.10 each, up to 288 calls, $28.80 a day "
            "with streams of 300 s.",
        ),
        (
            many(None, duration=30),
            "any number of streams of the real API: $0.10 each, up to 2,880 calls, $288.00 a day "
            "with streams of 30 s.",
        ),
        (many(3, mock=MOCK), f"up to 3 streams of the mock at {MOCK}, which costs nothing."),
    ],
)
def test_the_cost_is_printed_even_if_it_is_confirmed_already(
    spending: Spending, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    confirm(spending, yes=True)
    assert capsys.readouterr() == ("", f"This opens {text}\n")


def test_one_stream_can_spend_no_more_than_was_confirmed() -> None:
    assert one_stream(False, None).budget.left == 1
    assert one_stream(True, None).budget.left == 2


def test_one_stream_keeps_to_a_plan_as_well() -> None:
    assert one_stream(False, None, Plan.KILOWATT).budget.plan is Plan.KILOWATT


def test_a_spending_tells_what_is_spent_and_left() -> None:
    spending = many(3)
    spend(spending.budget, 0.0)
    assert (spending.spent, spending.left) == ("1 call, $0.10", "2 calls, $0.20 left")
    assert many(3, mock=MOCK).left == "3 calls left"
    assert many(None).left == ""
    assert one_stream(False, None).left == ""


@pytest.mark.parametrize(
    ("answer", "confirmed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)]
)
def test_only_yes_confirms(answer: str, confirmed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Person:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Person())
    if confirmed:
        confirm(many(2), yes=False)
    else:
        with pytest.raises(InvalidArgument, match="nothing was spent"):
            confirm(many(2), yes=False)


def found(sites: int) -> dict[str, dict[str, Any]]:
    return {each.plan: json.loads(json.dumps(each._asdict())) for each in offers(Plan, sites, 300)}


def drawn(sites: int, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(offer_table(offers(Plan, sites, 300), 300))
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
def test_a_plan_gives_what_its_figures_allow(
    sites: int, plan: str, calls: int, hours: float, price: float
) -> None:
    offer = found(sites)[plan]
    assert (offer["calls_per_site"], offer["hours_per_site"]) == (calls, hours)
    assert offer["price"] == pytest.approx(price, abs=0.006)


def test_the_plans_are_as_published() -> None:
    named = ("monthly_fee", "calls_per_minute", "calls_per_month", "streams", "sites_at_once")
    assert {plan: tuple(each[name] for name in named) for plan, each in found(1).items()} == {
        "watt": (0, 10, 1_000, False, 0),
        "kilowatt": (249, 50, 50_000, True, 250),
        "megawatt": (999, 100, 300_000, True, 500),
        # 300 calls a minute times 300 s: the bound that is known of a fleet.
        "partner": (0, 300, 1_500_000, True, 1_500),
    }


def test_the_table_shows_the_offers() -> None:
    rows = [line.split() for line in drawn(10).splitlines()]
    assert ["Watt", "free", "10", "1,000", "–", "–", "cannot", "stream"] in rows  # noqa: RUF001
    assert ["Kilowatt", "$249", "50", "50,000", "250", "416.7", "$5,249.00"] in rows
    assert ["Megawatt", "$999", "100", "300,000", "500", "720.0", "$9,639.00"] in rows
    assert ["Partner", "free", "300", "1,500,000", "1,500", "720.0", "$9,022.00"] in rows
    assert "10 sites" in drawn(10)
    assert drawn(1).startswith("A month of 30 days, 1 site ")
    assert "July 2026" in drawn(1)


def test_more_sites_at_once_than_a_plan_opens_have_a_note() -> None:
    assert "sites at once exceed" not in drawn(250)
    assert "251 sites at once exceed the calls a minute" in drawn(251)


@pytest.mark.parametrize("sites", [1, 7, 1_500, 1_000_000])
def test_the_table_fits_a_terminal(sites: int) -> None:
    lines = drawn(sites).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    assert any(
        line.rstrip().endswith("July 2026; Enphase may have changed them.") for line in lines
    )
