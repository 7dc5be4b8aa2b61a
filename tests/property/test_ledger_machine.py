"""What a ledger never does, for any sequence of processes, clocks, pauses and refunds."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from enphase_streaming import Allowance, Call, Counted, SqliteLedger, UsedUp, Wait
from enphase_streaming.core.ledger import period_of

PURSES = {
    "default": Allowance("default", 3, "day", calls_per_minute=4),
    "hourly": Allowance("hourly", 2, "hour", calls_per_minute=4),
    "monthly": Allowance("monthly", 5, "month", calls_per_minute=4),
    "once": Allowance("once", 9, None, calls_per_minute=4),
    "unlimited": Allowance("unlimited", calls_per_minute=4),
}
# Just before a day, a month, a leap day, a year and nothing in particular.
BOUNDARIES = [
    datetime(2026, 6, 21, 23, 59, 30, tzinfo=UTC),
    datetime(2026, 6, 30, 23, 59, 30, tzinfo=UTC),
    datetime(2028, 2, 28, 23, 59, 30, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC),
    datetime(2026, 6, 21, 12, 17, tzinfo=UTC),
]
JUMPS = [timedelta(hours=8), timedelta(hours=-8), timedelta(days=400), timedelta(days=-20_000)]


class Ledgers(RuleBasedStateMachine):
    """Processes on one machine; `real` is the time that no clock of it knows."""

    calls = Bundle("calls")

    @initialize(at=st.sampled_from(BOUNDARIES), keep=st.sampled_from([None, timedelta(days=1)]))
    def begin(self, at: datetime, keep: timedelta | None) -> None:
        self.folder = tempfile.mkdtemp()
        self.keep = keep
        self.wall, self.up, self.real = at, 1000.0, 0.0
        self.counted: dict[int, tuple[str, float, datetime]] = {}
        self.paused_until = -math.inf
        self.longest_pause = 0.0
        self.restart()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            for purse, allowance in PURSES.items():
                assert self.ledger.balance(allowance).spent == self.spent(purse)
            shutil.rmtree(self.folder)

    @rule()
    def restart(self) -> None:
        self.ledger = SqliteLedger(
            Path(self.folder, "ledger"),
            keep=self.keep,
            now=lambda: self.wall,
            monotonic=lambda: self.up,
        )

    @rule(seconds=st.sampled_from([0.25, 1.0, 20.0, 59.75, 60.0, 3600.0, 86400.0]))
    def run(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.up += seconds
        self.real += seconds

    @rule(jump=st.sampled_from(JUMPS))
    def set_the_wall_clock(self, jump: timedelta) -> None:
        self.wall += jump

    @rule(at=st.sampled_from(BOUNDARIES))
    def set_the_wall_clock_to_a_boundary(self, at: datetime) -> None:
        self.wall = at

    @rule(up=st.sampled_from([1.0, 30.0, 90.0]))
    def start_the_machine_anew(self, up: float) -> None:
        self.up = up
        self.real += up
        self.wall += timedelta(seconds=up)
        self.restart()

    @rule(target=calls, purse=st.sampled_from(sorted(PURSES)), again=st.booleans())
    def spend(self, purse: str, again: bool) -> Counted | MultipleResults[Counted]:
        allowance = PURSES[purse]
        found = self.ledger.spend(allowance, Call(1765, 0, 0.0, self.wall))
        if isinstance(found, Wait):
            assert 0 < found.seconds <= max(60.0, self.longest_pause), "waits for too long"
            if again:
                self.run(found.seconds)
                found = self.ledger.spend(allowance, Call(1765, 0, 0.0, self.wall))
                assert not isinstance(found, Wait), "the wait was too short"
        if isinstance(found, Counted):
            assert found.attempt not in self.counted
            assert self.real >= self.paused_until, "counted in a pause"
            self.counted[found.attempt] = purse, self.real, self.wall
            return found
        if isinstance(found, UsedUp):
            assert found.balance.left == 0
            assert self.spent(purse) == found.balance.spent == allowance.calls
            if allowance.per is None:
                assert found.seconds is None
            else:
                _, renews = period_of(allowance.per, self.wall)
                assert found.seconds == (renews - self.wall).total_seconds() > 0
        return multiple()

    # A row that was deleted meanwhile, as of a clock that jumped, stays counted.
    @precondition(lambda self: self.keep is None)
    @rule(found=consumes(calls))
    def refund(self, found: Counted) -> None:
        self.ledger.refund(found)
        del self.counted[found.attempt]

    @rule(found=calls)
    def finish(self, found: Counted) -> None:
        self.ledger.finish(found, "planned", 300)

    @rule(seconds=st.sampled_from([1.0, 60.0, 3600.0]))
    def pause(self, seconds: float) -> None:
        self.ledger.pause(seconds, 0.0)
        self.paused_until = max(self.paused_until, self.real + seconds)
        self.longest_pause = max(self.longest_pause, seconds)

    def periods(self, purse: str) -> Counter[object]:
        per = PURSES[purse].per
        attempts = getattr(self, "counted", {}).values()
        return Counter(per and period_of(per, wall) for name, _, wall in attempts if name == purse)

    def spent(self, purse: str) -> int:
        per = PURSES[purse].per
        return self.periods(purse)[per and period_of(per, self.wall)]

    @invariant()
    def no_period_exceeds_its_allowance(self) -> None:
        for purse, allowance in PURSES.items():
            assert allowance.calls is None or max(self.periods(purse).values(), default=0) <= (
                allowance.calls
            )

    @invariant()
    def no_minute_of_real_time_holds_more_than_the_plan_allows(self) -> None:
        times = sorted(real for _, real, _ in getattr(self, "counted", {}).values())
        assert all(later - at >= 60 for at, later in zip(times, times[4:], strict=False))


TestLedgers = Ledgers.TestCase
TestLedgers.settings = settings(max_examples=20, stateful_step_count=40)
