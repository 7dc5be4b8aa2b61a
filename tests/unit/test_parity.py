"""The async client is the sync one, awaited: the same names, parameters and defaults."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from enphase_streaming import (
    AsyncReadingStream,
    AsyncStreamingClient,
    ReadingStream,
    StreamingClient,
)

PAIRS = [(StreamingClient, AsyncStreamingClient), (ReadingStream, AsyncReadingStream)]
AWAITED = {
    "close": "aclose",
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__next__": "__anext__",
}


def members(kind: type) -> dict[str, Any]:
    """What a class has, by itself and from what both kinds share."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__[:-1]):
        found |= vars(base)
    return found


def names(kind: type) -> set[str]:
    """What a class offers: its public names, and the methods behind `with` and `for`."""
    return {
        name
        for name in members(kind)
        if not name.startswith("_") or name in {*AWAITED, *AWAITED.values()}
    }


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_both_offer_the_same_names(plain: type, awaited: type) -> None:
    assert {AWAITED.get(name, name) for name in names(plain)} == names(awaited)


def parameters(kind: type, name: str) -> list[tuple[str, Any, Any]]:
    found = members(kind)[name]
    if isinstance(found, property):
        found = found.fget
    return [
        (parameter.name, parameter.kind, parameter.default)
        for parameter in inspect.signature(found).parameters.values()
    ]


@pytest.mark.parametrize(
    ("plain", "awaited", "name"),
    [(*pair, name) for pair in PAIRS for name in sorted(names(pair[0]))],
)
def test_both_take_the_same_parameters_with_the_same_defaults(
    plain: type, awaited: type, name: str
) -> None:
    assert parameters(plain, name) == parameters(awaited, AWAITED.get(name, name))


def test_both_clients_are_made_with_the_same_arguments() -> None:
    # A stream is made by its client, so that how it is made is nobody's business.
    plain, awaited = (parameters(kind, "__init__") for kind in PAIRS[0])
    assert plain == awaited
    assert len(plain) > 10


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_what_is_an_attribute_of_one_is_an_attribute_of_the_other(
    plain: type, awaited: type
) -> None:
    def attributes(kind: type) -> set[str]:
        return {name for name, value in members(kind).items() if isinstance(value, property)}

    assert attributes(plain) == attributes(awaited)


def test_the_names_settled_for_users_are_there() -> None:
    assert names(StreamingClient) >= {"live_data", "snapshot", "watch", "close"}
    assert names(ReadingStream) >= {"end", "record", "close"}
    assert [name for name, *_ in parameters(StreamingClient, "live_data")][:3] == [
        "self",
        "system_id",
        "duration",
    ]
