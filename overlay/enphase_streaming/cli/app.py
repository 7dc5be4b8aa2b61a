"""The command and its parts."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from enphase_streaming.cli import given, plans
from enphase_streaming.cli.exits import EXPLAINED, Exit, leaving, say
from enphase_streaming.cli.login import login as log_in
from enphase_streaming.cli.parameters import AsJson
from enphase_streaming.cli.recording import record
from enphase_streaming.cli.watching import snapshot, watch
from enphase_streaming.core.budget import Plan
from enphase_streaming.version import __version__

_READER_HAS_GONE = 1
"""What typer and rich leave with then, in place of the error. No command does."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    # Plain help, as other programs have it. Rich's gives a flag the type of a value.
    rich_markup_mode=None,
    # Rich's tracebacks show the values of variables, and a credential can be among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXPLAINED,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"enphase-streaming {__version__}")
        raise typer.Exit


@app.callback()
def enphase_streaming(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
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
    sites: Annotated[str, typer.Option(metavar="N", help="How many sites to watch.")] = "1",
    as_json_: AsJson = False,
) -> None:
    """Show what each plan gives, and its price.

    For a number of sites: how long it can watch them in a month. This asks nobody and spends
    nothing.
    """
    with leaving():
        chosen = Plan if plan is None else [given.plan(plan)]
        found = plans.offers(chosen, given.number("--sites", sites, 1, plans.MOST_SITES))
        if as_json_:
            print(plans.as_json(found))
        else:
            console = Console(highlight=False)
            console.print(plans.as_table(found, console.width))


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
    # Python has None for what was closed by who started it, and what is said would go to stdout.
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    if sys.stderr is None:
        sys.stderr = io.StringIO()
    if sys.stdout is None:
        say("enphase-streaming: stdout is closed; give it a file, or /dev/null.")
        return Exit.STREAM_FAILED
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign gets a question mark, and not an end to its readings.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # Asked to end from outside, it takes the way out of Ctrl-C.
    asked_to_end = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with leaving():
            app(args=None if arguments is None else list(arguments), prog_name="enphase-streaming")
    except SystemExit as stop:  # typer leaves that way
        if stop.code == _READER_HAS_GONE:
            return Exit.PLANNED
        return stop.code if isinstance(stop.code, int) else Exit.BAD_INPUT
    finally:
        signal.signal(signal.SIGTERM, asked_to_end)
    return Exit.PLANNED
