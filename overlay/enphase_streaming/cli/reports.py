"""Reports, free of charge: what plans give and cost, and what was spent according to the ledger."""

from __future__ import annotations

import calendar
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table

from enphase_streaming.cli.exit_codes import say
from enphase_streaming.cli.formatting import MISSING, count
from enphase_streaming.cli.options import ledger_file
from enphase_streaming.core.arguments import MAXIMUM_DURATION
from enphase_streaming.core.ledger import Attempt, period_of
from enphase_streaming.core.plans import READ_ON, STREAM_PRICE, Plan
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.ledger.sqlite import SqliteLedger

MOST_SITES = 1_000_000
UNFINISHED = "unknown"
"""The end of a stream that is still open, or whose process was killed."""
_DAYS = 30
_FIGURES = {
    "calls_today": ("Calls\ntoday", "{:,}"),
    "dollars_today": ("Price\ntoday", "${:,.2f}"),
    "calls_this_month": ("Calls\nthis month", "{:,}"),
    "dollars_this_month": ("Price\nthis month", "${:,.2f}"),
    "readings_this_month": ("Readings\nthis month", "{:,}"),
}
"""The columns of what was spent: heading and format."""


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


def offers(plans: Iterable[Plan], sites: int, window: int = MAXIMUM_DURATION) -> list[Offer]:
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
    return _DAYS * 86_400 // window


def offer_table(found: list[Offer], window: int = MAXIMUM_DURATION) -> RenderableType:
    """Return offers with streams of `window` seconds as a table with notes."""
    sites, calls = found[0].sites, _month_of(window)
    table = _table(f"A month of {_DAYS} days, {count(sites, 'site')}")
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


def attempts(environ: Mapping[str, str], given: str | None, now: datetime) -> list[Attempt]:
    """Return the calls of this month."""
    path = ledger_file(environ, given)
    # os.path answers for names and folders that the system refuses as well.
    if path is None or not os.path.exists(path):
        where = "" if path is None else f" at {path}"
        raise InvalidArgument(
            f"No ledger{where}: watch, record and snapshot make one with --per. Pass --ledger FILE "
            "for another."
        )
    began, _ = period_of("month", now)
    return SqliteLedger(path).attempts(began)


def report(found: Iterable[Attempt], now: datetime) -> list[dict[str, Any]]:
    """Return what was spent today and this month in UTC, for each site and kind of end."""
    today, _ = period_of("day", now)
    month, day, readings = Counter[Any](), Counter[Any](), Counter[Any]()
    for each in found:
        key = each.site, each.reason or UNFINISHED
        month[key] += 1
        day[key] += each.at >= today
        readings[key] += each.readings or 0
    return [
        {
            "site": key[0],
            "end": key[1],
            "calls_today": day[key],
            "dollars_today": float(day[key] * STREAM_PRICE),
            "calls_this_month": month[key],
            "dollars_this_month": float(month[key] * STREAM_PRICE),
            "readings_this_month": readings[key],
        }
        for key in sorted(month)
    ]


def report_table(rows: list[dict[str, Any]], now: datetime) -> Table:
    """Return a report as a table, with its sums."""
    title = f"Calls on {now:%Y-%m-%d}, and in {now:%B %Y} (UTC)"
    table = _table(title, show_footer=len(rows) > 1)
    table.add_column("Site", "All", justify="right")
    table.add_column("End", "")
    for name, (heading, form) in _FIGURES.items():
        table.add_column(heading, form.format(sum(row[name] for row in rows)), justify="right")
    for row in rows:
        figures = [form.format(row[name]) for name, (_, form) in _FIGURES.items()]
        table.add_row(str(row["site"]), row["end"], *figures)
    return table


def warn_of_pace(calls: int, plan: Plan, now: datetime) -> None:
    """Warn on stderr where a month at this pace takes more calls than the plan has."""
    began, renews = period_of("month", now)
    expected = round(calls * (renews - began) / max(now - began, (renews - began) / 1000))
    allowed = plan.value.calls_per_month
    if expected > allowed:
        days = calendar.monthrange(now.year, now.month)[1]
        say(
            f"Warning: {count(calls, 'call')} so far make {expected:,} in the {days} days of this "
            f"month, and the {plan.name.lower()} plan has {allowed:,}."
        )


def show(rows: Sequence[dict[str, Any]], table: RenderableType, *, as_json: bool) -> None:
    """Print a report as a table, or its rows as JSON, one object a line."""
    if not as_json:
        Console(highlight=False).print(table)
        return
    for row in rows:
        print(json.dumps(row))


def _table(title: str, *, show_footer: bool = False) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_footer=show_footer,
    )
