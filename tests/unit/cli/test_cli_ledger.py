"""The ledger of the command: where it is, and its reports against figures worked out by hand."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from enphase_streaming import Attempt, Budget, Plan, SqliteLedger
from enphase_streaming.cli import options, reports
from enphase_streaming.cli.cost import confirm, many_streams
from enphase_streaming.errors import InvalidArgument
from spending import spend

NOW = datetime(2026, 6, 16, tzinfo=UTC)
MOCK = {"ENPHASE_BASE_URL": "http://127.0.0.1:4010/api/v4"}
ROWS = [
    Attempt(NOW - timedelta(days=2), 1765, "default", "planned", 300),
    Attempt(NOW, 1765, "default", "planned", 299),
    Attempt(NOW + timedelta(hours=1), 1765, "default"),
    Attempt(NOW + timedelta(hours=2), 7, "other", "dropped", 0),
]


def test_the_ledger_is_where_it_is_asked_for() -> None:
    environ = {"ENPHASE_LEDGER": "/var/lib/enphase"}
    assert options.ledger_file(environ, "here.sqlite") == Path("here.sqlite")
    assert options.ledger_file(environ, None) == Path("/var/lib/enphase")


def test_calls_of_a_mock_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    found = [options.ledger_file(environ, None) for environ in ({}, MOCK)]
    assert found[0] != found[1]
    assert all(path is not None and path.is_absolute() for path in found)


def test_without_a_home_the_budget_is_in_memory_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: Path("~/x"))
    assert options.renewal({}, "day", None, None) == {"per": "day"}
    assert capsys.readouterr().err == (
        "No folder for a ledger: what is spent is forgotten at the end. Pass --ledger FILE.\n"
    )


def test_a_home_that_is_unknown_is_refused_and_not_counted_in_memory() -> None:
    with pytest.raises(InvalidArgument, match=r"^path must lead to a file: Could not determine"):
        options.renewal({}, "day", "~no-such-user/ledger", None)


@pytest.mark.parametrize("path", ["~no-such-user/ledger", "a" * 5000, "a\0b"])
def test_a_path_that_the_system_refuses_has_no_ledger(path: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^No ledger at .*: watch, record and snapshot make"):
        reports.attempts({}, path, NOW)


@pytest.mark.parametrize(
    ("per", "given", "purse", "message"),
    [
        ("week", None, None, "--per must be hour, day or month, got 'week'."),
        (None, "x", None, "--ledger and --purse need --per hour, day or month."),
        (None, None, "x", "--ledger and --purse need --per hour, day or month."),
    ],
)
def test_options_that_do_not_fit_are_refused(
    per: str | None, given: str | None, purse: str | None, message: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        options.renewal({}, per, given, purse)
    assert str(caught.value) == message


def test_a_period_needs_a_limit() -> None:
    with pytest.raises(InvalidArgument, match=r"^--per needs a limit to renew: --calls N or"):
        options.limit(None, None, unlimited=True, plan_name=None, per="day")


def test_a_purse_without_a_name_is_refused_and_not_the_default(tmp_path: Path) -> None:
    renewal = options.renewal({}, "day", str(tmp_path / "ledger"), "")
    with pytest.raises(InvalidArgument, match=r"^name must be a printable str that is not empty"):
        options.limit("3", None, unlimited=False, plan_name=None, **renewal)


def test_a_renewed_limit_counts_in_the_ledger(tmp_path: Path) -> None:
    renewal = options.renewal({}, "day", str(tmp_path / "ledger"), "roof")
    budget = options.limit("3", None, unlimited=False, plan_name=None, **renewal)
    spend(budget)
    (row,) = SqliteLedger(tmp_path / "ledger").attempts()
    assert (row.purse, budget.left, budget.per) == ("roof", 2, "day")


def test_the_confirmation_says_what_the_period_has_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], far_from_utc: None
) -> None:
    budget = Budget(
        calls=12, per="month", ledger=SqliteLedger(tmp_path / "ledger", now=lambda: NOW)
    )
    spend(budget)
    confirm(many_streams(budget, 300, None), yes=True)
    assert capsys.readouterr().err == (
        "This opens up to 11 streams of the real API: 11 calls, $1.10 at most. 11 of 12 calls this "
        "month are left, until 2026-07-01 09:00.\n"
    )


def test_nothing_is_confirmed_where_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = Budget(calls=1, per="month", ledger=SqliteLedger(tmp_path / "ledger"))
    spend(budget)
    spending = many_streams(budget, 300, None)
    confirm(spending, yes=False)
    assert capsys.readouterr() == ("", "")
    assert (spending.spent, spending.left) == (
        "1 call this month, $0.10",
        "0 calls this month, $0.00 left",
    )


def test_a_report_sums_sites_and_ends() -> None:
    keys = ("site", "end", "calls_today", "calls_this_month", "readings_this_month")
    found = [tuple(row[key] for key in keys) for row in reports.report(ROWS, NOW)]
    assert found == [
        (7, "dropped", 1, 1, 0),
        (1765, "planned", 1, 2, 599),
        (1765, "unknown", 1, 1, 0),
    ]
    assert [row["dollars_this_month"] for row in reports.report(ROWS, NOW)] == [0.1, 0.2, 0.1]


def test_the_table_has_the_sums() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(reports.report_table(reports.report(ROWS, NOW), NOW))
    *_, sums = [line for line in console.export_text().splitlines() if line.strip()]
    assert sums.split() == ["All", "3", "$0.30", "4", "$0.40", "599"]


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"^No ledger at .*/ledger: watch, record and sna"):
        reports.attempts({}, str(tmp_path / "ledger"), NOW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("calls", "warns"), [(25_000, False), (25_001, True)])
def test_a_pace_beyond_the_plan_is_warned_of(
    calls: int, warns: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    reports.warn_of_pace(calls, Plan.KILOWATT, NOW)
    text = (
        "Warning: 25,001 calls so far make 50,002 in the 30 days of this month, and the kilowatt "
        "plan has 50,000.\n"
    )
    assert capsys.readouterr().err == (text if warns else "")
