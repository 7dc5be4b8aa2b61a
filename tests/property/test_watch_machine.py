"""What a watch never does, for any sequence of outcomes on any budget.

`World` itself fails on a second window while one is open.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from enphase_streaming import (
    Budget,
    BudgetExhausted,
    ConnectionFailed,
    EnphaseStreamingError,
    LoginRequired,
    Plan,
)
from enphase_streaming.core.exchange import Head, Signal
from enphase_streaming.errors import STATUSES, Retry, status_row
from simulated import START, Act, Chunk, World

BUDGETS: dict[str, Callable[[], Budget]] = {
    "one call": lambda: Budget(calls=1),
    "dollars": lambda: Budget(dollars=1.25),
    "a plan": lambda: Budget(calls=60, plan=Plan.KILOWATT),
    "unlimited": Budget.unlimited,
}
CODES = {*STATUSES, 204, 302, 404, 499, 500, 503}
FINAL = sorted(code for code in CODES if status_row(code).retry is Retry.NEVER)
LATER = sorted(code for code in CODES if status_row(code).retry in (Retry.BACKOFF, Retry.SLOWLY))
PERIODS = {"minute": 60, "hour": 3_600, "day": 86_400}
REFUSED = {"error": {"code": 401, "status": "UNAUTHORIZED", "message": "Access token has expired"}}

# Windows last 60 s. So few readings, so close, are never thirty steady seconds.
some = st.integers(0, 14)
pauses = st.sampled_from([0.0, 0.125, 1.0, 2.0])
repeats = st.integers(0, 10)


def answer(status_code: int, body: object = None, retry_after: str | None = None) -> Act:
    head = Head(status_code, "application/json", retry_after=retry_after)
    return Act(head, [(0.25, json.dumps(body or {}).encode())])


class Watched(RuleBasedStateMachine):
    """One site; each rule is what its next attempt meets."""

    @initialize(budget=st.sampled_from(sorted(BUDGETS)), chance=st.floats(0, 1))
    def begin(self, budget: str, chance: float) -> None:
        self.budget = BUDGETS[budget]()
        self.gaps: list[tuple[object, ...]] = []
        self.world = World(
            self.budget,
            duration=60,
            stall_timeout=20.0,
            chance=lambda: chance,
            on_gap=lambda *gap: self.gaps.append(gap),
        )
        self.sent = 0
        self.texts: list[bytes] = []
        self.previous: list[bytes] = []
        self.empty = 0
        self.not_before = 0.0
        self.token_is_fresh = False

    def goes_on(self) -> bool:
        return not self.world.over

    def events(self, repeat: int, count: int, pause: float, *last: Chunk) -> Iterator[Chunk]:
        """Yield events of the window before once more, new ones, and `last`."""
        for event in self.previous[-repeat:] if repeat else []:
            self.texts.append(event)
            yield 0.0, event
        for _ in range(count):
            yield pause, self.new
        yield from last

    def new(self) -> bytes:
        event = self.world.event(self.sent)
        self.sent += 1
        self.texts.append(event)
        return event

    def play(self, act: Act, *, brings: int = 0, calls: int = 1, final: bool = False) -> None:
        """Let `act` happen, and check what holds for every attempt."""
        world, before = self.world, len(self.world.opened)
        world.play(act)
        assert len(world.opened) == before + calls
        assert min(world.opened[before:], default=self.not_before) >= self.not_before
        if self.texts:
            self.previous, self.texts = self.texts[-10:], []
        self.empty = 0 if brings else self.empty + 1
        if final:
            assert world.over, "goes on after a final failure"
            assert isinstance(world.error, EnphaseStreamingError)
            assert not isinstance(world.error, BudgetExhausted)
        if self.empty == 5:
            assert world.over, "a sixth window after five without a reading"
        if self.budget.left == 0:
            assert world.over, "goes on without a call left"

    def wait(self, seconds: float) -> None:
        self.not_before = max(self.not_before, self.world.hung_up[-1] + seconds)

    @precondition(goes_on)
    @rule(count=st.integers(4, 14), repeat=repeats)
    def a_planned_end(self, count: int, repeat: int) -> None:
        self.play(Act(chunks=self.events(repeat, count, 60 / count)), brings=count)
        assert self.world.error is None
        self.token_is_fresh = False

    @precondition(lambda self: self.goes_on() and len(self.previous) >= 4)
    @rule()
    def a_planned_end_with_known_readings_only(self) -> None:
        chunks = [(60 / len(self.previous), event) for event in self.previous]
        self.play(Act(chunks=chunks))
        self.token_is_fresh = False

    @precondition(goes_on)
    @rule(
        count=some,
        pause=pauses,
        repeat=repeats,
        end=st.sampled_from([OSError("reset"), Signal.CLOSED, Signal.OVERDUE]),
        also=st.sampled_from([b": comment\n\n", b"data:{\n\n", b"data:{}\n\n", b"data:{"]),
    )
    def a_break(
        self, count: int, pause: float, repeat: int, end: Exception | Signal, also: bytes
    ) -> None:
        chunks = self.events(repeat, count, pause, (0.0, also))
        self.play(Act(chunks=chunks, end=end), brings=count)

    @precondition(goes_on)
    @rule(count=some, seconds=st.integers(0, 600))
    def a_break_after_retry(self, count: int, seconds: int) -> None:
        chunks = self.events(0, count, 1.0, (0.0, b"retry: %d000\n\n" % seconds))
        self.play(Act(chunks=chunks, end=OSError("reset")), brings=count)
        self.wait(seconds)

    @precondition(goes_on)
    @rule(count=some, code=st.sampled_from(LATER))
    def an_error_that_may_pass(self, count: int, code: int) -> None:
        envelope = json.dumps({"error": {"code": code}}).encode()
        chunks = self.events(0, count, 1.0, (0.0, b"data:%b\n\n" % envelope))
        self.play(Act(chunks=chunks) if count else answer(code), brings=count)
        self.wait(300 if status_row(code).retry is Retry.SLOWLY else 0)

    @precondition(goes_on)
    @rule(head=st.sampled_from([OSError("refused"), Head(200, "text/html")]))
    def no_stream(self, head: Exception | Head) -> None:
        self.play(Act(head=head))

    @precondition(goes_on)
    @rule(
        seconds=st.integers(-100, 4000),
        named=st.sampled_from([*PERIODS, "header", "nothing"]),
    )
    def a_limit(self, seconds: int, named: str) -> None:
        if named in PERIODS:
            end = int(self.world.clock.now().timestamp()) + seconds
            self.play(answer(429, {"period": named, "period_end": end}))
            # The API's clock may be another: no wait is longer than the period.
            if 1 <= seconds <= PERIODS[named]:
                self.not_before = max(self.not_before, end - START.timestamp())
            else:
                self.wait(PERIODS[named])
        elif named == "header":
            self.play(answer(429, None, str(abs(seconds))))
            self.wait(abs(seconds))
        else:
            self.play(answer(429))
            self.wait(60)

    @precondition(goes_on)
    @rule()
    def an_unreachable_token_endpoint(self) -> None:
        self.play(Act(token=ConnectionFailed("refused")), calls=0)

    @precondition(goes_on)
    @rule(away=st.integers(0, 2))
    def a_refused_token(self, away: int) -> None:
        renewed = len(self.world.renewed)
        self.world.refreshes[:] = [ConnectionFailed("refused")] * away
        # Only here may a fifth window without a reading be followed by one more.
        self.empty = min(self.empty, 3)
        if self.token_is_fresh:
            self.play(answer(401, REFUSED), final=True)
            assert "access control" in str(self.world.error)
            assert len(self.world.renewed) == renewed
            return
        self.play(answer(401, REFUSED))
        assert renewed < len(self.world.renewed) <= renewed + 1 + away
        self.token_is_fresh = True
        self.empty += away

    @precondition(goes_on)
    @rule(
        act=st.sampled_from(
            [
                *map(answer, FINAL),
                answer(401, {"error": {"code": 401, "status": "NOT_AUTHENTICATED"}}),
                answer(429, {"period": "month"}),
                Act(head=ssl.SSLCertVerificationError("self-signed")),
                Act(chunks=[(1.0, b"data:" + b"x" * 2000)]),
                Act(chunks=[(1.0, b'data:{"error":{"code":403}}\n\n')]),
            ]
        )
    )
    def a_final_failure(self, act: Act) -> None:
        self.play(act, final=True)

    @precondition(goes_on)
    @rule()
    def a_lost_login(self) -> None:
        self.play(Act(token=LoginRequired("log in again")), calls=0, final=True)

    @invariant()
    def every_request_was_counted_and_allowed(self) -> None:
        assert len(self.world.opened) == self.budget.spent
        assert self.budget.calls is None or self.budget.spent <= self.budget.calls

    @invariant()
    def every_reading_came_once_in_order(self) -> None:
        assert self.world.powers == list(range(self.sent))

    @invariant()
    def no_minute_holds_more_than_the_plan_allows(self) -> None:
        opened = self.world.opened
        assert all(later - at >= 60 for at, later in zip(opened, opened[50:], strict=False))

    @precondition(lambda self: self.world.over)
    @rule(budget=st.sampled_from(sorted(BUDGETS)), chance=st.floats(0, 1))
    def the_next_watch(self, budget: str, chance: float) -> None:
        self.check_the_end()
        self.begin(budget, chance)

    def teardown(self) -> None:
        """Check that it ends: with the budget, or with the fifth window without a reading."""
        if not hasattr(self, "world"):
            return
        self.empty = min(self.empty, 3)
        for _ in range(self.budget.left or 0):
            if self.goes_on():
                self.a_planned_end(4, 0)
        for _ in range(5):
            if self.goes_on():
                self.play(Act(end=OSError("reset")))
        assert self.world.over
        self.check_the_end()

    def check_the_end(self) -> None:
        end, error = self.world.end, self.world.error
        assert end is not None
        assert end.readings == self.sent
        assert not self.world.is_open
        if error is None:
            assert end.reason == "budget"
        elif isinstance(error, BudgetExhausted):
            assert isinstance(error.__cause__, EnphaseStreamingError)


TestWatched = Watched.TestCase
