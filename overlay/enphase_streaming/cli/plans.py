"""What each plan gives for a number of sites, and what that costs; nothing is asked of anyone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table

from enphase_streaming.cli.words import MISSING
from enphase_streaming.core.budget import READ_ON, STREAM_PRICE, Plan

WINDOW = 300
_DAYS = 30
_MOST = _DAYS * 86_400 // WINDOW
"""How many windows a site can be watched for in a month."""
MOST_SITES = 1_000_000
_WIDE = 70


class Offer(NamedTuple):
    """What a plan gives a month: `calls` for each site, which last `hours`, at a total `price`."""

    plan: Plan
    sites: int
    calls: int

    @property
    def hours(self) -> float:
        """Hours of watching for each site."""
        return self.calls * WINDOW / 3600

    @property
    def price(self) -> Decimal:
        """Dollars for these hours of all sites, the plan's fee included."""
        price = self.plan.monthly_charge(self.calls * self.sites)
        return price.quantize(Decimal("0.01"), ROUND_HALF_UP)

    @property
    def at_once(self) -> int:
        """How many sites its calls a minute can keep open at the same time."""
        return self.plan.value.calls_per_minute * WINDOW // 60


def offers(plans: Iterable[Plan], sites: int) -> list[Offer]:
    """Return what plans give for a number of sites."""
    return [
        Offer(plan, sites, min(_MOST, plan.value.calls_per_month // sites))
        if plan.value.streams
        else Offer(plan, sites, 0)
        for plan in plans
    ]


def as_table(found: list[Offer], width: int) -> RenderableType:
    """Return offers as a table; a narrow one leaves the plans' own terms out."""
    wide = width >= _WIDE
    sites = found[0].sites
    table = Table(
        title=f"A month of {_DAYS} days, {'1 site' if sites == 1 else f'{sites:,} sites'}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Plan")
    for name in ("Fee", "Calls\na minute", "Calls\na month") if wide else ():
        table.add_column(name, justify="right", style="dim")
    for name in ("Sites\nat once", "Hours\na site", "Price\nof that"):
        table.add_column(name, justify="right")
    for offer in found:
        terms = offer.plan.value
        fee = f"${terms.monthly_fee}" if terms.monthly_fee else "free"
        limits = [fee, f"{terms.calls_per_minute:,}", f"{terms.calls_per_month:,}"]
        name = offer.plan.name.capitalize()
        table.add_row(name, *(limits if wide else ()), *_watching(offer))
    return Group(table, *_notes(found))


def as_json(found: list[Offer]) -> str:
    """Return offers as one JSON object a line."""
    return "\n".join(
        json.dumps(
            {
                "plan": offer.plan.name.lower(),
                "streams": offer.plan.value.streams,
                "sites": offer.sites,
                "monthly_fee": float(offer.plan.value.monthly_fee),
                "calls_per_minute": offer.plan.value.calls_per_minute,
                "calls_per_month": offer.plan.value.calls_per_month,
                "calls_per_site": offer.calls,
                "hours_per_site": round(offer.hours, 2),
                "sites_at_once": offer.at_once if offer.plan.value.streams else 0,
                "price": float(offer.price),
            }
        )
        for offer in found
    )


def _watching(offer: Offer) -> list[str]:
    if not offer.plan.value.streams:
        return [MISSING, MISSING, "cannot stream"]
    return [f"{offer.at_once:,}", f"{offer.hours:,.1f}", f"${offer.price:,.2f}"]


def _notes(found: list[Offer]) -> list[str]:
    notes = [
        f"A stream of {WINDOW} s is a call, and ${STREAM_PRICE} on top of the fee. To watch a site "
        f"day and night, all {_DAYS * 24} hours, takes {_MOST:,} of them, "
        f"${_MOST * STREAM_PRICE:,.2f}.",
        f"The plans are as published in {READ_ON:%B %Y}; Enphase may have changed them.",
    ]
    if any(offer.calls and offer.sites > offer.at_once for offer in found):
        notes.append(
            f"{found[0].sites:,} sites at the same time are more than a plan's calls a minute open."
        )
    return notes
