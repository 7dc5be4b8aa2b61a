"""Options and variables of the command, checked: numbers, plans, budgets, sites and access.

Each function raises `InvalidArgument`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from enphase_streaming.cli.exit_codes import say
from enphase_streaming.client import StreamingClient, utc_now
from enphase_streaming.core.arguments import (
    MAXIMUM_DURATION,
    MINIMUM_DURATION,
    is_loopback,
    shown,
)
from enphase_streaming.core.budget import Budget
from enphase_streaming.core.ledger import Period
from enphase_streaming.core.plans import STREAM_PRICE, Plan
from enphase_streaming.environment import client_arguments
from enphase_streaming.errors import InvalidArgument

_MOST_CALLS = 1_000_000
_LONGEST_SITE = 10
_FASTEST = 1_000.0
_KINDS = {int: "a whole number", float: "a number"}

Number = TypeVar("Number", int, float)


def number(name: str, text: str, least: Number, most: Number) -> Number:
    """Return a number from `least` to `most`, a whole one if `least` is an int."""
    with suppress(ValueError):
        value = type(least)(text)
        if least <= value <= most:  # false for NaN
            return value
    raise InvalidArgument(
        f"{name} must be {_KINDS[type(least)]} from {least:,.10g} to {most:,.10g}, "
        f"got {shown(text)}."
    )


def duration(text: str | None, default: int = MAXIMUM_DURATION) -> int:
    """Return the duration of a stream in seconds; the longest, as a short one costs as much."""
    if text is None:
        return default
    return number("--duration", text, MINIMUM_DURATION, MAXIMUM_DURATION)


def site(name: str, text: str) -> int:
    """Return the number of a site."""
    if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) < 2**63:
        return int(text)
    # Longer text may be a credential in the wrong place.
    got = shown(text) if len(text) <= _LONGEST_SITE else f"{len(text):,} characters"
    raise InvalidArgument(f"{name} must be the number of a site, such as 1765, got {got}.")


def plan(text: str, *, streams: bool = False) -> Plan:
    """Return a plan by its name in any case; with `streams`, one that can stream."""
    choices = {plan.name: plan for plan in Plan if plan.value.streams or not streams}
    if found := choices.get(text.upper()):
        return found
    which = "a plan that can stream" if streams else "a plan"
    names = ", ".join(name.lower() for name in choices)
    raise InvalidArgument(f"--plan must be {which} ({names}), got {shown(text)}.")


def limit(
    calls: str | None,
    dollars: str | None,
    *,
    unlimited: bool = False,
    plan_name: str | None = None,
    **renewal: Any,
) -> Budget:
    """Return the budget of the one limit that is set; `renewal` is what `renewal` returns."""
    terms = None if plan_name is None else plan(plan_name, streams=True)
    if (calls is not None) + (dollars is not None) + unlimited != 1:
        raise InvalidArgument("Set one limit: --calls N, --dollars X or --unlimited.")
    if calls is not None:
        return Budget(calls=number("--calls", calls, 1, _MOST_CALLS), plan=terms, **renewal)
    if dollars is not None:
        price = float(STREAM_PRICE)
        amount = number("--dollars", dollars, price, price * _MOST_CALLS)
        return Budget(dollars=amount, plan=terms, **renewal)
    if renewal:
        raise InvalidArgument("--per needs a limit to renew: --calls N or --dollars X.")
    return Budget.unlimited(plan=terms)


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
    """Return the arguments of a budget that `--per` renews, none without `--per`."""
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
    # Imported here: most commands count in memory.
    from enphase_streaming.ledger.sqlite import SqliteLedger

    name = "default" if purse is None else purse
    return {"per": per, "name": name, "ledger": SqliteLedger(path)}


def site_and_file(arguments: Sequence[str]) -> tuple[str | None, Path]:
    """Return the site, if there is one, and the file of `[SYSTEM_ID] FILE`."""
    *sites, file = arguments
    if len(sites) > 1:
        raise InvalidArgument(f"Pass at most SYSTEM_ID and FILE, got {len(arguments)} arguments.")
    if not sites and file.isdigit():
        raise InvalidArgument(
            f"FILE is missing after SYSTEM_ID {file}; write ./{file} for a file of that name."
        )
    return (sites[0] if sites else None), Path(file)


def check_new_file(file: Path, *, overwrite: bool) -> None:
    """Check that a recording can be written to a file; one that exists only with `overwrite`."""
    # os.path answers for names and folders that the system refuses as well.
    exists = os.path.exists(file)
    if exists and not overwrite:
        raise InvalidArgument(f"{file} exists: choose another name, or pass --overwrite.")
    # The trailing slash requires a folder.
    if not os.access(file if exists else f"{file.parent}/", os.W_OK):
        raise InvalidArgument(f"{file} cannot be written: its folder is missing or read-only.")


@dataclass(frozen=True, kw_only=True)
class Access:
    """A site, and the arguments of a client for it.

    `host` is that of the API, `mock` the same if it is this machine: loopback URLs are treated as
    a mock, which costs nothing.
    """

    system_id: int
    host: str
    mock: str | None
    can_refresh: bool
    arguments: dict[str, Any] = field(repr=False)
    monotonic: Callable[[], float] = time.monotonic

    def client(self) -> StreamingClient:
        """Return a client for the site."""
        return StreamingClient(**self.arguments)


def find_access(
    environ: Mapping[str, str], system_id: str | None, clock_speed: str = "1"
) -> Access:
    """Return the site and the credentials to use; `system_id` is the argument, if there is one."""
    speed = number("--clock-speed", clock_speed, 1.0, _FASTEST)
    name, text = "SYSTEM_ID", system_id
    if system_id is None:
        name, text = "ENPHASE_SYSTEM_ID", environ.get("ENPHASE_SYSTEM_ID") or None
    found = 0 if text is None else site(name, text)
    arguments = client_arguments(environ, [name] if text is None else [])
    url = urlsplit(arguments["base_url"])
    mock = url.netloc if is_loopback(url.hostname or "") else None
    if speed != 1 and mock is None:
        raise InvalidArgument(
            f"--clock-speed is for a mock on this machine, and ENPHASE_BASE_URL is {url.netloc}."
        )
    clocks = {} if speed == 1 else _faster_clocks(speed)
    return Access(
        system_id=found,
        host=url.netloc,
        mock=mock,
        can_refresh=arguments["auth"].can_refresh,
        arguments=arguments | clocks,
        monotonic=clocks.get("monotonic", time.monotonic),
    )


def _faster_clocks(speed: float) -> dict[str, Any]:
    began, began_at = time.monotonic(), utc_now()

    def monotonic() -> float:
        return began + (time.monotonic() - began) * speed

    def now() -> datetime:
        return began_at + timedelta(seconds=monotonic() - began)

    return {"monotonic": monotonic, "now": now}
