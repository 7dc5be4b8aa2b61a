"""Spend the calls of a budget as a watch does."""

from __future__ import annotations

import threading

from enphase_streaming import Budget, BudgetExhausted, Counted
from enphase_streaming.core.budget import Ticket
from simulated import Clock


def ask(budget: Budget, ticket: Ticket, at: float = 0.0) -> float:
    """Ask for the call of `ticket`; return `at` if it was counted, else when to ask again."""
    found = budget._spend(ticket, at, Clock(at).now())
    if isinstance(found, Counted):
        return at
    if found.seconds is None:
        raise budget._exhausted()
    return at + found.seconds


def spend(budget: Budget, at: float = 0.0) -> float:
    """Ask for one call; return `at` if it was counted, else when to ask again."""
    ticket = budget._queue()
    try:
        return ask(budget, ticket, at)
    finally:
        budget._leave(ticket)


def spend_in_threads(budget: Budget, count: int) -> list[int]:
    """Spend all of a budget in threads that begin at once; return how many calls each got."""
    start, spent = threading.Barrier(count), list[int]()

    def hammer() -> None:
        mine = 0
        start.wait(10)
        try:
            while True:
                spend(budget)
                mine += 1
        except BudgetExhausted:
            spent.append(mine)

    threads = [threading.Thread(target=hammer) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return spent
