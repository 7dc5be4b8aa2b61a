"""The parameters that commands share.

Numbers are taken as text: `given.py` says better than typer what is wrong with one.
"""

from __future__ import annotations

from typing import Annotated

import typer

WINDOW = 300
"""The duration of a watch's streams, in seconds, if none is given."""

SystemId = Annotated[
    str | None,
    typer.Argument(
        metavar="SYSTEM_ID",
        help="The number of the site; that of ENPHASE_SYSTEM_ID if left out.",
        show_default=False,
    ),
]
Calls = Annotated[
    str | None, typer.Option(metavar="N", help="Open N streams at most, one after another.")
]
Dollars = Annotated[
    str | None, typer.Option(metavar="X", help="Spend X dollars at most, at $0.10 a call.")
]
Unlimited = Annotated[bool, typer.Option("--unlimited", help="Spend without a limit.")]
PlanName = Annotated[
    str | None,
    typer.Option(
        "--plan", metavar="NAME", help="Keep to this plan's calls a minute: kilowatt, megawatt, …"
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(metavar="SECONDS", help="30 to 300 for each stream; 300 if left out."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, one object a line.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree to the cost without being asked.")]
ClockSpeed = Annotated[
    str,
    typer.Option(
        metavar="N",
        help="Let time pass N times faster, as a mock does that was started with --speed N.",
    ),
]
