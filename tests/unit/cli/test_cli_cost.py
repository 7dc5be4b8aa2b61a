import pytest

from enphase_streaming.cli.cost import agree, cost
from enphase_streaming.errors import InvalidArgument


def test_calls_have_their_exact_price() -> None:
    assert cost(1, free=False) == "1 call, $0.10"
    assert cost(288, free=False) == "288 calls, $28.80"
    assert cost(1, free=True) == "1 call, free"


def test_yes_is_not_asked_but_still_told(capsys: pytest.CaptureFixture[str]) -> None:
    agree("one stream", mock=None, yes=True)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "This opens one stream of the real API: 1 call, $0.10.\n")


def test_a_mock_costs_nothing_and_asks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    agree("one stream", mock="127.0.0.1:4010", yes=False)
    assert "of the mock at 127.0.0.1:4010, which costs nothing" in capsys.readouterr().err


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
        agree("one stream", mock=None, yes=False)
    else:
        with pytest.raises(InvalidArgument, match="nothing was spent"):
            agree("one stream", mock=None, yes=False)
