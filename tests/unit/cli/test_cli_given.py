"""What a user gave: the right form is taken, and each refusal names the option and the value."""

from __future__ import annotations

import pytest
from hypothesis import given as for_each
from hypothesis import strategies as st

from enphase_streaming import Plan
from enphase_streaming.cli import given
from enphase_streaming.errors import InvalidArgument


def budget(calls: str | None = None, dollars: str | None = None, unlimited: bool = False) -> object:
    return given.limit(calls, dollars, unlimited=unlimited, terms=None).left


@for_each(st.integers(-400, 400))
def test_a_duration_is_30_to_300(seconds: int) -> None:
    if 30 <= seconds <= 300:
        assert given.duration(str(seconds)) == seconds
    else:
        with pytest.raises(InvalidArgument) as caught:
            given.duration(str(seconds))
        assert str(caught.value) == (
            f"--duration is '{seconds}'; give a whole number from 30 to 300."
        )


@pytest.mark.parametrize("text", ["abc", "", "1e9", "30.5", "nan", "9" * 5000, "\x1b[2J"])
def test_what_is_no_whole_number_is_shown_and_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        budget(calls=text)
    said = str(caught.value)
    assert said.startswith("--calls is '")
    assert said.endswith("; give a whole number from 1 to 1,000,000.")
    assert len(said) < 120
    assert said.isprintable()


@pytest.mark.parametrize("text", ["x", "0", "0.09", "-1", "nan", "inf", "1e400", "100000.1"])
def test_dollars_buy_a_call_at_least_and_a_million_at_most(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        budget(dollars=text)
    assert str(caught.value) == f"--dollars is '{text}'; give a number from 0.1 to 100,000."


def test_one_limit_becomes_a_budget() -> None:
    assert budget(calls="12") == 12
    assert budget(dollars="0.3") == 3
    assert budget(dollars="28.85") == 288
    assert budget(dollars="100000") == 1_000_000
    assert budget(unlimited=True) is None


@pytest.mark.parametrize(
    ("calls", "dollars", "unlimited"),
    [(None, None, False), ("1", "1", False), ("1", None, True), ("1", "1", True), ("", "", False)],
)
def test_exactly_one_limit_is_needed(
    calls: str | None, dollars: str | None, unlimited: bool
) -> None:
    with pytest.raises(InvalidArgument, match="--calls N, --dollars X or --unlimited"):
        budget(calls, dollars, unlimited)


@pytest.mark.parametrize(
    ("calls", "dollars", "unlimited"),
    [("1", None, False), (None, "1", False), (None, None, True)],
)
def test_every_limit_keeps_to_the_plan(
    calls: str | None, dollars: str | None, unlimited: bool
) -> None:
    limit = given.limit(calls, dollars, unlimited=unlimited, terms=Plan.MEGAWATT)
    assert limit.plan is Plan.MEGAWATT


def test_a_plan_is_found_however_it_is_written() -> None:
    assert given.plan("Kilowatt") is Plan.KILOWATT
    assert given.plan("PARTNER", streams=True) is Plan.PARTNER
    assert given.plan("watt") is Plan.WATT


def test_a_plan_that_there_is_not_is_shown_with_those_that_there_are() -> None:
    with pytest.raises(InvalidArgument) as caught:
        given.plan("foo")
    assert str(caught.value) == (
        "--plan is 'foo'; the plans are watt, kilowatt, megawatt, partner."
    )
    with pytest.raises(InvalidArgument) as caught:
        given.plan("watt", streams=True)
    assert str(caught.value) == (
        "--plan is 'watt'; the plans that can stream are kilowatt, megawatt, partner."
    )


@for_each(st.integers(1, 2**63 - 1))
def test_a_site_is_a_number(site: int) -> None:
    assert given.site("SYSTEM_ID", str(site)) == site


@pytest.mark.parametrize("text", ["abc", "-5", "1e9", "", "0", "1.5", "١٢"])
def test_what_is_no_site_is_shown(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        given.site("ENPHASE_SYSTEM_ID", text)
    assert str(caught.value) == (
        f"ENPHASE_SYSTEM_ID is {text!r}; give the number of the site, such as 1765."
    )


@pytest.mark.parametrize("text", ["planted-token", "1" * 5000, str(2**63)])
def test_what_may_be_a_secret_in_the_wrong_place_is_not_shown(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        given.site("SYSTEM_ID", text)
    assert str(caught.value) == (
        "SYSTEM_ID is no number of a site; give the number of the site, such as 1765."
    )
