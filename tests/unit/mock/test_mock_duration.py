import pytest

from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.duration import read_duration

CONTRACT = load_contract()


def verdict(*values: str) -> int:
    """The seconds, or the status of the refusal."""
    outcome = read_duration(values, CONTRACT)
    return outcome.status if isinstance(outcome, Refusal) else outcome


def test_without_the_header_a_stream_lasts_30_seconds() -> None:
    assert verdict() == 30


@pytest.mark.parametrize("text", ["30", "31", "299", "300"])
def test_whole_seconds_within_the_bounds_are_taken(text: str) -> None:
    assert verdict(text) == int(text)


@pytest.mark.parametrize("text", ["29", "0", "-0", "-5", "-300", "-" + "9" * 5000])
def test_an_integer_below_the_bounds_is_refused_with_461(text: str) -> None:
    assert verdict(text) == 461


@pytest.mark.parametrize("text", ["301", "900", "3000", "1" + "0" * 5000])
def test_an_integer_above_the_bounds_is_refused_with_462(text: str) -> None:
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
def test_a_text_that_is_no_plain_integer_is_refused_with_463(text: str) -> None:
    assert verdict(text) == 463


def test_a_repeated_header_is_refused_with_463() -> None:
    assert verdict("30", "30") == 463


def test_space_around_the_value_is_no_part_of_it() -> None:
    assert verdict(" \t60 ") == 60
