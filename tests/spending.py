"""Spend the calls of a budget as a watch does."""

from __future__ import annotations

from enphase_streaming import Budget, Counted
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
