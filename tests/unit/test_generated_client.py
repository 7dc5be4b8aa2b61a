"""The generated client alone, without the overlay."""

import asyncio
import base64
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from urllib.parse import parse_qs

import httpx
import msgspec
import pytest

from enphase_streaming_api import AuthenticatedClient, Client
from enphase_streaming_api.api.streaming import stream_system_live_data as live_data
from enphase_streaming_api.api.tokens import issue_token
from enphase_streaming_api.models import (
    ErrorDetail,
    ErrorResponse,
    KnownBatteryMode,
    KnownGridStatus,
    LiveStatus,
    StreamSystemLiveDataResponse,
    TokenError,
    TokenRequest,
    TokenRequestGrantType,
    TokenResponse,
)
from enphase_streaming_api.types import parse

TOO_SHORT = {
    "error": {
        "code": 461,
        "status": "INVALID_DURATION",
        "message": "Duration cannot be less than 30",
        "details": [{}],
    },
    "timestamp_epoch": 1679041508556,
    "timestamp_utc": "2023-03-17 08:25:08.556",
    "type": "validation_error",
}
FIRST, SECOND = b'data:{"n":1}\n\n', b'data:{"n":2}\n\n'
PATIENCE = 10.0


@contextmanager
def server_that_waits() -> Iterator[tuple[str, threading.Event]]:
    """A server that sends FIRST at once, and SECOND when the event is set."""
    told = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(PATIENCE)
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(head + FIRST)
            if told.wait(PATIENCE):
                connection.sendall(SECOND)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", told
        finally:
            told.set()
            server.join(PATIENCE)


def answering(
    status: int, body: object, requests: list[httpx.Request], base_url: str = "https://api.example"
) -> AuthenticatedClient:
    """A client that appends its requests to a list and gets one answer to all."""

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, stream=httpx.ByteStream(msgspec.json.encode(body)))

    return AuthenticatedClient(
        base_url,
        "the-token",
        headers={"key": "the-key"},
        httpx_args={"transport": httpx.MockTransport(handle)},
    )


def test_stream_yields_an_event_before_the_next_is_sent() -> None:
    with server_that_waits() as (base_url, told):
        client = AuthenticatedClient(base_url, "token", httpx_args={"trust_env": False})
        with client, live_data.stream(1765, client=client) as response:
            chunks = response.iter_raw()
            received = next(chunks)
            assert received == FIRST
            told.set()
            assert b"".join(chunks) == SECOND


def test_astream_yields_an_event_before_the_next_is_sent() -> None:
    async def read(base_url: str, told: threading.Event) -> tuple[bytes, bytes]:
        client = AuthenticatedClient(base_url, "token", httpx_args={"trust_env": False})
        async with client, live_data.astream(1765, client=client) as response:
            chunks = response.aiter_raw()
            first = await anext(chunks)
            told.set()
            return first, b"".join([chunk async for chunk in chunks])

    with server_that_waits() as (base_url, told):
        assert asyncio.run(read(base_url, told)) == (FIRST, SECOND)


def test_stream_yields_a_refusal_unread_and_without_raising() -> None:
    client = answering(461, TOO_SHORT, [])
    with live_data.stream(1765, client=client) as response:
        assert response.status_code == 461
        assert not response.is_stream_consumed
        response.read()
        assert live_data.parse_error(response).parsed == ErrorResponse.from_dict(TOO_SHORT)


def test_astream_yields_a_refusal_unread_and_without_raising() -> None:
    async def refused() -> tuple[bool, ErrorResponse | None]:
        client = answering(461, TOO_SHORT, [])
        async with live_data.astream(1765, client=client) as response:
            unread = not response.is_stream_consumed
            await response.aread()
            return unread, live_data.parse_error(response).parsed

    assert asyncio.run(refused()) == (True, ErrorResponse.from_dict(TOO_SHORT))


def test_stream_sends_token_key_and_duration_to_the_documented_path() -> None:
    requests: list[httpx.Request] = []
    client = answering(200, None, requests, base_url="https://api.example/api/v4")
    with live_data.stream(1765, client=client, duration=60):
        pass
    (request,) = requests
    assert str(request.url) == "https://api.example/api/v4/systems/1765/live_data"
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.headers["key"] == "the-key"
    assert request.headers["duration"] == "60"
    assert request.headers["accept"] == "text/event-stream, application/json"


def test_an_omitted_duration_sends_no_header() -> None:
    assert "duration" not in live_data.get_kwargs(1765)["headers"]


def test_a_given_httpx_client_is_used() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers["x-mine"])

    mine = httpx.Client(
        base_url="https://api.example",
        headers={"x-mine": "yes"},
        transport=httpx.MockTransport(handle),
    )
    client = AuthenticatedClient("https://other.example", "token").set_httpx_client(mine)
    with client, live_data.stream(1765, client=client) as response:
        assert response.read() == b"yes"


def test_parse_error_turns_a_461_into_a_typed_error_with_a_plain_int_status() -> None:
    answer = live_data.parse_error(httpx.Response(461, json=TOO_SHORT, headers={"x-id": "7"}))
    assert type(answer.status_code) is int
    assert answer.status_code == 461
    assert answer.headers["x-id"] == "7"
    assert answer.parsed is not None
    assert answer.parsed.type_ == "validation_error"
    assert answer.parsed.error == ErrorDetail(
        code=461,
        status="INVALID_DURATION",
        message="Duration cannot be less than 30",
        details=[{}],
    )


@pytest.mark.parametrize("status", [464, 599])
def test_the_body_of_an_undocumented_status_is_not_parsed(status: int) -> None:
    answer = live_data.parse_error(httpx.Response(status, json=TOO_SHORT))
    assert (answer.status_code, answer.parsed) == (status, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[1]",
        b'{"error": "no object"}',
        b'{"type": "\xff"}',
        b'{"error": {"details": ' + b"[" * 200_000,
    ],
    ids=["empty", "html", "array", "other type", "invalid UTF-8", "endless nesting"],
)
def test_a_body_of_another_form_is_kept_unparsed(body: bytes) -> None:
    answer = live_data.parse_error(httpx.Response(473, content=body))
    assert answer.parsed is None
    assert answer.content == body


def test_the_repr_of_a_client_has_no_secret() -> None:
    client = AuthenticatedClient(
        "https://user:secret-1@api.example",
        "secret-2",
        headers={"key": "secret-3"},
        cookies={"session": "secret-4"},
        httpx_args={"auth": ("user", "secret-5")},
    )
    plain = Client("https://api.example", headers={"key": "secret-6"})
    shown = f"{client!r} {client} {plain!r} {plain}"
    assert "api.example" in shown
    assert "secret" not in shown.replace("[secure]", "")


def test_the_repr_of_models_has_no_token_and_no_password() -> None:
    request = TokenRequest(
        grant_type=TokenRequestGrantType.PASSWORD,
        username="owner",
        password="secret-1",
        code="secret-2",
        refresh_token="secret-3",
    )
    pair = TokenResponse(access_token="secret-4", refresh_token="secret-5", scope="read")
    answer = parse(httpx.Response(200, json=pair.to_dict()), issue_token.ANSWERS)
    assert answer.parsed == pair
    shown = f"{request!r} {request.__rich_repr__()} {pair!r} {pair.__rich_repr__()} {answer!r}"
    assert "owner" in shown
    assert "secret" not in shown


@pytest.mark.parametrize("value", ["abc", "12", 12.5, 12.0, True, [], {}])
def test_a_value_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.pv_power"):
        LiveStatus.from_dict({"pv_power": value})


def test_a_missing_required_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="refresh_token"):
        TokenResponse.from_dict({"access_token": "a"})


def test_an_event_survives_a_round_trip_through_a_dict() -> None:
    event = StreamSystemLiveDataResponse(
        data=LiveStatus(system_id=1765, envoy_serial_number=["1"], pv_power=0, grid_power=-10),
        timestamp_epoch=1679041508556,
        type_="response",
    )
    wire = event.to_dict()
    assert wire == {
        "data": {"system_id": 1765, "envoy_serial_number": ["1"], "pv_power": 0, "grid_power": -10},
        "timestamp_epoch": 1679041508556,
        "type": "response",
    }
    assert StreamSystemLiveDataResponse.from_dict(wire) == event


def test_null_and_a_missing_field_are_equal() -> None:
    assert LiveStatus.from_dict({"battery_soc": None}) == LiveStatus.from_dict({})
    assert StreamSystemLiveDataResponse.from_dict({"data": None}).to_dict() == {}


def test_an_unknown_field_is_ignored() -> None:
    assert LiveStatus.from_dict({"pv_power": 1, "new": {}}) == LiveStatus(pv_power=1)


def test_an_open_string_accepts_an_unpublished_value() -> None:
    assert LiveStatus.from_dict({"battery_mode": "New"}).battery_mode == "New"


def test_known_values_are_plain_strings() -> None:
    assert issubclass(KnownBatteryMode, StrEnum)
    assert LiveStatus(grid_status="On Grid").grid_status == KnownGridStatus.ON_GRID
    assert f"{KnownBatteryMode.DR_EVENT_ACTIVE}" == "DR Event Active"


def test_a_model_can_be_extended_by_a_frozen_struct() -> None:
    class Stamped(LiveStatus, frozen=True, gc=False, kw_only=True):
        arrived: float

    stamped = msgspec.convert({"pv_power": 5, "arrived": 1.5}, Stamped)
    assert (stamped.pv_power, stamped.arrived) == (5, 1.5)
    with pytest.raises(AttributeError):
        stamped.pv_power = 6  # type: ignore[misc]  # the line under test


def refresh() -> TokenRequest:
    return TokenRequest(grant_type=TokenRequestGrantType.REFRESH_TOKEN, refresh_token="spent")


def test_issue_token_sends_a_form_and_returns_a_pair() -> None:
    requests: list[httpx.Request] = []
    client = answering(200, {"access_token": "a", "refresh_token": "r", "new": 1}, requests)
    answer = issue_token.sync_detailed(client=client, body=refresh())
    assert type(answer.status_code) is int
    assert answer.parsed == TokenResponse(access_token="a", refresh_token="r")
    assert asyncio.run(issue_token.asyncio(client=client, body=refresh())) == answer.parsed
    for request in requests:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert parse_qs(request.content.decode()) == {
            "grant_type": ["refresh_token"],
            "refresh_token": ["spent"],
        }
    assert len(requests) == 2


def test_issue_token_can_be_called_with_basic_credentials() -> None:
    requests: list[httpx.Request] = []
    basic = base64.b64encode(b"id:secret").decode()

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(400, json={"error": "invalid_grant"})

    client = AuthenticatedClient(
        "https://api.example",
        basic,
        prefix="Basic",
        httpx_args={"transport": httpx.MockTransport(handle)},
    )
    assert issue_token.sync(client=client, body=refresh()) == TokenError(error="invalid_grant")
    assert requests[0].headers["authorization"] == f"Basic {basic}"
    assert str(requests[0].url) == "https://api.example/oauth/token"


def test_no_module_imports_attrs() -> None:
    code = """
import importlib, pkgutil, sys
import enphase_streaming_api as package
names = [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names), sorted({"attr", "attrs"} & sys.modules.keys()))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, _, loaded = run.stdout.partition(" ")
    assert int(count) >= 10
    assert loaded.strip() == "[]"
