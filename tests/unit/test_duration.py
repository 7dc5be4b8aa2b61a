"""Which durations are taken, and what each refusal says."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any

import pytest

from enphase_streaming import InvalidArgument, InvalidDuration
from enphase_streaming.core.arguments import whole_seconds


class Index:
    """Not an int, but convertible to one without loss, like numpy's."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value


class Subclass(int):
    pass


class Preset(IntEnum):
    MINUTE = 60


class Mixed(int, Enum):
    MINUTE = 60  # its str() is "Mixed.MINUTE", which must never be sent


def refusal(value: Any) -> InvalidDuration:
    with pytest.raises(InvalidDuration) as raised:
        whole_seconds(value)
    return raised.value


def test_none_leaves_the_choice_to_the_server() -> None:
    assert whole_seconds(None) is None


@pytest.mark.parametrize("seconds", [30, 31, 299, 300])
def test_30_to_300_is_taken(seconds: int) -> None:
    assert whole_seconds(seconds) == seconds


@pytest.mark.parametrize("value", [Subclass(60), Index(60), Preset.MINUTE, Mixed.MINUTE])
def test_whatever_is_an_int_by_its_index_is_taken_as_a_plain_int(value: Any) -> None:
    seconds = whole_seconds(value)
    assert seconds == 60
    assert type(seconds) is int


@pytest.mark.parametrize(
    "value", [timedelta(seconds=30), timedelta(minutes=5), timedelta(milliseconds=45_000)]
)
def test_a_whole_timedelta_in_the_range_is_taken(value: timedelta) -> None:
    assert whole_seconds(value) == value.total_seconds()


@pytest.mark.parametrize(
    "value",
    [
        29,
        0,
        -1,
        -60,
        Subclass(29),
        Index(29),
        timedelta(seconds=29),
        timedelta(0),
        timedelta(seconds=-60),
        timedelta.min,
    ],
)
def test_too_short_is_461(value: Any) -> None:
    assert refusal(value).status_code == 461


@pytest.mark.parametrize(
    "value", [301, 900, 2**63, Subclass(301), Index(301), timedelta(seconds=301), timedelta(days=1)]
)
def test_too_long_is_462(value: Any) -> None:
    assert refusal(value).status_code == 462


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        60.0,
        60.5,
        float("nan"),
        float("inf"),
        "60",
        b"60",
        "",
        Decimal(60),
        Fraction(60),
        60j,
        [60],
        (60,),
        {60},
        object(),
        int,
        Index("60"),
        Index(60.0),
        timedelta(seconds=60, microseconds=1),
        timedelta(seconds=29.5),
        timedelta(seconds=-0.5),
    ],
)
def test_no_whole_number_is_463(value: Any) -> None:
    assert refusal(value).status_code == 463


def test_a_refusal_is_an_invalid_argument_and_a_value_error() -> None:
    assert isinstance(refusal(0), InvalidArgument)
    assert isinstance(refusal(0), ValueError)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (29, ["29", "below 30"]),
        (301, ["301", "above 300"]),
        ("60", ["'60'"]),
        (60.5, ["60.5"]),
        (True, ["True"]),
        (timedelta(seconds=60.5), ["0:01:00.500000", "fraction"]),
    ],
)
def test_a_refusal_says_what_was_given_and_what_is_wanted(value: Any, says: list[str]) -> None:
    text = str(refusal(value))
    for part in [*says, "30", "300", "timedelta", "None"]:
        assert part in text


class BadRepr:
    def __repr__(self) -> str:
        raise RuntimeError("never call this")


class HugeRepr:
    def __repr__(self) -> str:
        return "x" * 10_000_000


class BadString(str):
    __slots__ = ()
    __repr__ = BadRepr.__repr__

    def __len__(self) -> int:
        raise RuntimeError("never call this")


class BadInt(int):
    __repr__ = BadRepr.__repr__


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        -(10**5000),
        Subclass(10**5000),
        Index(10**5000),
        BadInt(10**5000),
        BadInt(5),
        "9" * 5000,
        b"9" * 5000,
        [10**5000],
        BadRepr(),
        HugeRepr(),
        BadString("9" * 5000),
        1e308,
        timedelta.max,
        timedelta.min,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_is_short_whatever_was_given(value: Any) -> None:
    assert len(str(refusal(value))) < 200
