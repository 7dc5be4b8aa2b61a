import pytest

from enphase_streaming import Budget, Plan
from enphase_streaming.cli.cost import Spending, agree, cost, many_streams, one_stream
from enphase_streaming.errors import InvalidArgument

MOCK = "127.0.0.1:4010"


def many(calls: int | None, *, duration: int = 300, mock: str | None = None) -> Spending:
    budget = Budget.unlimited() if calls is None else Budget(calls=calls)
    return many_streams(budget, duration=duration, mock=mock)


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
        (many(1), "one stream of the real API: 1 call, $0.10."),
        (many(12), "up to 12 streams of the real API: 12 calls, $1.20 at most."),
        (
            many(None),
            "any number of streams of the real API: $0.10 each, and 288 calls, $28.80 a day in "
            "windows of 300 s.",
        ),
        (
            many(None, duration=30),
            "any number of streams of the real API: $0.10 each, and 2,880 calls, $288.00 a day "
            "in windows of 30 s.",
        ),
        (many(3, mock=MOCK), f"up to 3 streams of the mock at {MOCK}, which costs nothing."),
    ],
)
def test_what_it_costs_at_most_is_told_even_if_nobody_is_asked(
    spending: Spending, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(spending, capsys) == f"This opens {expected}\n"


def test_one_stream_can_spend_no_more_than_was_told() -> None:
    assert one_stream(can_refresh=False, mock=None).budget.left == 1
    assert one_stream(can_refresh=True, mock=None).budget.left == 2


def test_one_stream_keeps_to_a_plan_as_well() -> None:
    spending = one_stream(can_refresh=False, mock=None, plan=Plan.KILOWATT)
    assert spending.budget.plan is Plan.KILOWATT


def test_what_was_spent_and_is_left() -> None:
    spending = many(3)
    spending.budget._spend(spending.budget._queue(), 0.0)
    assert (spending.so_far, spending.left) == ("1 call, $0.10", "2 calls, $0.20 left")
    assert many(3, mock=MOCK).left == "3 calls left"
    assert many(None).left == ""
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
        agree(many(2), yes=False)
    else:
        with pytest.raises(InvalidArgument, match="nothing was spent"):
            agree(many(2), yes=False)
