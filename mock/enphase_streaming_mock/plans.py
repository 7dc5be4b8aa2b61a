"""What the plans allow and what they cost, as their pages said in July 2026."""

from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan: its limits, and its prices in dollars.

    `minute` and `month` are the calls allowed in a calendar minute and month (UTC), None for any
    number. `fee` is a month's price; beyond the `included` calls a month each costs `per_call`, and
    one that opens a stream costs `per_stream` on top. `partner` applications may log owners in.
    """

    name: str
    minute: int | None
    month: int | None
    streaming: bool = True
    fee: Decimal = Decimal(0)
    included: int = 0
    per_call: Decimal = Decimal(0)
    per_stream: Decimal = Decimal("0.10")
    partner: bool = False


PLANS = MappingProxyType(
    {
        # No plan of Enphase's: what the mock begins with, so that no limit is in a test's way.
        "unlimited": Plan("Unlimited", None, None, partner=True),
        "watt": Plan("Watt", 10, 1_000, streaming=False),
        "kilowatt": Plan("Kilowatt", 50, 50_000, fee=Decimal(249)),
        "megawatt": Plan("Megawatt", 100, 300_000, fee=Decimal(999)),
        "partner": Plan(
            "Partner",
            300,
            1_500_000,
            included=10_000,
            per_call=Decimal("0.005"),
            partner=True,
        ),
    }
)


def find_plan(name: object) -> Plan:
    """Look a plan up by its name. Raises ValueError with the names that exist."""
    plan = PLANS.get(name) if isinstance(name, str) else None
    if plan is None:
        # The library's own `Plan.KILOWATT` is written with all its terms where it is quoted.
        given = repr(name) if isinstance(name, str) else name
        raise ValueError(f"there is no plan {given}; choose from {', '.join(PLANS)}")
    return plan


@dataclass(frozen=True, slots=True)
class Bill:
    """What an application's calls cost so far.

    `calls` counts every call with its key, refused ones included, as nobody knows whether those are
    billed; `streams` those that asked for a stream. `dollars` is their price, without the plan's
    monthly `fee`.
    """

    calls: int
    streams: int
    dollars: Decimal
    fee: Decimal
