from typing import Any

import pytest

from enphase_streaming import Plan
from enphase_streaming.cli.cost import (
    Spending,
    agree,
    cost,
    many_streams,
    one_stream,
    plan_named,
)
from enphase_streaming.errors import InvalidArgument

MOCK = "127.0.0.1:4010"


def many(**given: Any) -> Spending:
    nothing = {"calls": None, "dollars": None, "unlimited": False, "plan": None, "mock": None}
    return many_streams(**{**nothing, "duration": 300, **given})


def said(spending: Spending, capsys: pytest.CaptureFixture[str]) -> str:
    agree(spending, yes=True)
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_calls_have_their_exact_price() -> None:
    assert cost(0, free=False) == "0 calls, $0.00"
    assert cost(1, free=False) == "1 call, $0.10"
    assert cost(288, free=False) == "288 calls, $28.80"
    assert cost(12345, free=False) == "12,345 calls, $1,234.50"
    assert cost(1, free=True) == "1 call, free"


@pytest.mark.parametrize(
    ("spending", "expected"),
    [
        (one_stream(can_refresh=False, mock=None), "one stream of the real API: 1 call, $0.10."),
        (
            one_stream(can_refresh=True, mock=None),
            "one stream of the real API: 1 call, $0.10, and a second one if the token is refused "
            "and renewed.",
        ),
        (many(calls=1), "one stream of the real API: 1 call, $0.10."),
        (many(calls=12), "up to 12 streams of the real API: 12 calls, $1.20 at most."),
        (many(dollars=0.3), "up to 3 streams of the real API: 3 calls, $0.30 at most."),
        (many(dollars=28.85), "up to 288 streams of the real API: 288 calls, $28.80 at most."),
        (
            many(unlimited=True),
            "any number of streams of the real API: $0.10 each, and 288 calls, $28.80 a day in "
            "windows of 300 s.",
        ),
        (
            many(unlimited=True, duration=30),
            "any number of streams of the real API: $0.10 each, and 2,880 calls, $288.00 a day "
            "in windows of 30 s.",
        ),
        (many(calls=3, mock=MOCK), f"up to 3 streams of the mock at {MOCK}, which costs nothing."),
    ],
)
def test_what_it_costs_at_most_is_told_even_if_nobody_is_asked(
    spending: Spending, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(spending, capsys) == f"This opens {expected}\n"


def test_one_stream_can_spend_no_more_than_was_told() -> None:
    assert one_stream(can_refresh=False, mock=None).budget.left == 1
    assert one_stream(can_refresh=True, mock=None).budget.left == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"calls": 1, "dollars": 1.0},
        {"calls": 1, "unlimited": True},
        {"calls": 1, "dollars": 1.0, "unlimited": True},
    ],
)
def test_exactly_one_limit_is_needed(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="--calls N, --dollars X or --unlimited"):
        many(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"calls": 0},
        {"calls": -1},
        {"dollars": 0.0},
        {"dollars": 0.09},
        {"dollars": -1.0},
        {"dollars": float("nan")},
        {"dollars": float("inf")},
        {"calls": 1, "plan": "watt"},
        {"calls": 1, "plan": "gigawatt"},
    ],
)
def test_a_budget_that_is_none_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        many(**given)


def test_a_plan_is_found_however_it_is_written() -> None:
    assert many(calls=1, plan="Kilowatt").budget.plan is Plan.KILOWATT
    assert plan_named("PARTNER") is Plan.PARTNER
    with pytest.raises(InvalidArgument, match="watt, kilowatt, megawatt, partner"):
        plan_named("x")


def test_what_was_spent_and_is_left() -> None:
    spending = many(calls=3)
    spending.budget.spend(spending.budget.queue(), 0.0)
    assert (spending.so_far, spending.left) == ("1 call, $0.10", "2 calls, $0.20 left")
    assert many(calls=3, mock=MOCK).left == "3 calls left"
    assert many(unlimited=True).left == ""
    assert one_stream(can_refresh=False, mock=None).left == ""


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)]
)
def test_only_yes_is_yes(answer: str, agreed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Person:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Person())
    if agreed:
        agree(many(calls=2), yes=False)
    else:
        with pytest.raises(InvalidArgument, match="nothing was spent"):
            agree(many(calls=2), yes=False)
