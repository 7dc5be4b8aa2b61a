"""Enphase's plans: what they allow, and what calls cost."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum

import msgspec

from enphase_streaming.core.arguments import shown
from enphase_streaming.errors import InvalidArgument

READ_ON = date(2026, 7, 1)
"""The month in which Enphase's plan pages were read, as its first day."""
STREAM_PRICE = Decimal("0.10")
"""What each call that opens a stream costs on every plan, in dollars."""


class PlanTerms(msgspec.Struct, frozen=True):
    """What a plan allows, and charges.

    `monthly_fee` and `call_price` (for each call past `free_calls` in a month) are in dollars,
    `calls_per_minute` and `calls_per_month` are limits, `streams` tells whether it may stream.
    """

    monthly_fee: Decimal
    calls_per_minute: int
    calls_per_month: int
    streams: bool
    free_calls: int = 0
    call_price: Decimal = Decimal(0)


class Plan(Enum):
    """A plan of the developer portal. `Plan.KILOWATT.value` holds its terms."""

    WATT = PlanTerms(Decimal(0), 10, 1_000, streams=False)
    KILOWATT = PlanTerms(Decimal(249), 50, 50_000, streams=True)
    MEGAWATT = PlanTerms(Decimal(999), 100, 300_000, streams=True)
    PARTNER = PlanTerms(
        Decimal(0), 300, 1_500_000, streams=True, free_calls=10_000, call_price=Decimal("0.005")
    )

    def monthly_charge(self, streams: int) -> Decimal:
        """Return what a month with `streams` calls that opened a stream costs, in dollars.

        Counts a stream as a call as well, where the plan charges for calls.
        """
        terms = self.value
        billed = max(0, streams - terms.free_calls)
        return terms.monthly_fee + streams * STREAM_PRICE + billed * terms.call_price


def check_plan(plan: object) -> None:
    """Check that a plan can stream; None is no plan."""
    if plan is None or (isinstance(plan, Plan) and plan.value.streams):
        return
    given = f"Plan.{plan.name}" if isinstance(plan, Plan) else shown(plan)
    able = ", ".join(f"Plan.{known.name}" for known in Plan if known.value.streams)
    raise InvalidArgument(f"plan must be one that can stream ({able}), got {given}.")


def calls_for(dollars: object) -> int:
    """Return how many calls an amount buys."""
    amount: Decimal | None = None
    if isinstance(dollars, int | float | Decimal) and not isinstance(dollars, bool):
        with suppress(InvalidOperation, ValueError):
            amount = Decimal(str(dollars))
    if amount is None or not amount.is_finite() or amount < STREAM_PRICE:
        raise InvalidArgument(
            f"dollars must be a number of at least {STREAM_PRICE}, the price of one call, got "
            f"{shown(dollars)}."
        )
    # In whole numbers: a Decimal division may round up to a call too many.
    upper, lower = amount.as_integer_ratio()
    price_upper, price_lower = STREAM_PRICE.as_integer_ratio()
    return upper * price_lower // (lower * price_upper)
