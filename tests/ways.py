"""Every way from a client to a scripted server that the documentation names."""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import httpx
import pytest
import trustme

from background import in_background, relay
from callers import Caller, Outcome, async_caller, sync_caller
from enphase_streaming.fleet import fleet_transport
from http2 import http2_front
from own_transports import AwaitingTransport, BlockingTransport
from scripted import Peer, Scripted, scripted
from socks import socks_proxy

T = TypeVar("T")

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares a transport the reading of every authority that it could trust."""


@cache
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1").configure_cert(context)
    return context


@cache
def client_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def run_on_uvloop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as `asyncio.run` does, on uvloop's event loop."""
    if sys.platform == "win32":
        main.close()
        pytest.skip("uvloop is not for Windows")
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def uvloop_caller(options: dict[str, Any], *arguments: Any, **keywords: Any) -> Outcome:
    """Read as `async_caller` does, on uvloop's event loop."""
    with mock.patch("asyncio.run", run_on_uvloop):
        return async_caller(options, *arguments, **keywords)


Opened = AbstractContextManager[tuple[str, dict[str, Any]]]
"""The base URL by which a server is reached, and what the transport is made with."""


def direct(server: Scripted) -> Opened:
    return nullcontext((server.base_url, {"verify": NO_TLS}))


def over_tls(server: Scripted) -> Opened:
    return nullcontext((server.base_url, {"verify": client_tls()}))


@contextmanager
def over_unix(server: Scripted) -> Iterator[tuple[str, dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "socket"))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await relay(reader, writer, port_of(server))

        with in_background(serve, path=path):
            yield "http://localhost/api/v4", {"verify": NO_TLS, "uds": path}


@contextmanager
def over_http2(server: Scripted) -> Iterator[tuple[str, dict[str, Any]]]:
    with http2_front(port_of(server), server_tls()) as front:
        yield front.base_url, {"verify": client_tls(), "http2": True}


@contextmanager
def over_socks(server: Scripted) -> Iterator[tuple[str, dict[str, Any]]]:
    with socks_proxy(port_of(server)) as proxy:
        yield server.base_url, {"verify": NO_TLS, "proxy": proxy}


def by_itself(server: Scripted) -> Opened:
    return nullcontext((server.base_url, {}))


def port_of(server: Scripted) -> int:
    return int(server.url.rpartition(":")[2])


@dataclass(frozen=True)
class Way:
    """A client, its transport, and what lies between it and the server."""

    caller: Caller
    transport: Callable[..., Any]
    reach: Callable[[Scripted], Opened] = direct

    @property
    def is_async(self) -> bool:
        return self.caller is not sync_caller

    @contextmanager
    def to(
        self, script: Callable[[Peer], None], **settings: Any
    ) -> Iterator[tuple[Scripted, dict[str, Any]]]:
        """Run a scripted server; yield it, and the client's options."""
        tls = server_tls() if self.reach is over_tls else None
        with (
            scripted(script, tls=tls, **settings) as server,
            self.reach(server) as (base_url, made_with),
        ):
            yield server, {"base_url": base_url, "transport": self.transport(**made_with)}


WAYS = {
    "sync": Way(sync_caller, httpx.HTTPTransport),
    "sync TLS": Way(sync_caller, httpx.HTTPTransport, over_tls),
    "sync unix": Way(sync_caller, httpx.HTTPTransport, over_unix),
    "sync HTTP2": Way(sync_caller, httpx.HTTPTransport, over_http2),
    "sync SOCKS": Way(sync_caller, httpx.HTTPTransport, over_socks),
    "sync own": Way(sync_caller, BlockingTransport, by_itself),
    "async": Way(async_caller, httpx.AsyncHTTPTransport),
    "async TLS": Way(async_caller, httpx.AsyncHTTPTransport, over_tls),
    "async unix": Way(async_caller, httpx.AsyncHTTPTransport, over_unix),
    "async HTTP2": Way(async_caller, httpx.AsyncHTTPTransport, over_http2),
    "async SOCKS": Way(async_caller, httpx.AsyncHTTPTransport, over_socks),
    "async own": Way(async_caller, AwaitingTransport, by_itself),
    "fleet": Way(async_caller, fleet_transport),
    "fleet TLS": Way(async_caller, fleet_transport, over_tls),
    "uvloop TLS": Way(uvloop_caller, httpx.AsyncHTTPTransport, over_tls),
    "uvloop fleet": Way(uvloop_caller, fleet_transport),
}
