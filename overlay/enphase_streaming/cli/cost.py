"""What a command will cost, said before it is spent."""

from __future__ import annotations

import sys
from decimal import Decimal

from enphase_streaming.cli.exits import say
from enphase_streaming.errors import InvalidArgument

PRICE = Decimal("0.10")
"""Dollars for a call that opens a stream: the same on every plan that has streaming."""


def cost(calls: int, *, free: bool) -> str:
    """Return a number of calls and their price; those of a mock are free."""
    count = "1 call" if calls == 1 else f"{calls} calls"
    return f"{count}, {'free' if free else f'${PRICE * calls:.2f}'}"


def agree(what: str, *, mock: str | None, yes: bool) -> None:
    """Say what `what` costs, and ask. `mock` is the host of a mock, which costs nothing.

    Raises `InvalidArgument` unless the answer is yes, or `yes` gave it beforehand.
    """
    if mock is not None:
        say(f"This opens {what} of the mock at {mock}, which costs nothing.")
        return
    price = f"This opens {what} of the real API: {cost(1, free=False)}."
    if yes:
        say(price)
        return
    if not sys.stdin.isatty():
        raise InvalidArgument(f"{price} Nobody is here to agree to that; give --yes to do so")
    print(f"{price} Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        say("")
        raise
    if not answer.endswith("\n"):
        say("")
    if answer.strip().lower() not in ("y", "yes"):
        raise InvalidArgument("Nothing was opened, and nothing was spent")
