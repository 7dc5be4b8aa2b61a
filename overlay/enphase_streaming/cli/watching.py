"""`watch` and `snapshot`."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console

from enphase_streaming.cli.access import Access, find_access
from enphase_streaming.cli.cost import Spending, agree, many_streams, one_stream
from enphase_streaming.cli.exits import leaving
from enphase_streaming.cli.follow import Output, follow
from enphase_streaming.cli.frame import snapshot_table
from enphase_streaming.cli.lines import Lines, as_json, plain
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
from enphase_streaming.duration import DEFAULT, whole_seconds
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
    clock_speed: ClockSpeed = 1.0,
) -> None:
    """Watch a site live, stream after stream. Without a terminal, print a line for each reading."""
    with leaving():
        if once and (calls is not None or dollars is not None or unlimited):
            raise InvalidArgument("--once is a limit already; leave the other one out.")
        access = find_access(os.environ, system_id, clock_speed)
        seconds = whole_seconds(duration) or (DEFAULT if once else WINDOW)
        if once:
            spending = one_stream(can_refresh=access.auth.can_refresh, mock=access.mock)
        else:
            spending = many_streams(
                calls=calls,
                dollars=dollars,
                unlimited=unlimited,
                plan=plan,
                duration=seconds,
                mock=access.mock,
            )
        with access.client() as client:
            agree(spending, yes=yes)
            output = _output(access, spending, seconds, as_json_=as_json_)
            if once:
                stream = client.live_data(access.system_id, duration, spending.budget)
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
            print(as_json(reading), flush=True)
        else:
            Console(highlight=False).print(snapshot_table(reading))


def _output(access: Access, spending: Spending, duration: int, *, as_json_: bool) -> Output:
    if as_json_:
        return Lines(as_json)
    console = terminal()
    if console is None:
        return Lines(plain)
    return LiveView(console, access, spending, duration=duration)
