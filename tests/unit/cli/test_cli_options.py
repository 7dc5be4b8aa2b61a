"""Each option accepts its range, and each refusal names the option, the rule and the value."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming import Plan
from enphase_streaming.cli import options
from enphase_streaming.cli.options import Access, find_access
from enphase_streaming.core.arguments import MAXIMUM_DURATION, MINIMUM_DURATION
from enphase_streaming.errors import InvalidArgument

REAL = {"ENPHASE_API_KEY": "planted-key", "ENPHASE_ACCESS_TOKEN": "planted-token"}
MOCK = {**REAL, "ENPHASE_BASE_URL": "http://127.0.0.1:4010/api/v4"}


def budget(calls: str | None = None, dollars: str | None = None, unlimited: bool = False) -> object:
    return options.limit(calls, dollars, unlimited=unlimited, plan_name=None).left


@given(st.integers(-MAXIMUM_DURATION, MAXIMUM_DURATION + 100))
def test_a_duration_is_within_the_documented_bounds(seconds: int) -> None:
    if MINIMUM_DURATION <= seconds <= MAXIMUM_DURATION:
        assert options.duration(str(seconds), 60) == seconds
    else:
        with pytest.raises(InvalidArgument) as caught:
            options.duration(str(seconds), 60)
        assert str(caught.value) == (
            f"--duration must be a whole number from {MINIMUM_DURATION} to {MAXIMUM_DURATION:,}, "
            f"got '{seconds}'."
        )


@pytest.mark.parametrize("text", ["abc", "", "1e9", "30.5", "nan", "9" * 5000, "\x1b[2J"])
def test_text_that_is_not_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        budget(calls=text)
    said = str(caught.value)
    assert said.startswith("--calls must be a whole number from 1 to 1,000,000, got '")
    assert len(said) < 120
    assert said.isprintable()


@pytest.mark.parametrize("text", ["x", "0", "0.09", "-1", "nan", "inf", "1e400", "100000.1"])
def test_dollars_buy_from_one_to_a_million_calls(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        budget(dollars=text)
    assert str(caught.value) == (f"--dollars must be a number from 0.1 to 100,000, got '{text}'.")


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
    limit = options.limit(calls, dollars, unlimited=unlimited, plan_name="megawatt")
    assert limit.plan is Plan.MEGAWATT


def test_the_case_of_a_plan_does_not_matter() -> None:
    assert options.plan("Kilowatt") is Plan.KILOWATT
    assert options.plan("PARTNER", streams=True) is Plan.PARTNER
    assert options.plan("watt") is Plan.WATT


def test_an_unknown_plan_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidArgument) as caught:
        options.plan("foo")
    assert str(caught.value) == (
        "--plan must be a plan (watt, kilowatt, megawatt, partner), got 'foo'."
    )
    with pytest.raises(InvalidArgument) as caught:
        options.plan("watt", streams=True)
    assert str(caught.value) == (
        "--plan must be a plan that can stream (kilowatt, megawatt, partner), got 'watt'."
    )


@given(st.integers(1, 2**63 - 1))
def test_a_site_is_a_positive_number(site: int) -> None:
    assert options.site("SYSTEM_ID", str(site)) == site


@pytest.mark.parametrize("text", ["abc", "-5", "1e9", "", "0", "1.5", "١٢"])
def test_text_that_is_not_a_site_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        options.site("ENPHASE_SYSTEM_ID", text)
    assert str(caught.value) == (
        f"ENPHASE_SYSTEM_ID must be the number of a site, such as 1765, got {text!r}."
    )


@pytest.mark.parametrize("text", ["planted-token", "1" * 5000, str(2**63)])
def test_long_text_is_not_shown_as_it_may_be_a_credential(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        options.site("SYSTEM_ID", text)
    assert str(caught.value) == (
        f"SYSTEM_ID must be the number of a site, such as 1765, got {len(text):,} characters."
    )


def test_an_existing_file_is_replaced_only_with_overwrite(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    options.check_new_file(file, overwrite=False)
    file.write_text("")
    options.check_new_file(file, overwrite=True)
    with pytest.raises(InvalidArgument, match=r"x\.jsonl exists: .* pass --overwrite\."):
        options.check_new_file(file, overwrite=False)


def test_a_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be written: its folder is missing"):
        options.check_new_file(tmp_path / "no" / "x.jsonl", overwrite=False)


def test_a_name_that_the_system_refuses_is_no_failure_of_the_output(tmp_path: Path) -> None:
    options.check_new_file(tmp_path / ("x" * 300), overwrite=False)  # refused when it is opened


def test_a_site_and_a_file_are_told_apart() -> None:
    assert options.site_and_file(["1765", "x"]) == ("1765", Path("x"))
    assert options.site_and_file(["x"]) == (None, Path("x"))
    assert options.site_and_file(["./1765"]) == (None, Path("1765"))
    with pytest.raises(
        InvalidArgument, match=r"^FILE is missing after SYSTEM_ID 1765; write \./17"
    ):
        options.site_and_file(["1765"])
    with pytest.raises(InvalidArgument, match="at most SYSTEM_ID and FILE, got 3 arguments"):
        options.site_and_file(["1765", "x", "y"])


def test_the_argument_comes_before_the_variable() -> None:
    assert find_access({**REAL, "ENPHASE_SYSTEM_ID": "1765"}, None).system_id == 1765
    assert find_access({**REAL, "ENPHASE_SYSTEM_ID": "1765"}, "5").system_id == 5


@pytest.mark.parametrize(
    ("argument", "variable", "name"),
    [("abc", "1", "SYSTEM_ID"), (None, "abc", "ENPHASE_SYSTEM_ID"), ("", "1", "SYSTEM_ID")],
)
def test_a_wrong_system_id_is_named_by_its_source(
    argument: str | None, variable: str, name: str
) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{name} must be "):
        find_access({"ENPHASE_SYSTEM_ID": variable}, argument)


def test_a_missing_system_id_is_reported_with_the_missing_credentials() -> None:
    with pytest.raises(
        InvalidArgument, match=r"^ENPHASE_API_KEY and ENPHASE_SYSTEM_ID are not set: .*argument"
    ):
        find_access({"ENPHASE_ACCESS_TOKEN": "planted"}, None)


def test_a_loopback_host_is_a_mock_and_the_real_api_the_default() -> None:
    real, mock = find_access(REAL, "1"), find_access(MOCK, "1")
    assert (real.host, real.mock) == ("api.enphaseenergy.com", None)
    assert (mock.host, mock.mock) == ("127.0.0.1:4010", "127.0.0.1:4010")


def test_no_repr_shows_a_secret() -> None:
    assert "planted" not in repr(find_access(REAL, "1"))


@pytest.mark.parametrize("speed", ["0.5", "0", "-1", "nan", "inf", "1001", "x"])
def test_a_clock_speed_out_of_range_is_refused(speed: str) -> None:
    message = f"^--clock-speed must be a number from 1 to 1,000, got '{speed}'"
    with pytest.raises(InvalidArgument, match=message):
        find_access(MOCK, "1", speed)


def test_the_clock_of_the_real_api_cannot_run_faster() -> None:
    with pytest.raises(InvalidArgument, match="--clock-speed is for a mock"):
        find_access(REAL, "1", "4")


def test_both_clocks_run_at_the_speed() -> None:
    def read(access: Access) -> tuple[float, float]:
        return access.monotonic(), access.arguments["now"]().timestamp()

    access = find_access(MOCK, "1", "1000")
    (measured, stamped), real = read(access), time.monotonic()
    time.sleep(0.01)
    measured_later, stamped_later = read(access)
    assert measured_later - measured >= 10
    assert stamped_later - stamped >= 10
    assert measured_later - measured < 1000 * (time.monotonic() - real) + 10
