"""The socket and the transports side by side: a client sees the same through each."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx

from enphase_streaming_mock import HandClock, Mock, MockServer
from enphase_streaming_mock.faults import FaultName

START = datetime(2026, 6, 21, 12, tzinfo=UTC)
# Unverified, because to read every authority takes longer than the rest; all is plain http here.
PLAIN: dict[str, Any] = {"timeout": 30, "trust_env": False, "verify": False}
OPTIONS: dict[str, Any] = {"scenario": "outage", "seed": 11}
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("reset", {"after_events": 3}),
    ("drop", {"after_events": 3}),
    ("drop", {"after_bytes": 500}),
    ("close", {"after_events": 0}),
    ("close", {"after_events": 3}),
    ("incomplete-chunk", {"after_events": 2}),
    ("bad-chunk-size", {"after_events": 2}),
    ("malformed-json", {"after_events": 2}),
    ("truncated-event", {"after_events": 2}),
    ("invalid-utf8", {"after_events": 2}),
    ("oversized-event", {"after_events": 2, "size": 100_000}),
    ("error-event", {"after_events": 2, "code": 473}),
    ("error", {"code": 461}),
    ("error", {"code": 551, "form": "event-stream"}),
    ("error", {"code": 551, "form": "framed"}),
    ("gateway", {}),
    ("json", {}),
    ("html", {}),
    ("slow-head", {"seconds": 3.0}),
    ("hang-up", {"how": "close"}),
    ("hang-up", {"how": "reset"}),
    ("overrun", {"seconds": 5.0}),
]


def access(mock: Mock) -> dict[str, str]:
    return {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}


class Seen:
    """What an httpx client saw of one answer."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.content_type: str | None = None
        self.body = b""
        self.error: Exception | None = None

    def as_it_is(self) -> tuple[object, ...]:
        return self.status, self.content_type, self.body, type(self.error), str(self.error)


def sync_ask(mock: Mock, transport: httpx.BaseTransport | None) -> Seen:
    seen = Seen()
    url = f"{mock.base_url}/systems/{mock.system_id}/live_data"
    with httpx.Client(transport=transport, **PLAIN) as client:
        try:
            with client.stream("GET", url, headers=access(mock)) as response:
                seen.status = response.status_code
                seen.content_type = response.headers["content-type"]
                for chunk in response.iter_raw():
                    seen.body += chunk
        except httpx.HTTPError as error:
            seen.error = error
    return seen


def async_ask(mock: Mock, transport: httpx.AsyncBaseTransport | None) -> Seen:
    async def ask() -> Seen:
        seen = Seen()
        url = f"{mock.base_url}/systems/{mock.system_id}/live_data"
        async with httpx.AsyncClient(transport=transport, **PLAIN) as client:
            try:
                async with client.stream("GET", url, headers=access(mock)) as response:
                    seen.status = response.status_code
                    seen.content_type = response.headers["content-type"]
                    async for chunk in response.aiter_raw():
                        seen.body += chunk
            except httpx.HTTPError as error:
                seen.error = error
        return seen

    return asyncio.run(ask())


def by_socket(prepare: Callable[[Mock], None]) -> Seen:
    # A window is over in 3 ms; the first event may be due before the request is answered.
    with MockServer(**OPTIONS, speed=1000, start=START) as mock:
        prepare(mock)
        return sync_ask(mock, None)


def by_fixture_transport(prepare: Callable[[Mock], None]) -> Seen:
    mock = Mock(**OPTIONS, clock=HandClock(START))
    prepare(mock)
    return sync_ask(mock, mock.transport())


def by_async_transport(prepare: Callable[[Mock], None]) -> Seen:
    mock = Mock(**OPTIONS, clock=HandClock(START))
    prepare(mock)
    return async_ask(mock, mock.transport())


@contextmanager
def mounted(mock: Mock) -> Iterator[respx.Route]:
    with respx.mock() as router:
        route = mock.transport().mount(router)
        yield route


def by_respx(prepare: Callable[[Mock], None]) -> Seen:
    mock = Mock(**OPTIONS, clock=HandClock(START))
    prepare(mock)
    with mounted(mock):
        return sync_ask(mock, None)


def by_async_respx(prepare: Callable[[Mock], None]) -> Seen:
    mock = Mock(**OPTIONS, clock=HandClock(START))
    prepare(mock)
    with mounted(mock):
        return async_ask(mock, None)


WITHOUT_SOCKET = [by_fixture_transport, by_async_transport, by_respx, by_async_respx]


def timeless(body: bytes) -> list[Any]:
    """Events or error without the times in them, which hang on when a real socket was asked."""
    found = []
    for text in body.replace(b"data:", b"").split(b"\n\n"):
        try:
            event = json.loads(text)
        except ValueError:
            found.append(text)
            continue
        event.pop("timestamp_epoch", None), event.pop("timestamp_utc", None)
        found.append(event)
    return found


@pytest.mark.parametrize("ask", WITHOUT_SOCKET)
def test_every_transport_gives_the_same_bytes(
    ask: Callable[[Callable[[Mock], None]], Seen],
) -> None:
    def nothing(mock: Mock) -> None:
        pass

    direct = by_fixture_transport(nothing)
    assert direct.body.count(b"data:") == 30
    assert direct.error is None
    assert ask(nothing).as_it_is() == direct.as_it_is()


def test_the_socket_gives_the_same_bytes_for_a_window_that_opens_at_the_same_moment() -> None:
    with MockServer(**OPTIONS, speed=1000, start=START) as server:
        seen = sync_ask(server, None)
        opened = server.requests[0].received
    mock = Mock(**OPTIONS, clock=HandClock(START))
    mock.advance((opened - START).total_seconds())
    assert sync_ask(mock, mock.transport()).as_it_is() == seen.as_it_is()


@pytest.mark.parametrize(
    ("name", "options"), FAULTS, ids=[f"{name}-{options}" for name, options in FAULTS]
)
def test_a_fault_looks_to_httpx_as_it_does_on_a_socket(
    name: FaultName, options: dict[str, Any]
) -> None:
    def prepare(mock: Mock) -> None:
        mock.fault(name, **options)

    direct = by_fixture_transport(prepare)
    socket = by_socket(prepare)
    assert (socket.status, socket.content_type) == (direct.status, direct.content_type)
    assert (type(socket.error), str(socket.error)) == (type(direct.error), str(direct.error))
    assert len(timeless(socket.body)) == len(timeless(direct.body))
    for ask in WITHOUT_SOCKET:
        assert ask(prepare).as_it_is() == direct.as_it_is()


def test_a_thousand_vanished_sockets_are_noticed() -> None:
    with MockServer(speed=0.001) as mock:
        port = int(mock.base_url.removesuffix("/api/v4").rpartition(":")[2])
        lines = [f"GET /api/v4/systems/{mock.system_id}/live_data HTTP/1.1", "Host: mock"]
        lines += [f"{name}: {value}" for name, value in access(mock).items()]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        for _ in range(10):
            socks = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(100)]
            for sock in socks:
                sock.sendall(request)
            for sock in socks:
                assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
                sock.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(call.ended is None for call in mock.calls):
            time.sleep(0.01)
        assert len(mock.calls) == 1000
        assert {call.closed_by for call in mock.calls} == {"client"}
        mock.assert_all_closed()
