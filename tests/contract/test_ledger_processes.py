"""One ledger and many processes: what a server receives never exceeds what was counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from enphase_streaming import Budget, Plan, SqliteLedger
from ledger_processes import kill, race, race_on_a_plan, restart, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_processes_together_spend_exactly_the_budget(path: Path) -> None:
    assert run(race, path, 8, 50, 37) == 37 == len(SqliteLedger(path).attempts())


def test_a_service_that_is_restarted_spends_as_if_it_ran_once(path: Path) -> None:
    assert run(restart, path, 100, 37) == 37 == len(SqliteLedger(path).attempts())


@pytest.mark.parametrize("calls", [25, 100_000])
def test_processes_killed_at_any_moment_send_no_more_than_they_count(
    calls: int, path: Path
) -> None:
    sent = run(kill, path, 12, calls)
    ledger = SqliteLedger(path)
    rows, spent = len(ledger.attempts()), Budget(calls=calls, per="day", ledger=ledger).spent
    assert 0 < sent <= rows == spent <= calls
    # Each process was killed between a count and its request at most once.
    assert rows - sent <= 12


def test_processes_together_keep_to_the_plans_calls_a_minute(path: Path) -> None:
    assert run(race_on_a_plan, path, 3, 125) == 125
    times = [each.at.timestamp() for each in SqliteLedger(path).attempts()]
    limit = Plan.KILOWATT.value.calls_per_minute
    assert len(times) == 125
    assert min(later - at for at, later in zip(times, times[limit:], strict=False)) >= 60
