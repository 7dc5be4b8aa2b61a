"""Both clients on a budget that a ledger counts: what is sent, and what happens meanwhile."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from callers import Caller
from enphase_streaming import (
    Allowance,
    AsyncStreamingClient,
    Budget,
    BudgetExhausted,
    Call,
    ConnectionFailed,
    Counted,
    LedgerUnavailable,
    SqliteLedger,
    StreamingClient,
    UsedUp,
    Wait,
)
from enphase_streaming.core.ledger import MemoryLedger
from enphase_streaming.ledger import sqlite
from enphase_streaming.threads import Workers
from enphase_streaming_mock import MockServer

SETTINGS: dict[str, Any] = {
    "api_key": "the-api-key",
    "access_token": "the-access-token",
    "base_url": "http://127.0.0.1:9",  # nothing listens there
}
PATIENCE = 10.0


class Slow(MemoryLedger):
    """A ledger whose `spend` takes until a test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.counted = self.refunded = 0
        self.done = threading.Event()

    def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
        self.asked.set()
        assert self.go_on.wait(PATIENCE)
        self.counted += 1
        return super().spend(allowance, call)

    def refund(self, counted: Counted) -> None:
        super().refund(counted)
        self.refunded += 1
        self.done.set()

    def check_taken_back(self, budget: Budget) -> None:
        """Go on with a call whose caller has left: it is counted, and taken back."""
        assert not self.counted
        self.go_on.set()
        assert self.done.wait(PATIENCE)
        assert (self.counted, self.refunded, budget.spent) == (1, 1, 0)


def settings(mock: MockServer) -> dict[str, Any]:
    return {
        "api_key": mock.api_key,
        "access_token": mock.access_token,
        "base_url": mock.base_url,
        "monotonic": mock.monotonic,
        "now": mock.now,
        # 20 s of the fast clock are too short for a busy machine.
        "first_reading_timeout": 3600.0,
        "stall_timeout": 3600.0,
    }


def rows(ledger: SqliteLedger, count: int) -> list[tuple[int, str | None, int | None]]:
    """Return site, end and readings of all attempts, once `count` of them have ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = ledger.attempts()
        if sum(each.reason is not None for each in found) >= count:
            return [(each.site, each.reason, each.readings) for each in found]
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


@pytest.mark.enphase_mock(speed=250)
def test_the_bill_of_the_mock_agrees_with_the_rows(
    caller: Caller, enphase_mock: MockServer, tmp_path: Path
) -> None:
    ledger = SqliteLedger(
        tmp_path / "ledger", now=enphase_mock.now, monotonic=enphase_mock.monotonic
    )
    budget = Budget(calls=4, per="month", ledger=ledger)
    enphase_mock.fault("error", code=550)
    outcome = caller(
        settings(enphase_mock),
        enphase_mock.system_id,
        method="watch",
        budget=budget,
        duration=30,
    )
    assert outcome.error is None
    found = rows(ledger, 4)
    assert [reason for _, reason, _ in found] == ["error", "planned", "planned", "planned"]
    assert {site for site, *_ in found} == {enphase_mock.system_id}
    assert sum(readings or 0 for *_, readings in found) == len(outcome.readings)
    assert len(found) == len(enphase_mock.calls) == budget.balance().spent
    # A fault of the mock is answered before its account counts.
    assert enphase_mock.account.app.bill.calls == len(found) - 1


def test_closing_while_a_call_is_counted_frees_the_caller_and_takes_it_back() -> None:
    ledger = Slow()
    budget = Budget(calls=1, ledger=ledger)
    with StreamingClient(**SETTINGS) as client:
        stream = client.live_data(1765, budget=budget)
        reader = threading.Thread(target=lambda: list(stream))
        reader.start()
        assert ledger.asked.wait(PATIENCE)
        stream.close()
        reader.join(PATIENCE)
        assert not reader.is_alive(), "close() did not free the caller"
    ledger.check_taken_back(budget)


def test_cancelling_while_a_call_is_counted_takes_it_back() -> None:
    ledger = Slow()
    budget = Budget(calls=1, ledger=ledger)

    async def run() -> None:
        async with AsyncStreamingClient(**SETTINGS) as client:
            task = asyncio.create_task(client.snapshot(1765, budget))
            await asyncio.to_thread(ledger.asked.wait, PATIENCE)
            # The ledger blocks its thread, and not this loop.
            await asyncio.wait_for(asyncio.sleep(0), 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    ledger.check_taken_back(budget)


def test_a_call_that_waits_for_a_thread_is_never_counted_if_its_caller_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers(1)
    monkeypatch.setattr("enphase_streaming.aconnection.ledger_threads", workers)
    ledger = Slow()
    budget = Budget(calls=2, ledger=ledger)

    async def run() -> None:
        async with AsyncStreamingClient(**SETTINGS) as client:
            first = asyncio.create_task(client.snapshot(1765, budget))
            await asyncio.to_thread(ledger.asked.wait, PATIENCE)
            second = asyncio.create_task(client.snapshot(1765, budget))
            while not workers._waiting:  # noqa: ASYNC110 - no event tells when a task is queued
                await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            ledger.go_on.set()
            with pytest.raises(ConnectionFailed):
                await first

    asyncio.run(run())
    assert (ledger.counted, ledger.refunded, budget.spent) == (1, 0, 1)


def test_a_locked_file_ends_a_single_stream_before_anything_is_sent(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT", 0.02)
    budget = Budget(calls=1, ledger=SqliteLedger(tmp_path / "ledger"))
    assert budget.balance().spent == 0
    with locked_by_another_program(tmp_path / "ledger"):
        outcome = caller(SETTINGS, budget=budget)
    assert isinstance(outcome.error, LedgerUnavailable)
    assert budget.balance().spent == 0


@pytest.mark.enphase_mock(speed=250)
def test_a_watch_goes_on_when_the_file_is_free_again(
    caller: Caller, enphase_mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT", 0.02)
    ledger = SqliteLedger(tmp_path / "ledger")
    budget = Budget(calls=1, ledger=ledger)
    assert budget.balance().spent == 0
    waits: list[Exception | None] = []
    with ExitStack() as lock:
        lock.enter_context(locked_by_another_program(tmp_path / "ledger"))

        def on_wait(seconds: float, error: Exception | None) -> None:
            assert not enphase_mock.calls
            waits.append(error)
            if len(waits) == 3:
                monkeypatch.undo()
                lock.close()

        outcome = caller(
            settings(enphase_mock),
            enphase_mock.system_id,
            method="watch",
            budget=budget,
            duration=30,
            on_wait=on_wait,
        )
    assert (outcome.error, outcome.reason) == (None, "budget")
    assert [type(each) for each in waits] == [LedgerUnavailable] * 3
    assert len(rows(ledger, 1)) == len(enphase_mock.calls) == 1


@contextmanager
def locked_by_another_program(path: Path) -> Iterator[None]:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(db):
        db.execute("BEGIN EXCLUSIVE")
        yield


def test_no_thread_to_count_with_costs_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    budget = Budget(calls=1, ledger=SqliteLedger(tmp_path / "ledger"))
    with StreamingClient(**SETTINGS) as client:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", start)
            with pytest.raises(ConnectionFailed, match=r"No thread can be started: can't start"):
                client.snapshot(1765, budget)
        assert budget.spent == 0
        with pytest.raises(ConnectionFailed, match="refused"):
            client.snapshot(1765, budget)
        with pytest.raises(BudgetExhausted):
            client.snapshot(1765, budget)


def test_many_calls_at_once_use_few_threads() -> None:
    workers, go_on = Workers(3), threading.Event()
    numbers: list[int] = []

    def work(number: int) -> int:
        go_on.wait(PATIENCE)
        numbers.append(number)
        return threading.active_count()

    before = threading.active_count()
    futures = [workers.run(partial(work, number)) for number in range(50)]
    assert threading.active_count() == before + 3
    go_on.set()
    assert max(future.result(PATIENCE) for future in futures) <= before + 3
    assert sorted(numbers) == list(range(50))


def test_a_signal_handler_can_close_a_stream_while_work_is_handed_to_a_thread() -> None:
    workers, done = Workers(1), threading.Event()

    def close_another(*_: object) -> None:
        workers.run(done.set)

    previous = signal.signal(signal.SIGINT, close_another)
    try:
        with workers._lock:
            signal.raise_signal(signal.SIGINT)
        workers.run(int).result(PATIENCE)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert done.wait(PATIENCE)
