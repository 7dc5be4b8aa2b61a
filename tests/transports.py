"""What `AsyncStreamingClient` can send through: httpx's transport, and that of httpx-aiohttp."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httpx
import httpx_aiohttp

from callers import Outcome, async_caller

Make = Callable[[ssl.SSLContext], httpx.AsyncBaseTransport]
"""Makes a transport that trusts what a context trusts."""


def on_httpx(context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=context)


def on_aiohttp(context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    return httpx_aiohttp.AiohttpTransport(verify=context)


def aiohttp_caller(options: dict[str, Any], *arguments: Any, **keywords: Any) -> Outcome:
    """Read as `async_caller` does, over plain connections of aiohttp's."""
    transport = on_aiohttp(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return async_caller(options | {"transport": transport}, *arguments, **keywords)
