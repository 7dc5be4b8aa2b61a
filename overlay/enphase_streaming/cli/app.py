"""The commands and their options.

Imports inside functions keep `--help` fast: the client loads httpx.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer import Argument, Option

from enphase_streaming.cli.exit_codes import EXIT_CODES, exiting, say, working
from enphase_streaming.cli.export import export, plot
from enphase_streaming.cli.formatting import PlainLines, as_json_line
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.version import __version__

_SITE = "The number of the site; default: ENPHASE_SYSTEM_ID."
Text = str | None
"""Numbers too are taken as text: the checks of `options` have better messages than typer's."""
SystemId = Annotated[Text, Argument(metavar="SYSTEM_ID", help=_SITE)]
SystemIdAndFile = Annotated[
    list[str], Argument(metavar="[SYSTEM_ID] FILE", help=f"{_SITE} Then the file to write.")
]
Calls = Annotated[Text, Option(metavar="N", help="Open at most N streams in a row.")]
Dollars = Annotated[Text, Option(metavar="X", help="Spend at most X dollars, at $0.10 a call.")]
Unlimited = Annotated[bool, Option("--unlimited", help="Spend without a limit.")]
Once = Annotated[bool, Option("--once", help="Open one stream only, by default of 30 s.")]
Per = Annotated[
    Text, Option(metavar="PERIOD", help="Renew the limit each hour, day or month (UTC).")
]
CountIn = Annotated[
    Text, Option(metavar="FILE", help="Count for --per in FILE; default: ENPHASE_LEDGER.")
]
Purse = Annotated[
    Text, Option(metavar="NAME", help="Count for --per apart from the calls of other purses.")
]
PlanToKeep = Annotated[
    Text, Option(metavar="NAME", help="Keep to the calls a minute of this plan.")
]
Duration = Annotated[
    Text, Option(metavar="SECONDS", help="Duration of each stream; default: the longest.")
]
AsJson = Annotated[bool, Option("--json", help="Print JSON, one object a line.")]
AsCsv = Annotated[bool, Option("--csv", help="Print CSV, one row a reading.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace the file if it exists.")]
Yes = Annotated[bool, Option("--yes", help="Confirm the cost without being asked.")]
ClockSpeed = Annotated[
    str, Option(metavar="N", help="Run the clock N times faster, for a mock's --speed N.")
]
PlanToShow = Annotated[Text, Option(metavar="NAME", help="Only this plan: kilowatt, megawatt, …")]
Sites = Annotated[str, Option(metavar="N", help="How many sites to watch.")]
LedgerToRead = Annotated[
    Text, Option(metavar="FILE", help="The ledger to read; default: ENPHASE_LEDGER.")
]
PlanToCompare = Annotated[
    Text, Option(metavar="NAME", help="Warn if the month exceeds the calls of this plan.")
]
RedirectUri = Annotated[
    Text, Option(metavar="URI", help="The application's redirect URI; asked for by default.")
]
Password = Annotated[
    bool, Option("--password", help="Use the owner's password (partner applications only).")
]

app: typer.Typer = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    # Rich's help shows flags as if they took a value.
    rich_markup_mode=None,
    # Rich's tracebacks show the values of variables, which may be credentials.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


def _command(run: Callable[..., None]) -> Callable[..., None]:
    """Add a command, which exits with the code of what ended it."""
    return app.command(epilog=EXIT_CODES)(exiting()(run))


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"enphase-streaming {__version__}")
        raise typer.Exit


@app.callback()
def enphase_streaming(
    version: Annotated[
        bool,
        Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Live power of a solar site, from the Enphase Streaming API.

    Set ENPHASE_API_KEY to the application's key. The access token is read from
    ENPHASE_ACCESS_TOKEN, or else from the tokens that `login` stores; renewing
    these takes ENPHASE_CLIENT_ID and ENPHASE_CLIENT_SECRET. ENPHASE_TOKEN_FILE
    moves the stored tokens, and ENPHASE_BASE_URL selects another API, such as
    a mock.

    Each call that opens a stream costs $0.10; you are asked to confirm it.
    """


# Long, as is `record`: typer makes an option of each parameter.
@_command
def watch(
    system_id: SystemId = None,
    calls: Calls = None,
    dollars: Dollars = None,
    unlimited: Unlimited = False,
    once: Once = False,
    per: Per = None,
    ledger: CountIn = None,
    purse: Purse = None,
    plan: PlanToKeep = None,
    duration: Duration = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    yes: Yes = False,
    clock_speed: ClockSpeed = "1",
) -> None:
    """Watch a site live, stream after stream. Without a terminal, print a line for each reading."""
    from enphase_streaming.cli import cost, options, output
    from enphase_streaming.cli.live_view import live_view
    from enphase_streaming.cli.tables import csv_writer
    from enphase_streaming.core.arguments import DEFAULT_DURATION, MAXIMUM_DURATION

    if as_json and as_csv:
        raise InvalidArgument("--json cannot be combined with --csv.")
    limited = calls is not None or dollars is not None or unlimited
    if once and limited and per is None:
        raise InvalidArgument(
            "--once cannot be combined with --calls, --dollars, --unlimited, unless --per "
            "renews the limit."
        )
    seconds = options.duration(duration, DEFAULT_DURATION if once else MAXIMUM_DURATION)
    renewal = options.renewal(os.environ, per, ledger, purse)
    limit = None
    if not once or renewal:
        limit = options.limit(calls, dollars, unlimited=unlimited, plan_name=plan, **renewal)
    terms = None if plan is None else options.plan(plan, streams=True)
    access = options.find_access(os.environ, system_id, clock_speed)
    if once or limit is None:
        spending = cost.one_stream(access.can_refresh, access.mock, terms, limit)
    else:
        spending = cost.many_streams(limit, seconds, access.mock)
    with access.client() as client:
        cost.confirm(spending, yes=yes)
        view = None if as_json or as_csv else live_view(access, spending, seconds)
        if as_csv:
            lines = output.Lines(csv_writer(sys.stdout))
        else:
            lines = output.Lines(as_json_line if as_json else PlainLines())
        shown = view or lines
        if once:
            asked = None if duration is None else seconds
            stream = client.live_data(access.system_id, asked, spending.budget)
        else:
            stream = output.watch(client, access, spending, seconds, shown)
        code = output.follow(stream, shown, spending)
    raise typer.Exit(code)


@_command
def snapshot(
    system_id: SystemId = None,
    calls: Calls = None,
    dollars: Dollars = None,
    per: Per = None,
    ledger: CountIn = None,
    purse: Purse = None,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Print the first reading of a site. It costs as much as a whole stream."""
    from enphase_streaming.cli import cost, options

    renewal = options.renewal(os.environ, per, ledger, purse)
    limit = None
    if renewal:
        limit = options.limit(calls, dollars, **renewal)
    elif calls is not None or dollars is not None:
        raise InvalidArgument("--calls and --dollars need --per: a snapshot is one call.")
    access = options.find_access(os.environ, system_id)
    spending = cost.one_stream(access.can_refresh, access.mock, budget=limit)
    with access.client() as client:
        cost.confirm(spending, yes=yes)
        with working("Waiting for the first reading"):
            reading = client.snapshot(access.system_id, spending.budget)
    print(as_json_line(reading) if as_json else PlainLines()(reading))


@_command
def record(
    arguments: SystemIdAndFile,
    calls: Calls = None,
    dollars: Dollars = None,
    unlimited: Unlimited = False,
    overwrite: Overwrite = False,
    per: Per = None,
    ledger: CountIn = None,
    purse: Purse = None,
    plan: PlanToKeep = None,
    duration: Duration = None,
    yes: Yes = False,
    clock_speed: ClockSpeed = "1",
) -> None:
    """Record a site's streams to a file.

    The file holds each byte with its arrival time; values that identify the site are redacted.
    """
    from rich.filesize import decimal

    from enphase_streaming.cli import cost, options, output
    from enphase_streaming.cli.live_view import live_view

    def size() -> str:
        return decimal(file.stat().st_size if file.exists() else 0)

    system_id, file = options.site_and_file(arguments)
    seconds = options.duration(duration)
    renewal = options.renewal(os.environ, per, ledger, purse)
    limit = options.limit(calls, dollars, unlimited=unlimited, plan_name=plan, **renewal)
    # Before the cost is confirmed.
    options.check_new_file(file, overwrite=overwrite)
    access = options.find_access(os.environ, system_id, clock_speed)
    spending = cost.many_streams(limit, seconds, access.mock)
    with access.client() as client:
        cost.confirm(spending, yes=yes)
        view = live_view(access, spending, seconds, lambda: f"{size()} in {file.name}")
        progress = output.progress(lambda: f"{size()}, {spending.spent}", access.monotonic)
        shown = view or progress
        stream = output.watch(client, access, spending, seconds, shown)
        code = output.follow(stream.record(file, overwrite=overwrite), shown, spending)
    say(f"{size()} in {file}.")
    raise typer.Exit(code)


@_command
def budget(plan: PlanToShow = None, sites: Sites = "1", as_json: AsJson = False) -> None:
    """Show for how long each plan can watch a number of sites, and its price. Free of charge."""
    from enphase_streaming.cli import options, reports
    from enphase_streaming.core.plans import Plan

    plans = Plan if plan is None else [options.plan(plan)]
    offers = reports.offers(plans, options.number("--sites", sites, 1, reports.MOST_SITES))
    rows = [offer._asdict() for offer in offers]
    reports.show(rows, reports.offer_table(offers), as_json=as_json)


@_command
def spent(ledger: LedgerToRead = None, plan: PlanToCompare = None, as_json: AsJson = False) -> None:
    """Show what was spent with --per, today and this month (UTC). Free of charge."""
    from enphase_streaming.cli import options, reports
    from enphase_streaming.client import utc_now

    terms = None if plan is None else options.plan(plan, streams=True)
    now = utc_now()
    attempts = reports.attempts(os.environ, ledger, now)
    rows = reports.report(attempts, now)
    reports.show(rows, reports.report_table(rows, now), as_json=as_json)
    if terms is not None:
        reports.warn_of_pace(len(attempts), terms, now)


@_command
def login(redirect_uri: RedirectUri = None, password: Password = False) -> None:
    """Log in as a site's owner, and store the tokens. Free of charge.

    The application's client ID and secret are read from ENPHASE_CLIENT_ID and
    ENPHASE_CLIENT_SECRET, or asked for.
    """
    from enphase_streaming.cli.login import login

    login(os.environ, redirect_uri, password=password)


_command(export)
_command(plot)
