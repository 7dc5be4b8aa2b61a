"""The ledger of the command: where it is, and what was spent according to it."""

from __future__ import annotations

import calendar
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from rich.box import SIMPLE_HEAD
from rich.table import Table

from enphase_streaming.cli.exit_codes import say
from enphase_streaming.cli.formatting import count
from enphase_streaming.core.arguments import is_loopback, shown
from enphase_streaming.core.ledger import Attempt, Period, period_of
from enphase_streaming.core.plans import STREAM_PRICE, Plan
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.ledger.sqlite import SqliteLedger

UNFINISHED = "unknown"
"""The end of a stream that is still open, or whose process was killed."""


def ledger_file(environ: Mapping[str, str], given: str | None) -> Path | None:
    """Return the path of the ledger, None if this user has no folder for one.

    It is that of `--ledger`, that of ENPHASE_LEDGER, or one in the platform's folder for state,
    where calls of a mock, which are free, have one of their own.
    """
    import platformdirs

    if path := given or environ.get("ENPHASE_LEDGER"):
        return Path(os.path.expanduser(path))  # the ledger refuses what cannot be expanded
    try:
        folder = platformdirs.user_state_path("enphase-streaming", appauthor=False)
    except RuntimeError:
        folder = Path()
    host = urlsplit(environ.get("ENPHASE_BASE_URL") or "").hostname
    name = "mock.sqlite" if is_loopback(host or "") else "ledger.sqlite"
    return folder / name if folder.is_absolute() else None


def renewal(
    environ: Mapping[str, str], per: str | None, given: str | None, purse: str | None
) -> dict[str, Any]:
    """Return the arguments of a budget that `--per` renews, none without `--per`.

    Raises:
        InvalidArgument: `--per` is unknown, or `--ledger` or `--purse` lacks it.
    """
    if per is None:
        if given is not None or purse is not None:
            raise InvalidArgument("--ledger and --purse need --per hour, day or month.")
        return {}
    if per not in get_args(Period):
        raise InvalidArgument(f"--per must be hour, day or month, got {shown(per)}.")
    path = ledger_file(environ, given)
    if path is None:
        say("No folder for a ledger: what is spent is forgotten at the end. Pass --ledger FILE.")
        return {"per": per}
    name = "default" if purse is None else purse
    return {"per": per, "name": name, "ledger": SqliteLedger(path)}


def attempts(environ: Mapping[str, str], given: str | None, now: datetime) -> list[Attempt]:
    """Return the calls of this month.

    Raises:
        InvalidArgument: there is no ledger, or it cannot be read.
    """
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
    table = Table(
        title=f"Calls on {now:%Y-%m-%d}, and in {now:%B %Y} (UTC)",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_footer=len(rows) > 1,
    )
    table.add_column("Site", "All", justify="right")
    table.add_column("End", "")
    for title, period in (("today", "today"), ("this month", "this_month")):
        calls = sum(row[f"calls_{period}"] for row in rows)
        table.add_column(f"Calls\n{title}", f"{calls:,}", justify="right")
        table.add_column(f"Price\n{title}", f"${calls * STREAM_PRICE:,.2f}", justify="right")
    total = sum(row["readings_this_month"] for row in rows)
    table.add_column("Readings\nthis month", f"{total:,}", justify="right")
    for row in rows:
        table.add_row(
            *(str(row["site"]), row["end"]),
            *(f"{row['calls_today']:,}", f"${row['dollars_today']:,.2f}"),
            *(f"{row['calls_this_month']:,}", f"${row['dollars_this_month']:,.2f}"),
            f"{row['readings_this_month']:,}",
        )
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
