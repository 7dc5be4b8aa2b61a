"""The transports that `AsyncStreamingClient` is tested with: httpx's, and the fleet transport."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httpx

from callers import Outcome, async_caller
from enphase_streaming.fleet import fleet_transport

Make = Callable[[ssl.SSLContext], httpx.AsyncBaseTransport]
"""Makes a transport that trusts what a context trusts."""


def on_httpx(context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=context)


def on_aiohttp(context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    return fleet_transport(verify=context)


def aiohttp_caller(options: dict[str, Any], *arguments: Any, **keywords: Any) -> Outcome:
    """Read as `async_caller` does, over connections of aiohttp without TLS."""
    transport = on_aiohttp(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return async_caller(options | {"transport": transport}, *arguments, **keywords)
