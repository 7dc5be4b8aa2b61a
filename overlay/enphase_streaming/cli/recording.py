"""`record`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from enphase_streaming.cli import given
from enphase_streaming.cli.access import find_access
from enphase_streaming.cli.cost import agree, many_streams
from enphase_streaming.cli.exits import leaving, say
from enphase_streaming.cli.follow import Output, follow
from enphase_streaming.cli.parameters import (
    WINDOW,
    Calls,
    ClockSpeed,
    Dollars,
    Duration,
    PlanName,
    Unlimited,
    Yes,
)
from enphase_streaming.cli.progress import Progress, size
from enphase_streaming.cli.view import LiveView, terminal
from enphase_streaming.errors import InvalidArgument


def record(
    system_id: Annotated[str, typer.Argument(metavar="SYSTEM_ID", help="The number of the site.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; a new file.")],
    calls: Calls = None,
    dollars: Dollars = None,
    unlimited: Unlimited = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if there is one.")
    ] = False,
    plan: PlanName = None,
    duration: Duration = None,
    yes: Yes = False,
    clock_speed: ClockSpeed = "1",
) -> None:
    """Record a site's streams to a file.

    Every byte and when it came, with what names the site masked.
    """
    with leaving():
        seconds = WINDOW if duration is None else given.duration(duration)
        terms = None if plan is None else given.plan(plan, streams=True)
        limit = given.limit(calls, dollars, unlimited=unlimited, terms=terms)
        if file.exists() and not overwrite:
            raise InvalidArgument(f"{file} exists; choose another name, or give --overwrite.")
        # Before anybody agrees to a cost. The slash asks for a folder.
        if not os.access(file if file.exists() else f"{file.parent}/", os.W_OK):
            raise InvalidArgument(f"{file} cannot be written: no such folder, or not yours.")
        access = find_access(os.environ, system_id, clock_speed)
        spending = many_streams(limit, duration=seconds, mock=access.mock)
        with access.client() as client:
            agree(spending, yes=yes)
            stream = client.watch(
                access.system_id,
                budget=spending.budget,
                duration=seconds,
                on_gap=lambda *gap: output.gap(*gap),
            ).record(file, overwrite=overwrite)
            recording = stream.recording
            assert recording is not None

            def check() -> None:
                if recording.error is not None:
                    raise recording.error

            console = terminal()
            output: Output
            if console is None:
                output = Progress(
                    lambda: f"{size(recording.bytes)}, {spending.so_far}", access.monotonic
                )
            else:
                output = LiveView(
                    console,
                    access,
                    spending,
                    duration=seconds,
                    beside=lambda: f"{size(recording.bytes)} in {file.name}",
                )
            code = follow(stream, output, spending, check)
        say(f"{size(recording.bytes)} in {file}.")
        raise typer.Exit(code)
