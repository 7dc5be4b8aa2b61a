"""What is sent, what never is, and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pickle
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import httpx
import pytest

import enphase_streaming
from callers import CREDENTIALS, Caller
from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    EnphaseStreamingError,
    InvalidArgument,
    InvalidDuration,
    StreamingClient,
    errors,
)
from enphase_streaming.core.arguments import shown
from scripted import STREAM_HEAD, HandClock, Peer, scripted

BASE_URL = "http://127.0.0.1:9/api/v4"  # nothing listens there: a test's transport answers
Client = type[StreamingClient] | type[AsyncStreamingClient]
both_clients = pytest.mark.parametrize("client", [StreamingClient, AsyncStreamingClient])


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """One reading, and a clean close."""

    def __iter__(self) -> Iterator[bytes]:
        yield HandClock().event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield HandClock().event()


class Recorder(httpx.MockTransport):
    """Keeps every request, and answers each with one reading."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Stream())


def sent(caller: Caller, *arguments: Any, **options: Any) -> httpx.Request:
    """The one request of one stream."""
    recorder = Recorder()
    caller({"base_url": BASE_URL, "transport": recorder, **options}, *arguments)
    (request,) = recorder.requests
    return request


# What is sent


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Accept", "text/event-stream, application/json"),
        ("Authorization", "Bearer the-token"),
        ("key", "the-key"),
        ("Accept-Encoding", "identity"),
        ("Cache-Control", "no-cache"),
    ],
)
def test_a_request_carries_each_header_once(caller: Caller, header: str, value: str) -> None:
    assert sent(caller).headers.get_list(header) == [value]


def test_a_request_is_a_get_of_the_site_s_live_data_and_no_more(caller: Caller) -> None:
    request = sent(caller, 1765, 60)
    assert request.method == "GET"
    assert str(request.url) == BASE_URL + "/systems/1765/live_data"
    assert request.url.query == b""
    assert request.content == b""


def test_the_api_is_enphase_s_own_unless_another_is_given(caller: Caller) -> None:
    recorder = Recorder()
    caller({"transport": recorder})
    (request,) = recorder.requests
    assert str(request.url) == "https://api.enphaseenergy.com/api/v4/systems/1765/live_data"


def test_no_duration_is_sent_if_none_is_given(caller: Caller) -> None:
    assert "duration" not in sent(caller, 1765).headers
    assert "duration" not in sent(caller, 1765, None).headers


class Preset(int, Enum):
    MINUTE = 60


@pytest.mark.parametrize("duration", [60, timedelta(minutes=1), Preset.MINUTE])
def test_a_duration_is_sent_as_plain_digits(caller: Caller, duration: Any) -> None:
    assert sent(caller, 1765, duration).headers.get_list("duration") == ["60"]


@pytest.mark.parametrize("system_id", [1, 1765, 2**63 - 1])
def test_a_system_id_is_sent_as_plain_digits(caller: Caller, system_id: int) -> None:
    assert sent(caller, system_id).url.path == f"/api/v4/systems/{system_id}/live_data"


@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_a_trailing_slash_of_the_base_url_changes_nothing(caller: Caller, slashes: str) -> None:
    url = sent(caller, base_url=BASE_URL + slashes).url
    assert str(url) == BASE_URL + "/systems/1765/live_data"


def test_on_the_wire_each_secret_is_in_its_header_and_nowhere_else(caller: Caller) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.end()

    with scripted(script) as server:
        caller({"base_url": server.base_url})
    (peer,) = server.peers
    line, *headers = peer.request.split(b"\r\n")
    assert line == b"GET /api/v4/systems/1765/live_data HTTP/1.1"
    assert [h for h in headers if b"the-key" in h] == [b"key: the-key"]
    assert [h for h in headers if b"the-token" in h] == [b"Authorization: Bearer the-token"]


# One request, one connection


def endings() -> list[Any]:
    """Answers after which a client could be tempted to send again."""
    redirect = b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    return [
        pytest.param(STREAM_HEAD + b"0\r\n\r\n", id="an empty stream"),
        pytest.param(STREAM_HEAD + b"5\r\nda", id="a drop"),
        pytest.param(redirect, id="a redirect"),
        pytest.param(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", id="401"),
        pytest.param(b"HTTP/1.1 429 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", id="429"),
        pytest.param(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", id="503"),
        pytest.param(b"HTTP/1.1 408 No\r\nContent-Length: 0\r\n\r\n", id="408"),
        pytest.param(b"", id="no answer"),
    ]


@pytest.mark.parametrize("answer", endings())
def test_whatever_the_answer_one_stream_is_one_request(caller: Caller, answer: bytes) -> None:
    with scripted(lambda peer: peer.send(answer)) as server:
        outcome = caller({"base_url": server.base_url})
        assert isinstance(outcome.error, EnphaseStreamingError)
    assert len(server.peers) == 1
    assert server.peers[0].request.count(b"GET ") == 1


def keep_alive(peer: Peer) -> None:
    """Answer, and take another request on the same connection if one comes."""
    while True:
        peer.send(STREAM_HEAD)
        peer.chunk(HandClock().event())
        peer.end()
        peer.request = b""
        try:
            peer.read_request()
        except ConnectionError:
            return


def two_streams(base_url: str, transport: httpx.HTTPTransport | None) -> None:
    with StreamingClient(**CREDENTIALS, base_url=base_url, transport=transport) as client:
        for _ in range(2):
            with suppress(EnphaseStreamingError):
                assert len(list(client.live_data(1765))) == 1


def two_async_streams(base_url: str, transport: httpx.AsyncHTTPTransport | None) -> None:
    async def read() -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=base_url, transport=transport
        ) as client:
            for _ in range(2):
                with suppress(EnphaseStreamingError):
                    assert len([reading async for reading in client.live_data(1765)]) == 1

    asyncio.run(read())


@pytest.mark.parametrize(
    ("read_two", "transport"),
    [
        (two_streams, None),
        (two_streams, httpx.HTTPTransport),
        (two_async_streams, None),
        (two_async_streams, httpx.AsyncHTTPTransport),
    ],
    ids=["sync", "sync, the user's transport", "async", "async, the user's transport"],
)
def test_a_used_connection_is_not_used_for_the_next_stream(
    read_two: Callable[[str, Any], None], transport: Callable[[], Any] | None
) -> None:
    with scripted(keep_alive) as server:
        read_two(server.base_url, transport and transport())
    assert len(server.peers) == 2


def test_a_stream_that_is_closed_before_it_is_entered_sends_nothing() -> None:
    recorder = Recorder()
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=recorder) as client:
        stream = client.live_data(1765)
        stream.close()
        assert list(stream) == []
    assert recorder.requests == []
    assert stream.end is not None
    assert (stream.end.reason, stream.end.elapsed, stream.end.readings) == ("stopped", 0, 0)


def test_the_same_of_an_async_stream() -> None:
    recorder = Recorder()

    async def run() -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=BASE_URL, transport=recorder
        ) as client:
            stream = client.live_data(1765)
            await stream.aclose()
            assert [reading async for reading in stream] == []
            assert stream.end is not None
            assert (stream.end.reason, stream.end.elapsed) == ("stopped", 0)

    asyncio.run(run())
    assert recorder.requests == []


def test_making_a_stream_sends_nothing() -> None:
    recorder = Recorder()
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=recorder) as client:
        client.live_data(1765)
    assert recorder.requests == []


def close(client: StreamingClient | AsyncStreamingClient) -> None:
    if isinstance(client, StreamingClient):
        client.close()
    else:
        asyncio.run(client.aclose())


@both_clients
def test_a_closed_client_refuses_to_make_a_stream_and_counts_no_call(client: Client) -> None:
    closed, budget = make(client), Budget(calls=3)
    close(closed)
    with pytest.raises(InvalidArgument, match="This client is closed; make a new one"):
        closed.live_data(1765, budget=budget)
    with pytest.raises(InvalidArgument, match="This client is closed; make a new one"):
        closed.watch(1765, budget=budget)
    assert budget.spent == 0


def test_a_stream_says_whose_it_is_and_how_far() -> None:
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=Recorder()) as client:
        stream = client.live_data(1765)
        assert repr(stream) == "<ReadingStream of Site 1765: not begun>"
        next(stream)
        assert repr(stream) == "<ReadingStream of Site 1765: under way>"
    assert repr(stream).startswith("<ReadingStream of Site 1765: StreamEnd(reason='stopped', ")


def test_a_stream_that_is_over_cannot_be_entered_again() -> None:
    recorder = Recorder()
    with StreamingClient(**CREDENTIALS, base_url=BASE_URL, transport=recorder) as client:
        with client.live_data(1765) as stream:
            next(stream)
        with pytest.raises(InvalidArgument, match="This stream is over"), stream:
            pass
    assert len(recorder.requests) == 1


def test_nor_can_an_async_one() -> None:
    recorder = Recorder()

    async def run() -> None:
        async with AsyncStreamingClient(
            **CREDENTIALS, base_url=BASE_URL, transport=recorder
        ) as client:
            async with client.live_data(1765) as stream:
                await anext(stream)
            with pytest.raises(InvalidArgument, match="This stream is over"):
                async with stream:
                    pass

    asyncio.run(run())
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("read_two", [two_streams, two_async_streams])
def test_a_cookie_of_one_answer_is_in_no_later_request(
    read_two: Callable[[str, Any], None],
) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        headers = {"Content-Type": "text/event-stream", "Set-Cookie": "site=1; Path=/"}
        return httpx.Response(200, headers=headers, stream=Stream())

    read_two(BASE_URL, httpx.MockTransport(answer))
    assert ["cookie" in request.headers for request in requests] == [False, False]


@pytest.mark.parametrize("value", [0.5, 1, 86_400])
def test_a_time_out_may_be_short_or_a_day(value: float) -> None:
    make(StreamingClient, first_reading_timeout=value, stall_timeout=value)


def test_an_event_may_be_limited_to_a_single_byte() -> None:
    make(StreamingClient, max_event_bytes=1)


# What is refused before anything is sent


def make(client: Client, **options: Any) -> StreamingClient | AsyncStreamingClient:
    """A client that fails the test if it sends."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise AssertionError("a request was sent")

    defaults: dict[str, Any] = {**CREDENTIALS, "base_url": BASE_URL}
    return client(**defaults | options, transport=httpx.MockTransport(fail))


def refusal(client: Client, **options: Any) -> str:
    with pytest.raises(InvalidArgument) as raised:
        make(client, **options)
    assert isinstance(raised.value, ValueError)
    assert len(str(raised.value)) < 300
    return str(raised.value)


@pytest.mark.parametrize(
    ("client", "transport", "method"),
    [
        (StreamingClient, httpx.AsyncHTTPTransport(), "handle_request"),
        (StreamingClient, 3, "handle_request"),
        (AsyncStreamingClient, httpx.HTTPTransport(), "handle_async_request"),
    ],
)
def test_a_transport_of_the_wrong_kind_is_refused(
    client: Client, transport: Any, method: str
) -> None:
    with pytest.raises(InvalidArgument, match=rf"^transport is .*needs one with {method}\(\)"):
        client(**CREDENTIALS, base_url=BASE_URL, transport=transport)


@both_clients
@pytest.mark.parametrize(
    "system_id",
    [0, -1, "12", 1.5, 12.0, True, None, 2**63, 10**5000, "9" * 5000, b"12", object(), [12]],
    ids=lambda value: repr(value)[:12] if not isinstance(value, int) or value < 2**70 else "huge",
)
def test_a_bad_system_id_is_refused(client: Client, system_id: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        make(client).live_data(system_id)
    assert f"system_id is {shown(system_id)};" in str(raised.value)
    assert len(str(raised.value)) < 200


@both_clients
@pytest.mark.parametrize(("duration", "code"), [(29, 461), (301, 462), ("60", 463), (60.0, 463)])
def test_a_bad_duration_is_refused(client: Client, duration: Any, code: int) -> None:
    with pytest.raises(InvalidDuration) as raised:
        make(client).live_data(1765, duration)
    assert raised.value.status_code == code


@both_clients
@pytest.mark.parametrize("on_malformed", [None, "", "ignore", 1, True, ["skip"]])
def test_a_bad_on_malformed_is_refused(client: Client, on_malformed: Any) -> None:
    with pytest.raises(InvalidArgument, match="on_malformed"):
        make(client).live_data(1765, on_malformed=on_malformed)


def test_a_bad_system_id_of_a_snapshot_is_refused() -> None:
    client = make(StreamingClient)
    assert isinstance(client, StreamingClient)
    with pytest.raises(InvalidArgument, match="system_id"):
        client.snapshot("12")  # type: ignore[arg-type]  # the mistake that is meant


@both_clients
@pytest.mark.parametrize("name", ["first_reading_timeout", "stall_timeout"])
@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        0.0,
        -0.5,
        "20",
        None,
        True,
        float("nan"),
        float("inf"),
        float("-inf"),
        86_401,
        10**5000,
        timedelta(seconds=20),
        [20],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_bad_time_out_is_refused(client: Client, name: str, value: Any) -> None:
    assert f"{name} is {shown(value)};" in refusal(client, **{name: value})


@both_clients
@pytest.mark.parametrize(
    "value",
    [0, -1, 1.5, 1e6, "1000", None, True, -(10**5000)],
    ids=lambda value: type(value).__name__,
)
def test_a_bad_event_size_is_refused(client: Client, value: Any) -> None:
    assert f"max_event_bytes is {shown(value)};" in refusal(client, max_event_bytes=value)


ADDRESS = (
    "give an address such as https://api.enphaseenergy.com/api/v4, without spaces; http:// is for "
    "a loopback host only."
)
REFUSALS = [
    (
        {"api_key": ""},
        "api_key is missing. It is the API key of your application in Enphase's developer portal.",
    ),
    (
        {"access_token": "the token"},
        "access_token is not a plain string: it must be printable ASCII without spaces (a line "
        "break copied along with it, perhaps). It comes from the OAuth login of the site's owner "
        "and lives for a day; auth= takes a RefreshingAuth that renews it.",
    ),
    ({"base_url": "api.example"}, f"base_url is 'api.example'; {ADDRESS}"),
    ({"token_url": 5}, f"token_url is 5; {ADDRESS}"),
    ({"base_url": "host?key=secret"}, f"base_url is no plain address; {ADDRESS}"),
    (
        {"base_url": "https://me@host"},
        "base_url carries credentials; give only scheme, host and path.",
    ),
    (
        {"base_url": "https://host/?#"},
        "base_url carries a query and a fragment; give only scheme, host and path.",
    ),
    (
        {"base_url": "http://host"},
        "base_url is 'http://host': plain http would show your key and token to the network. Use "
        "https; http is for a loopback host only.",
    ),
    (
        {"stall_timeout": "20"},
        "stall_timeout is '20'; give a number of seconds above 0, at most 86400.",
    ),
    ({"max_event_bytes": 1.5}, "max_event_bytes is 1.5; give a positive int of bytes."),
    (
        {"max_event_bytes": [1]},
        "max_event_bytes is a value of type list; give a positive int of bytes.",
    ),
    (
        {"max_event_bytes": -(2**70)},
        "max_event_bytes is an int of 71 bits; give a positive int of bytes.",
    ),
    (
        {"max_event_bytes": "1" * 41},
        f"max_event_bytes is '{'1' * 40}…'; give a positive int of bytes.",
    ),
]


@both_clients
@pytest.mark.parametrize(("given", "said"), REFUSALS)
def test_a_refusal_says_what_was_given_and_what_to_give(
    client: Client, given: dict[str, Any], said: str
) -> None:
    assert refusal(client, **given) == said


@both_clients
def test_so_does_the_refusal_of_a_site(client: Client) -> None:
    with pytest.raises(InvalidArgument) as raised:
        make(client).live_data(0)
    assert str(raised.value) == (
        "system_id is 0; give the number of the site, an int from 1 to 2**63 - 1."
    )


@both_clients
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize(
    ("name", "where"), [("api_key", "developer portal"), ("access_token", "OAuth")]
)
def test_a_missing_credential_is_named_and_where_to_get_it(
    client: Client, name: str, where: str, value: str | None
) -> None:
    said = refusal(client, **{name: value})
    assert f"{name} is missing" in said
    assert where in said


@both_clients
@pytest.mark.parametrize("name", ["api_key", "access_token"])
@pytest.mark.parametrize(
    "value",
    [
        "hunter2\n",
        "\thunter2",
        "hunter 2",
        "hünter2",
        "hunter2\0",
        "hunter2\u2028",
        b"hunter2",
        5_318_008,
        ["hunter2"],
        True,
    ],
)
def test_an_odd_credential_is_named_and_never_shown(client: Client, name: str, value: Any) -> None:
    said = refusal(client, **{name: value})
    assert name in said
    for part in ("hunter", "hünter", "5318008"):
        assert part not in said


@both_clients
@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.enphaseenergy.com/api/v4",
        "HTTPS://API.example",
        "https://proxy.example:8443/enphase/",
        "https://192.0.2.1/",
        "https://[2001:db8::1]:443/x",
        "http://localhost:4010/api/v4",
        "http://LOCALHOST",
        "http://127.0.0.1:4010",
        "http://127.8.9.1",
        "http://[::1]:4010/",
    ],
)
def test_https_is_taken_and_plain_http_on_loopback(client: Client, base_url: str) -> None:
    make(client, base_url=base_url).live_data(1765)


@both_clients
@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.enphaseenergy.com/api/v4",
        "http://192.168.1.10",
        "http://0.0.0.0",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://128.0.0.1",
        "http://[2001:db8::1]",
    ],
)
def test_plain_http_elsewhere_is_refused(client: Client, base_url: str) -> None:
    said = refusal(client, base_url=base_url)
    assert "base_url" in said
    assert "http" in said


@both_clients
@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "/",
        "api.enphaseenergy.com",
        "//host",
        "https://",
        "https:///x",
        "ftp://host",
        "file:///",
        "https://host:99999",
        "https://host:abc",
        "https://[::1",
        "https://[v1.a]",
        "https://[1.2]",
        "https://999.1.1.1",
        "https://ho st",
        " https://host",
        "https://host\n",
        "https://☃.example",
        "https://host?a=b",
        "https://host#a",
        "https://host/api?",
        "https://host/api#",
        "https://" + "a" * 70_000,
        None,
        5,
        b"https://host",
        httpx.URL("https://host"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_plain_https_address_is_refused(client: Client, base_url: Any) -> None:
    assert "base_url" in refusal(client, base_url=base_url)


@both_clients
@pytest.mark.parametrize(
    "base_url",
    [
        "https://user:hunter2@host",
        "https://hunter2@host",
        "http://user:hunter2@host",
        "http://127.0.0.1:hunter2@evil.example",
        "ftp://user:hunter2@host",
        "//user:hunter2@host",
        "user:hunter2@host",
        "https://user:hunter2@[v1.a]",
        "https://user:hunter2@host:99999",
        "https://host?key=hunter2",
        "host?key=hunter2",
        "https://host#hunter2",
    ],
)
def test_a_secret_in_an_address_is_refused_and_never_shown(client: Client, base_url: str) -> None:
    assert "hunter2" not in refusal(client, base_url=base_url)


# What is shown


@both_clients
def test_the_repr_of_a_client_and_of_a_stream_holds_no_secret(client: Client) -> None:
    made = make(client)
    stream = made.live_data(1765)
    for text in (repr(made), str(made), repr(stream), str(stream)):
        assert "the-key" not in text
        assert "the-token" not in text
    assert BASE_URL in repr(made)


# The exceptions

DESIGNED = {
    "EnphaseStreamingError": "Exception",
    "InvalidArgument": "EnphaseStreamingError ValueError",
    "InvalidDuration": "InvalidArgument",
    "ConnectionFailed": "EnphaseStreamingError",
    "LoginRequired": "EnphaseStreamingError",
    "BudgetExhausted": "EnphaseStreamingError",
    "APIStatusError": "EnphaseStreamingError",
    "AuthenticationError": "APIStatusError",
    "PermissionDeniedError": "APIStatusError",
    "RateLimitError": "APIStatusError",
    "InvalidDurationError": "APIStatusError InvalidDuration",
    "UnsupportedGatewayError": "APIStatusError",
    "SystemNotFoundError": "APIStatusError",
    "LiveStreamNotSupportedError": "APIStatusError",
    "GatewayNotReportingError": "APIStatusError",
    "ServiceUnavailableError": "APIStatusError",
    "UnexpectedStatusError": "APIStatusError",
    "StreamError": "EnphaseStreamingError",
    "StreamEndedEarly": "StreamError",
    "StreamDropped": "StreamError",
    "StreamStalled": "StreamError",
    "MalformedEvent": "StreamError",
    "EventTooLarge": "StreamError",
    "NotAnEventStream": "StreamError",
}


def real_tree() -> dict[str, str]:
    """Every exception of errors.py by name, with the names of its bases."""
    return {
        name: " ".join(base.__name__ for base in found.__bases__)
        for name, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, BaseException)
    }


def drawn_tree() -> dict[str, str]:
    """The same, read off the docstring's drawing."""
    drawn = {"EnphaseStreamingError": "Exception"}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ((?:│   |    )*)[├└]── (\w+)(.*)", line):
            del path[len(found[1]) // 4 :]
            more = re.search(r"\((\w+)\)", found[3])
            parent = path[-1] if path else "EnphaseStreamingError"
            drawn[found[2]] = f"{parent} {more[1]}" if more else parent
            path.append(found[2])
    return drawn


def test_the_exceptions_are_the_designed_ones() -> None:
    assert real_tree() == DESIGNED


def test_the_drawn_tree_is_the_real_one() -> None:
    assert drawn_tree() == real_tree()


@pytest.mark.parametrize("name", DESIGNED)
def test_every_exception_is_importable_from_the_package(name: str) -> None:
    assert name in enphase_streaming.__all__
    assert getattr(enphase_streaming, name) is getattr(errors, name)


def test_everything_the_package_names_is_there() -> None:
    module = importlib.import_module("enphase_streaming")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        _ = enphase_streaming.nothing_like_this


ATTRIBUTES: dict[str, dict[str, Any]] = {
    "InvalidDuration": {"status_code": 461},
    "ConnectionFailed": {"untrusted": True},
    "StreamEndedEarly": {"missing": 2.5},
    "MalformedEvent": {"data": "[1]"},
    "NotAnEventStream": {"body": "<html>"},
}
STATUS = {"status_code": 599, "status": "S", "type": "t", "message": "m", "body": "b"}


@pytest.mark.parametrize("name", DESIGNED)
def test_an_exception_survives_pickling_with_all_that_it_says(name: str) -> None:
    own = getattr(errors, name)
    error = own("what happened", **(STATUS if issubclass(own, errors.APIStatusError) else {}))
    for attribute, value in ATTRIBUTES.get(name, {}).items():
        error = own("what happened", **{attribute: value})
    if name == "RateLimitError":
        error.retry_at, error.period = datetime(2026, 1, 1, tzinfo=UTC), "minute"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is own
    assert (str(again), again.args) == ("what happened", error.args)
    assert vars(again) == vars(error)


@pytest.mark.parametrize("name", DESIGNED)
def test_an_exception_can_be_made_with_a_message_alone(name: str) -> None:
    assert str(getattr(errors, name)("what happened")) == "what happened"
