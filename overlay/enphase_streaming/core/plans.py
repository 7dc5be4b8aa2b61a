"""Enphase's plans as data, as the plan pages showed them in July 2026.

Every plan that can stream charges for each call that opens a stream, on top of its fee.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

import msgspec

READ_ON = date(2026, 7, 1)
"""The month in which the figures below were read, as its first day."""

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
        """What a month with so many calls that opened a stream costs, in dollars.

        Counts a stream as a call as well, where the plan charges for calls.
        """
        terms = self.value
        billed = max(0, streams - terms.free_calls)
        return terms.monthly_fee + streams * STREAM_PRICE + billed * terms.call_price
