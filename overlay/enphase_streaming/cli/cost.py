"""What a command costs: confirmed before it is spent, counted since, and compared between plans."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table

from enphase_streaming.cli.exit_codes import say
from enphase_streaming.cli.formatting import MISSING, count, local
from enphase_streaming.core.arguments import MAXIMUM_DURATION
from enphase_streaming.core.budget import Budget
from enphase_streaming.core.plans import READ_ON, STREAM_PRICE, Plan
from enphase_streaming.errors import InvalidArgument

WINDOW = MAXIMUM_DURATION
"""The default duration of a watch's streams in seconds, as a short one costs as much."""
MOST_SITES = 1_000_000
PERIODS = {"hour": " this hour", "day": " today", "month": " this month"}
_DAY = 86_400
_DAYS = 30


@dataclass(frozen=True)
class Spending:
    """The budget of a command. `streams` and `price` say what it can spend at most.

    `mock` is the host of a mock, which costs nothing. `many` is true for a watch.
    """

    budget: Budget
    streams: str
    price: str
    mock: str | None
    many: bool = True

    @property
    def spent(self) -> str:
        """The calls that were made, in this period if there is one, and their price."""
        return cost(self.budget.spent, free=self.mock is not None, period=self.period)

    @property
    def period(self) -> str:
        """The present period of the budget, such as ` today`; empty without one."""
        return PERIODS.get(self.budget.per or "", "")

    @property
    def left(self) -> str:
        """The calls that a watch has left, and their price; empty without a limit."""
        if self.budget.left is None or not self.many:
            return ""
        left = count(self.budget.left, "call") + self.period
        price = "" if self.mock is not None else f", ${STREAM_PRICE * self.budget.left:,.2f}"
        return f"{left}{price} left"


def cost(calls: int, *, free: bool, period: str = "") -> str:
    """Return a number of calls and their price; those of a mock are free."""
    return f"{count(calls, 'call')}{period}, {'free' if free else f'${STREAM_PRICE * calls:,.2f}'}"


def one_stream(
    can_refresh: bool, mock: str | None, plan: Plan | None = None, budget: Budget | None = None
) -> Spending:
    """Return the spending of one stream: with tokens that renew, up to two calls.

    `budget` is one that renews, and limits the calls of other streams as well.
    """
    price = cost(1, free=False)
    if can_refresh:
        price += ", or 2 calls if the token has to be renewed"
    budget = budget or Budget(calls=2 if can_refresh else 1, plan=plan)
    return Spending(budget, "one stream", price, mock, many=False)


def many_streams(budget: Budget, duration: int, mock: str | None) -> Spending:
    """Return the spending of a watch whose streams last `duration` seconds."""
    if budget.left is None:
        a_day = cost(-(-_DAY // duration), free=False)
        price = f"${STREAM_PRICE} each, up to {a_day} a day with streams of {duration} s"
        return Spending(budget, "any number of streams", price, mock)
    if budget.left == 1:
        return Spending(budget, "one stream", cost(1, free=False), mock)
    price = f"{cost(budget.left, free=False)} at most"
    return Spending(budget, f"up to {budget.left:,} streams", price, mock)


def confirm(spending: Spending, *, yes: bool) -> None:
    """Print the cost and ask for confirmation, unless it is free or `yes` confirms it.

    Raises:
        InvalidArgument: the cost was not confirmed.
    """
    balance = spending.budget.balance()
    if balance.left == 0:  # the first call will be refused
        return
    if spending.mock is not None:
        say(f"This opens {spending.streams} of the mock at {spending.mock}, which costs nothing.")
        return
    price = f"This opens {spending.streams} of the real API: {spending.price}."
    if balance.renews is not None:
        left = f"{balance.left:,} of {count(balance.calls or 0, 'call')}{spending.period}"
        price += f" {left} are left, until {local(balance.renews):%Y-%m-%d %H:%M}."
    if yes:
        say(price)
        return
    if not sys.stdin.isatty():
        raise InvalidArgument(f"{price} Not a terminal: pass --yes to confirm the cost.")
    print(f"{price} Continue? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        say("")
    if answer.strip().lower() not in ("y", "yes"):
        raise InvalidArgument("Cancelled: no stream was opened, and nothing was spent.")


class Offer(NamedTuple):
    """What a plan gives a number of sites in a month, in whole windows; prices are in dollars."""

    plan: str
    streams: bool
    sites: int
    monthly_fee: float
    calls_per_minute: int
    calls_per_month: int
    calls_per_site: int
    hours_per_site: float
    sites_at_once: int
    price: float


def offers(plans: Iterable[Plan], sites: int, window: int = WINDOW) -> list[Offer]:
    """Return what plans give for a number of sites, with streams of `window` seconds."""
    found = []
    for plan in plans:
        terms = plan.value
        calls = min(_month_of(window), terms.calls_per_month // sites) if terms.streams else 0
        price = plan.monthly_charge(calls * sites).quantize(Decimal("0.01"), ROUND_HALF_UP)
        offer = Offer(
            plan=plan.name.lower(),
            streams=terms.streams,
            sites=sites,
            monthly_fee=float(terms.monthly_fee),
            calls_per_minute=terms.calls_per_minute,
            calls_per_month=terms.calls_per_month,
            calls_per_site=calls,
            hours_per_site=round(calls * window / 3600, 2),
            sites_at_once=terms.calls_per_minute * window // 60 if terms.streams else 0,
            price=float(price),
        )
        found.append(offer)
    return found


def _month_of(window: int) -> int:
    return _DAYS * _DAY // window


def offer_table(found: list[Offer], window: int = WINDOW) -> RenderableType:
    """Return offers with streams of `window` seconds as a table with notes."""
    sites, calls = found[0].sites, _month_of(window)
    table = Table(
        title=f"A month of {_DAYS} days, {count(sites, 'site')}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Plan")
    for name in ("Fee", "Calls\na minute", "Calls\na month"):
        table.add_column(name, justify="right", style="dim")
    for name in ("Sites\nat once", "Hours\na site", "Price\nof that"):
        table.add_column(name, justify="right")
    for offer in found:
        fee = f"${offer.monthly_fee:,.0f}" if offer.monthly_fee else "free"
        cells = [fee, f"{offer.calls_per_minute:,}", f"{offer.calls_per_month:,}"]
        if offer.streams:
            cells += [f"{offer.sites_at_once:,}", f"{offer.hours_per_site:,.1f}"]
            cells.append(f"${offer.price:,.2f}")
        else:
            cells += [MISSING, MISSING, "cannot stream"]
        table.add_row(offer.plan.capitalize(), *cells)
    notes = [
        f"A stream of {window} s is one call: ${STREAM_PRICE}, on top of the fee. Watching a site "
        f"day and night, all {_DAYS * 24} hours, takes {calls:,} calls, "
        f"${calls * STREAM_PRICE:,.2f}.",
        f"Prices as published in {READ_ON:%B %Y}; Enphase may have changed them.",
    ]
    if any(offer.calls_per_site and sites > offer.sites_at_once for offer in found):
        notes.append(f"{sites:,} sites at once exceed the calls a minute of some of these plans.")
    return Group(table, *notes)
