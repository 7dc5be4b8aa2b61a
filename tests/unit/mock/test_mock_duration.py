import pytest

from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.gateway.access import read_duration

CONTRACT = load_contract()
LEAST, MOST = CONTRACT.shortest, CONTRACT.longest


def verdict(*values: str) -> int:
    """The seconds, or the status of the refusal."""
    outcome = read_duration(values, CONTRACT)
    return outcome.status if isinstance(outcome, Refusal) else outcome


def test_the_default_duration_is_the_shortest() -> None:
    assert verdict() == LEAST


@pytest.mark.parametrize("text", [str(LEAST), str(LEAST + 1), str(MOST - 1), str(MOST)])
def test_whole_seconds_within_the_bounds_are_accepted(text: str) -> None:
    assert verdict(text) == int(text)


@pytest.mark.parametrize("text", [str(LEAST - 1), "0", "-0", "-5", "-300", "-" + "9" * 5000])
def test_a_duration_below_the_bounds_is_refused_with_461(text: str) -> None:
    assert verdict(text) == 461


@pytest.mark.parametrize("text", [str(MOST + 1), f"{MOST}0", "1" + "0" * 5000])
def test_a_duration_above_the_bounds_is_refused_with_462(text: str) -> None:
    assert verdict(text) == 462


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1e2",
        "030",
        "+30",
        "30.0",
        "3 0",
        "30s",
        "0x1e",
        "--30",
        "-030",
        "\u0663\u0660",
        "\uff13\uff10",
        "3_0",
        "30,30",
        "nan",
    ],
)
def test_a_duration_that_is_not_a_plain_integer_is_refused_with_463(text: str) -> None:
    assert verdict(text) == 463


def test_a_repeated_header_is_refused_with_463() -> None:
    assert verdict("30", "30") == 463


def test_space_around_the_duration_is_ignored() -> None:
    assert verdict(" \t60 ") == 60
