"""What a user gave, checked: each refusal names the option and shows the value."""

from __future__ import annotations

from typing import TypeVar

from enphase_streaming.core.arguments import MAXIMUM_DURATION as MAXIMUM
from enphase_streaming.core.arguments import MINIMUM_DURATION as MINIMUM
from enphase_streaming.core.arguments import shown
from enphase_streaming.core.budget import STREAM_PRICE, Budget, Plan
from enphase_streaming.errors import InvalidArgument

_MOST_CALLS = 1_000_000
_LONGEST_SITE = 10

_KINDS = {int: "a whole number", float: "a number"}

Number = TypeVar("Number", int, float)


def number(name: str, text: str, least: Number, most: Number) -> Number:
    """Return a number, a whole one if `least` is. Raises `InvalidArgument` outside the range."""
    value: Number | None
    try:
        value = type(least)(text)
    except ValueError:
        value = None
    # NaN is within nothing.
    if value is None or not least <= value <= most:
        raise InvalidArgument(
            f"{name} is {shown(text)}; give {_KINDS[type(least)]} from {least:,.10g} to "
            f"{most:,.10g}."
        )
    return value


def duration(text: str) -> int:
    """Return the seconds of a stream. Raises `InvalidArgument`."""
    return number("--duration", text, MINIMUM, MAXIMUM)


def site(name: str, text: str) -> int:
    """Return the number of a site. Raises `InvalidArgument`."""
    if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) < 2**63:
        return int(text)
    # A longer one may be a credential that was put into the wrong place.
    given = f"is {shown(text)}" if len(text) <= _LONGEST_SITE else "is no number of a site"
    raise InvalidArgument(f"{name} {given}; give the number of the site, such as 1765.")


def plan(text: str, *, streams: bool = False) -> Plan:
    """Return the plan of that name, however it is written; with `streams`, one that can stream.

    Raises `InvalidArgument`.
    """
    choices = {plan.name: plan for plan in Plan if plan.value.streams or not streams}
    if found := choices.get(text.upper()):
        return found
    names = ", ".join(name.lower() for name in choices)
    which = "the plans that can stream" if streams else "the plans"
    raise InvalidArgument(f"--plan is {shown(text)}; {which} are {names}.")


def limit(calls: str | None, dollars: str | None, *, unlimited: bool, terms: Plan | None) -> Budget:
    """Return the budget that was given. Raises `InvalidArgument` unless exactly one was."""
    if (calls is not None) + (dollars is not None) + unlimited != 1:
        raise InvalidArgument(
            "Say how much may be spent, in one way: --calls N, --dollars X or --unlimited."
        )
    if calls is not None:
        return Budget(calls=number("--calls", calls, 1, _MOST_CALLS), plan=terms)
    if dollars is not None:
        price = float(STREAM_PRICE)
        amount = number("--dollars", dollars, price, price * _MOST_CALLS)
        return Budget(dollars=amount, plan=terms)
    return Budget.unlimited(plan=terms)
