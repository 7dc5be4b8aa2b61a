"""The command and its parts."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from enphase_streaming.cli import plans
from enphase_streaming.cli.cost import plan_named
from enphase_streaming.cli.exits import EXPLAINED, leaving
from enphase_streaming.cli.login import login as log_in
from enphase_streaming.cli.parameters import AsJson
from enphase_streaming.cli.recording import record
from enphase_streaming.cli.watching import snapshot, watch
from enphase_streaming.plans import Plan

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    # Rich's tracebacks show the values of variables, and a credential can be among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXPLAINED,
)


@app.callback()
def enphase_streaming() -> None:
    """Live power of a solar site, from the Enphase Streaming API.

    ENPHASE_API_KEY holds the application's key. The owner's access token is in
    ENPHASE_ACCESS_TOKEN, else in the token store that `login` fills; to renew
    that one takes ENPHASE_CLIENT_ID and ENPHASE_CLIENT_SECRET.
    ENPHASE_TOKEN_FILE moves the store, ENPHASE_BASE_URL points to a mock.

    Each call that opens a stream costs $0.10, and you are asked first.
    """


for command in (watch, snapshot, record):
    app.command(epilog=EXPLAINED)(command)


@app.command(epilog=EXPLAINED)
def budget(
    plan: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this plan: kilowatt, megawatt, …")
    ] = None,
    sites: Annotated[int, typer.Option(metavar="N", help="How many sites to watch.")] = 1,
    as_json_: AsJson = False,
) -> None:
    """Show how long each plan can watch a number of sites in a month, and its price.

    This asks nobody and spends nothing.
    """
    with leaving():
        found = plans.offers([plan_named(plan)] if plan else Plan, sites)
        if as_json_:
            print(plans.as_json(found), flush=True)
        else:
            Console(highlight=False).print(plans.as_table(found))


@app.command(epilog=EXPLAINED)
def login(
    redirect_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="The redirect URI of your application; asked for if left out."
        ),
    ] = None,
    password: Annotated[
        bool,
        typer.Option("--password", help="Log in with the owner's password (partner applications)."),
    ] = False,
) -> None:
    """Log a site's owner in, and store the tokens. It opens no stream and spends nothing.

    The application's client ID and secret are read from ENPHASE_CLIENT_ID and
    ENPHASE_CLIENT_SECRET, or asked for.
    """
    with leaving():
        log_in(os.environ, redirect_uri, password=password)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign gets a question mark, and not an end to its readings.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="enphase-streaming")
    except SystemExit as stop:  # typer leaves that way
        return stop.code if isinstance(stop.code, int) else 2
    return 0
