"""The commands."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from enphase_streaming.cli.access import Access, find_access
from enphase_streaming.cli.cost import agree, cost
from enphase_streaming.cli.exits import EXPLAINED, leaving
from enphase_streaming.cli.follow import Output, follow
from enphase_streaming.cli.frame import snapshot_table
from enphase_streaming.cli.lines import Lines, as_json, plain
from enphase_streaming.cli.view import LiveView
from enphase_streaming.duration import DEFAULT
from enphase_streaming.errors import InvalidArgument

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    # Rich's tracebacks show the values of variables, and a credential can be among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXPLAINED,
)

SystemId = Annotated[
    str | None,
    typer.Argument(
        metavar="SYSTEM_ID",
        envvar="ENPHASE_SYSTEM_ID",
        help="The number of the site.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, one object a line.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree to the cost without being asked.")]
ClockSpeed = Annotated[
    float,
    typer.Option(
        metavar="N",
        help="Let time pass N times faster, as a mock does that was started with --speed N.",
    ),
]


@app.callback()
def enphase_streaming() -> None:
    """Live power of a solar site, from the Enphase Streaming API.

    The API key and the owner's access token are read from ENPHASE_API_KEY and
    ENPHASE_ACCESS_TOKEN. ENPHASE_BASE_URL points to another place, such as a mock.
    Each call that opens a stream costs $0.10, and you are asked first.
    """


@app.command(epilog=EXPLAINED)
def watch(
    system_id: SystemId = None,
    once: Annotated[bool, typer.Option("--once", help="Open one stream, and end with it.")] = False,
    duration: Annotated[
        int | None,
        typer.Option(metavar="SECONDS", help=f"30 to 300; {DEFAULT} if left out."),
    ] = None,
    as_json_: AsJson = False,
    yes: Yes = False,
    clock_speed: ClockSpeed = 1.0,
) -> None:
    """Watch a site live. Where there is no terminal, print a line for each reading."""
    with leaving():
        if not once:
            raise InvalidArgument("watch opens one stream and ends with it; say so with --once.")
        access = find_access(os.environ, system_id, clock_speed)
        with access.client() as client:
            stream = client.live_data(access.system_id, duration)
            agree("one stream", mock=access.mock, yes=yes)
            spent = cost(1, free=access.mock is not None)
            output = _output(access, duration or DEFAULT, spent, as_json_=as_json_)
            code = follow(stream, output, spent)
        raise typer.Exit(code)


@app.command(epilog=EXPLAINED)
def snapshot(
    system_id: SystemId = None,
    as_json_: AsJson = False,
    yes: Yes = False,
) -> None:
    """Print the first reading of a site. It costs as much as a whole stream."""
    with leaving():
        access = find_access(os.environ, system_id)
        with access.client() as client:
            agree("one stream", mock=access.mock, yes=yes)
            with Console(stderr=True).status("Waiting for the first reading"):
                reading = client.snapshot(access.system_id)
        if as_json_:
            print(as_json(reading), flush=True)
        else:
            Console(highlight=False).print(snapshot_table(reading))


def _output(access: Access, duration: int, spent: str, *, as_json_: bool) -> Output:
    if as_json_:
        return Lines(as_json)
    console = Console(highlight=False)
    # Rich alone would take FORCE_COLOR for a terminal.
    if not (console.file.isatty() and console.is_interactive):
        return Lines(plain)
    return LiveView(
        console,
        system_id=access.system_id,
        host=access.host,
        duration=duration,
        cost=spent,
        monotonic=access.monotonic,
    )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    # Python prints warnings of a library that nobody listens to, across the view if need be; how
    # many events were malformed is in the last line.
    logging.getLogger("enphase_streaming").addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign gets a question mark, and not an end to its readings.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="enphase-streaming")
    except SystemExit as stop:  # typer leaves that way
        return stop.code if isinstance(stop.code, int) else 2
    return 0
