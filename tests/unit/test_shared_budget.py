"""A budget that is shared: by a garbage collector, by a forked child, by a call never sent."""

from __future__ import annotations

import gc
import os
import sys
import threading

import pytest

from enphase_streaming import Budget, ConnectionFailed, Plan, StreamingClient
from enphase_streaming.core.exchange import Failed
from simulated import World
from spending import spend


class Leaves:
    """Leaves a budget's queue when it is collected, as an abandoned watch does."""

    def __init__(self, budget: Budget) -> None:
        self.budget, self.ticket = budget, budget._queue()
        self.cycle = self

    def __del__(self) -> None:
        self.budget._leave(self.ticket)


def test_a_watch_collected_inside_the_budget_does_not_deadlock() -> None:
    budget = Budget(calls=100, plan=Plan.KILOWATT)
    done = threading.Event()

    def work() -> None:
        with budget._lock:
            Leaves(budget)
            gc.collect()
        spend(budget, 0.0)
        done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(10), "the budget deadlocked"
    assert budget.spent == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # threads and fork: the point
def test_a_child_forked_while_a_thread_holds_the_budget_can_spend() -> None:
    if sys.platform == "win32":
        pytest.skip("Windows cannot fork")
    budget = Budget(calls=2, plan=Plan.KILOWATT)
    budget._queue()  # of the parent; the child never gives it up
    holds, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with budget._lock:
            holds.set()
            let_go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(10)
    child = os.fork()
    if not child:
        code = 1
        try:
            if budget._lock.acquire(timeout=5) and spend(budget, 0.0) == 0.0:
                code = 0
        finally:
            os._exit(code)
    let_go.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_call_that_was_counted_and_never_sent_is_given_back() -> None:
    world = World(Budget(calls=1, plan=Plan.KILOWATT))
    world.pass_to("open")
    world.answer(Failed(RuntimeError("can't start new thread"), sent=False))
    assert world.budget.spent == 0
    assert spend(world.budget, 0.0) == 0.0


def test_no_thread_to_send_with_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    budget = Budget(calls=1)
    with (
        StreamingClient(
            api_key="the-key", access_token="the-token", base_url="http://127.0.0.1:9"
        ) as client,
        pytest.raises(ConnectionFailed, match="can't start new thread"),
    ):
        client.snapshot(1765, budget)
    assert budget.spent == 0


def test_the_budget_is_spent_only_through_the_core() -> None:
    public = {name for name in dir(Budget) if not name.startswith("_")}
    assert public == {"balance", "dollars_left", "dollars_spent", "left", "spent", "unlimited"}
