"""Both clients: the same interface, and arguments that are refused before anything is sent."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import httpx
import pytest

from callers import CREDENTIALS
from enphase_streaming import (
    AsyncReadingStream,
    AsyncStreamingClient,
    Budget,
    InvalidArgument,
    InvalidDuration,
    ReadingStream,
    StaticAuth,
    StreamingClient,
)
from enphase_streaming.core.arguments import MAXIMUM_DURATION, MINIMUM_DURATION
from enphase_streaming.core.options import BASE_URL

# One interface

PAIRS = [(StreamingClient, AsyncStreamingClient), (ReadingStream, AsyncReadingStream)]
AWAITED = {
    "close": "aclose",
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__next__": "__anext__",
}


def members(kind: type) -> dict[str, Any]:
    """Return the members of a class, inherited ones included."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__[:-1]):
        found |= vars(base)
    return found


def names(kind: type) -> set[str]:
    """Return the public names of a class, and the methods behind `with` and `for`."""
    return {
        name
        for name in members(kind)
        if not name.startswith("_") or name in {*AWAITED, *AWAITED.values()}
    }


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_both_have_the_same_names(plain: type, awaited: type) -> None:
    assert {AWAITED.get(name, name) for name in names(plain)} == names(awaited)


def parameters(kind: type, name: str) -> list[tuple[str, Any, Any]]:
    found = members(kind)[name]
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, classmethod):
        found = found.__func__
    return [
        (parameter.name, parameter.kind, parameter.default)
        for parameter in inspect.signature(found).parameters.values()
    ]


@pytest.mark.parametrize(
    ("plain", "awaited", "name"),
    [(*pair, name) for pair in PAIRS for name in sorted(names(pair[0]))],
)
def test_both_have_the_same_parameters_and_defaults(plain: type, awaited: type, name: str) -> None:
    assert parameters(plain, name) == parameters(awaited, AWAITED.get(name, name))


def test_both_constructors_have_the_same_parameters() -> None:
    # Not those of streams: only clients make them.
    plain, awaited = (parameters(kind, "__init__") for kind in PAIRS[0])
    assert plain == awaited
    assert len(plain) > 10


@pytest.mark.parametrize(("plain", "awaited"), PAIRS)
def test_both_have_the_same_properties(plain: type, awaited: type) -> None:
    def attributes(kind: type) -> set[str]:
        return {name for name, value in members(kind).items() if isinstance(value, property)}

    assert attributes(plain) == attributes(awaited)


def test_the_settled_names_are_there() -> None:
    assert names(StreamingClient) >= {"live_data", "snapshot", "watch", "close"}
    assert names(ReadingStream) >= {"end", "record", "close"}
    settled = {
        "live_data": ["self", "system_id", "duration", "budget", "on_malformed"],
        "snapshot": ["self", "system_id", "budget"],
        "watch": [
            *("self", "system_id", "budget", "duration", "wait_for_next_period"),
            *("on_gap", "on_wait", "on_malformed"),
        ],
    }
    for method, expected in settled.items():
        assert [name for name, *_ in parameters(StreamingClient, method)] == expected


# Refused before anything is sent

Client = type[StreamingClient] | type[AsyncStreamingClient]
both_clients = pytest.mark.parametrize("client", [StreamingClient, AsyncStreamingClient])


def make(client: Client, **options: Any) -> StreamingClient | AsyncStreamingClient:
    """Return a client that fails the test if it sends."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise AssertionError("a request was sent")

    return client(**CREDENTIALS | {"transport": httpx.MockTransport(fail)} | options)


def refusal(client: Client, **options: Any) -> str:
    with pytest.raises(InvalidArgument) as raised:
        make(client, **options)
    return str(raised.value)


@both_clients
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"api_key": None},
            "api_key is missing. It is the API key of your application in Enphase's developer "
            "portal.",
        ),
        (
            {"api_key": "the key"},
            "api_key must be a str of printable ASCII without spaces or line breaks (the value is "
            "not shown). It is the API key of your application in Enphase's developer portal.",
        ),
        (
            {"access_token": None},
            "access_token is missing. It comes from the OAuth login of the site's owner and lives "
            "for a day; auth= takes a RefreshingAuth that renews it.",
        ),
        (
            {"access_token": "the token"},
            "access_token must be a str of printable ASCII without spaces or line breaks (the "
            "value is not shown). It comes from the OAuth login of the site's owner and lives for "
            "a day; auth= takes a RefreshingAuth that renews it.",
        ),
        ({"auth": StaticAuth("t")}, "Pass either access_token or auth, not both."),
        (
            {"access_token": None, "auth": "token"},
            "auth must be a RefreshingAuth, or an object with its methods, got 'token'.",
        ),
        (
            {"base_url": "http://mock:4010"},
            "base_url must be https, got 'http://mock:4010': plain http shows your key and token "
            "to the network. Loopback hosts may use http; for another test server pass "
            "insecure_http=True.",
        ),
        (
            {"token_url": 5},
            "token_url must be a URL such as https://api.enphaseenergy.com/api/v4, without spaces, "
            "credentials, query or fragment, got 5.",
        ),
        (
            {"first_reading_timeout": 0},
            "first_reading_timeout must be a number of seconds above 0, at most 86400, got 0.",
        ),
        (
            {"stall_timeout": "20"},
            "stall_timeout must be a number of seconds above 0, at most 86400, got '20'.",
        ),
        ({"max_event_bytes": 0}, "max_event_bytes must be a positive int, got 0."),
    ],
)
def test_a_bad_setting_is_refused(client: Client, options: dict[str, Any], message: str) -> None:
    assert refusal(client, **options) == message


@pytest.mark.parametrize(
    ("client", "transport", "message"),
    [
        (
            StreamingClient,
            httpx.AsyncHTTPTransport(),
            "transport must have the method handle_request(), as httpx's have, got a value of type "
            "AsyncHTTPTransport.",
        ),
        (
            StreamingClient,
            3,
            "transport must have the method handle_request(), as httpx's have, got 3.",
        ),
        (
            AsyncStreamingClient,
            httpx.HTTPTransport(),
            "transport must have the method handle_async_request(), as httpx's have, got a value "
            "of type HTTPTransport.",
        ),
    ],
)
def test_a_transport_of_the_wrong_kind_is_refused(
    client: Client, transport: Any, message: str
) -> None:
    assert refusal(client, transport=transport) == message


@both_clients
@pytest.mark.parametrize("name", ["base_url", "token_url"])
def test_insecure_http_accepts_plain_http_to_any_host(client: Client, name: str) -> None:
    assert "must be https" in refusal(client, **{name: "http://mock:4010"})
    make(client, **{name: "http://mock:4010"}, insecure_http=True)


def call(client: Client, method: str, *arguments: Any, **keywords: Any) -> None:
    """Call a method, and await what it returns."""
    asked = getattr(make(client), method)(*arguments, **keywords)
    if inspect.iscoroutine(asked):
        asyncio.run(asked)


def ask(client: Client, method: str, *arguments: Any, **keywords: Any) -> str:
    """Return the message with which a method refuses its arguments, without counting a call."""
    budget = Budget(calls=1)
    with pytest.raises(InvalidArgument) as raised:
        call(client, method, *arguments, **{"budget": budget} | keywords)
    assert budget.spent == 0
    return str(raised.value)


@both_clients
@pytest.mark.parametrize("method", ["live_data", "snapshot", "watch"])
def test_a_bad_system_id_is_refused(client: Client, method: str) -> None:
    assert ask(client, method, "12") == "system_id must be an int from 1 to 2**63 - 1, got '12'."


@both_clients
@pytest.mark.parametrize("method", ["live_data", "snapshot", "watch"])
def test_a_budget_of_another_type_is_refused(client: Client, method: str) -> None:
    assert ask(client, method, 1765, budget=12) == (
        "budget must be a Budget, such as Budget(calls=12), got 12."
    )


@both_clients
def test_watch_requires_a_budget(client: Client) -> None:
    assert ask(client, "watch", 1765, budget=None) == (
        "budget is required: every window costs money. Pass Budget(calls=…), Budget(dollars=…) or "
        "Budget.unlimited()."
    )


@both_clients
@pytest.mark.parametrize("method", ["live_data", "watch"])
@pytest.mark.parametrize(
    ("duration", "status_code"),
    [(MINIMUM_DURATION - 1, 461), (MAXIMUM_DURATION + 1, 462), ("60", 463)],
)
def test_a_bad_duration_is_refused(
    client: Client, method: str, duration: Any, status_code: int
) -> None:
    with pytest.raises(InvalidDuration, match="duration must be an int of") as raised:
        call(client, method, 1765, duration=duration, budget=Budget(calls=1))
    assert raised.value.status_code == status_code


@both_clients
@pytest.mark.parametrize("method", ["live_data", "watch"])
@pytest.mark.parametrize("on_malformed", [None, "", "ignore", 1, True, ["skip"]])
def test_a_bad_on_malformed_is_refused(client: Client, method: str, on_malformed: Any) -> None:
    assert ask(client, method, 1765, on_malformed=on_malformed).startswith(
        "on_malformed must be 'skip', 'raise' or a callable that takes a MalformedEvent, got "
    )


@both_clients
@pytest.mark.parametrize("name", ["on_gap", "on_wait"])
def test_a_callback_that_cannot_be_called_is_refused(client: Client, name: str) -> None:
    assert ask(client, "watch", 1765, **{name: "log"}) == (
        f"{name} must be a callable or None, got 'log'."
    )


@both_clients
def test_a_closed_client_makes_no_streams(client: Client) -> None:
    closed, budget = make(client), Budget(calls=3)
    if isinstance(closed, StreamingClient):
        closed.close()
    else:
        asyncio.run(closed.aclose())
    for method in (closed.live_data, closed.watch):
        with pytest.raises(InvalidArgument, match="This client is closed; make a new one"):
            method(1765, budget=budget)
    assert budget.spent == 0


# What is shown


@both_clients
def test_repr_holds_no_secret(client: Client) -> None:
    made = make(client)
    stream = made.live_data(1765)
    for text in (repr(made), str(made), repr(stream), str(stream)):
        assert "the-key" not in text
        assert "the-token" not in text
    assert repr(made) == f"{client.__name__}(base_url={BASE_URL!r})"
    assert repr(stream) == f"<{type(stream).__name__} of Site 1765: not begun>"
