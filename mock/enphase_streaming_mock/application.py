"""One application: its credentials, its plan, and what it has called so far."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from enphase_streaming_mock.plans import Bill, Plan

Period = Literal["minute", "month"]
PERIODS: tuple[Period, Period] = ("minute", "month")


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that a call exceeds; `start` and `end` of the period are in seconds since 1970."""

    period: Period
    start: int
    end: int
    limit: int


@dataclass(slots=True)
class App:
    """An application that calls the API with `api_key`, and gets tokens with the other two."""

    api_key: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    plan: Plan
    _calls: int = 0
    _streams: int = 0
    _dollars: Decimal = Decimal(0)
    # By period, when the present one began and how many calls fell into it.
    _used: dict[Period, tuple[int, int]] = field(default_factory=dict)

    def count(self, now: datetime) -> Excess | None:
        """Count a call for a stream, and say which of the plan's limits it exceeds, if any.

        A call beyond a limit counts and costs like every other.
        """
        exceeded = None
        for period in PERIODS:  # a month that is used up is the more important news
            start, end = _bounds(period, now)
            began, used = self._used.get(period, (start, 0))
            used = used + 1 if began == start else 1
            self._used[period] = start, used
            limit = getattr(self.plan, period)
            if limit is not None and used > limit:
                exceeded = Excess(period, start, end, limit)
        self._calls += 1
        self._dollars += self.plan.per_call if used > self.plan.included else 0
        return exceeded

    def count_stream(self) -> None:
        """Count a stream that opens, in addition to the call for it."""
        self._streams += 1
        self._dollars += self.plan.per_stream

    def use_up(self, period: Period, now: datetime) -> None:
        """Let nothing be left of what the plan allows in the present minute or month.

        Raises ValueError for a plan without that limit.
        """
        if period not in PERIODS:
            raise ValueError(f"period is {period!r}; choose from {', '.join(PERIODS)}")
        limit = getattr(self.plan, period)
        if limit is None:
            raise ValueError(f"plan {self.plan.name} has no limit a {period}; set another plan")
        self._used[period] = _bounds(period, now)[0], limit

    @property
    def bill(self) -> Bill:
        """What its calls cost so far."""
        return Bill(self._calls, self._streams, self._dollars, self.plan.fee)


def _bounds(period: Period, now: datetime) -> tuple[int, int]:
    """When the calendar minute or month of a moment begins and ends, in UTC."""
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    if period == "minute":
        return int(start.timestamp()), int(start.timestamp()) + 60
    start = start.replace(day=1, hour=0, minute=0)
    end = (start + timedelta(days=31)).replace(day=1)
    return int(start.timestamp()), int(end.timestamp())
