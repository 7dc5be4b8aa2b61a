"""`watch` and `snapshot`."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console

from enphase_streaming.cli import given
from enphase_streaming.cli.access import Access, find_access
from enphase_streaming.cli.cost import Spending, agree, many_streams, one_stream
from enphase_streaming.cli.exits import leaving
from enphase_streaming.cli.follow import Output, follow
from enphase_streaming.cli.frame import snapshot_table
from enphase_streaming.cli.lines import Lines, Plain, as_json
from enphase_streaming.cli.parameters import (
    WINDOW,
    AsJson,
    Calls,
    ClockSpeed,
    Dollars,
    Duration,
    PlanName,
    SystemId,
    Unlimited,
    Yes,
)
from enphase_streaming.cli.view import LiveView, terminal
from enphase_streaming.core.arguments import DEFAULT_DURATION as DEFAULT
from enphase_streaming.errors import InvalidArgument


def watch(
    system_id: SystemId = None,
    calls: Calls = None,
    dollars: Dollars = None,
    unlimited: Unlimited = False,
    once: Annotated[
        bool, typer.Option("--once", help="Open one stream, of 30 s if not said, and end with it.")
    ] = False,
    plan: PlanName = None,
    duration: Duration = None,
    as_json_: AsJson = False,
    yes: Yes = False,
    clock_speed: ClockSpeed = "1",
) -> None:
    """Watch a site live, stream after stream. Without a terminal, print a line for each reading."""
    with leaving():
        if once and (calls is not None or dollars is not None or unlimited):
            raise InvalidArgument("--once is a limit already; leave the other one out.")
        asked = None if duration is None else given.duration(duration)
        seconds = asked or (DEFAULT if once else WINDOW)
        terms = None if plan is None else given.plan(plan, streams=True)
        limit = None if once else given.limit(calls, dollars, unlimited=unlimited, terms=terms)
        access = find_access(os.environ, system_id, clock_speed)
        if limit is None:
            can_refresh = access.auth.can_refresh
            spending = one_stream(can_refresh=can_refresh, mock=access.mock, plan=terms)
        else:
            spending = many_streams(limit, duration=seconds, mock=access.mock)
        with access.client() as client:
            agree(spending, yes=yes)
            output = _output(access, spending, seconds, as_json_=as_json_)
            if once:
                stream = client.live_data(access.system_id, asked, spending.budget)
            else:
                stream = client.watch(
                    access.system_id, budget=spending.budget, duration=seconds, on_gap=output.gap
                )
            code = follow(stream, output, spending)
        raise typer.Exit(code)


def snapshot(
    system_id: SystemId = None,
    as_json_: AsJson = False,
    yes: Yes = False,
) -> None:
    """Print the first reading of a site. It costs as much as a whole stream."""
    with leaving():
        access = find_access(os.environ, system_id)
        spending = one_stream(can_refresh=access.auth.can_refresh, mock=access.mock)
        with access.client() as client:
            agree(spending, yes=yes)
            with Console(stderr=True).status("Waiting for the first reading"):
                reading = client.snapshot(access.system_id, spending.budget)
        if as_json_:
            print(as_json(reading))
        else:
            Console(highlight=False).print(snapshot_table(reading))


def _output(access: Access, spending: Spending, duration: int, *, as_json_: bool) -> Output:
    if as_json_:
        return Lines(as_json)
    console = terminal()
    if console is None:
        return Lines(Plain())
    return LiveView(console, access, spending, duration=duration)
