"""What the plans allow and what they cost, as their pages said in July 2026."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from enphase_streaming_mock.validation import check_choice

Period = Literal["minute", "month"]


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan: its limits, and its prices in dollars.

    `minute` and `month` are the calls allowed in a calendar minute and month (UTC), None for any
    number. `fee` is the price of a month; beyond the `included` calls each costs `per_call`, and
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

    def limit(self, period: Period) -> int | None:
        """Return the calls allowed in a period; None for any number."""
        return self.minute if period == "minute" else self.month


PLANS = MappingProxyType(
    {
        # Not one of Enphase's plans: the mock's default, so that no limit is in a test's way.
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


def find_plan(name: str) -> Plan:
    """Return the plan of a name. Raises ValueError if there is none."""
    check_choice("plan", name, tuple(PLANS))
    return PLANS[name]


@dataclass(frozen=True, slots=True)
class Bill:
    """What an application's calls cost so far: `dollars`, without the plan's monthly `fee`.

    `calls` counts refused ones as well, since it is unknown whether those are billed.
    """

    calls: int
    streams: int
    dollars: Decimal
    fee: Decimal


def bounds_of(period: Period, now: datetime) -> tuple[int, int]:
    """Return when the calendar minute or month of a moment begins and ends, in UTC."""
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    if period == "minute":
        return int(start.timestamp()), int(start.timestamp()) + 60
    start = start.replace(day=1, hour=0, minute=0)
    end = (start + timedelta(days=31)).replace(day=1)
    return int(start.timestamp()), int(end.timestamp())
