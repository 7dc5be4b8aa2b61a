"""Make httpx clients: no proxy for loopback, and clear errors for a broken environment."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from enphase_streaming.core.arguments import is_loopback, shown
from enphase_streaming.errors import InvalidArgument

_Client = TypeVar("_Client")
_Transport = TypeVar("_Transport")

_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def new_client(
    url: str, transport: httpx.BaseTransport | None = None, **settings: Any
) -> httpx.Client:
    """Return a client for requests below `url`; `settings` are arguments of `httpx.Client`.

    A `transport` is used as it is. Without one the environment is read, except that a loopback
    `url` is reached directly, never through a proxy. Raises `InvalidArgument` for a transport, and
    for a proxy or TLS variable, that is unusable.
    """
    return _new(httpx.Client, httpx.HTTPTransport, "handle_request", url, transport, settings)


def new_async_client(
    url: str, transport: httpx.AsyncBaseTransport | None = None, **settings: Any
) -> httpx.AsyncClient:
    """Return the same for asyncio."""
    return _new(
        httpx.AsyncClient,
        httpx.AsyncHTTPTransport,
        "handle_async_request",
        url,
        transport,
        settings,
    )


def _new(
    client: Callable[..., _Client],
    direct: Callable[..., _Transport],
    method: str,
    url: str,
    transport: _Transport | None,
    settings: dict[str, Any],
) -> _Client:
    if transport is not None:
        _check(transport, method)
        return client(transport=transport, **settings)
    verify = ssl_context()
    if is_loopback(urlsplit(url).hostname or ""):
        # httpx reads no proxy from the environment when it is given a transport.
        transport = direct(verify=verify, limits=settings.get("limits", httpx.Limits()))
        return client(transport=transport, **settings)
    try:
        return client(verify=verify, **settings)
    except (httpx.InvalidURL, ImportError, ValueError):
        fault = _proxy_fault(verify)
    # Not chained: httpx may quote the password of a proxy.
    raise InvalidArgument(fault)


def ssl_context(verify: ssl.SSLContext | bool = True) -> ssl.SSLContext:
    """Return httpx's context for `verify`. Raises `InvalidArgument` for an unusable variable."""
    try:
        return httpx.create_ssl_context(verify=verify)
    except OSError as error:
        raise InvalidArgument(_tls_fault(error)) from error


def _check(transport: object, method: str) -> None:
    if not hasattr(transport, method):
        raise InvalidArgument(
            f"transport must have the method {method}(), as httpx's have, got {shown(transport)}."
        )
    modules = {kind.__module__.partition(".")[0] for kind in type(transport).__mro__}
    if "httpx_aiohttp" in modules:
        raise InvalidArgument(
            "transport must send each request once, and aiohttp sends some again, which no budget "
            "counts: use enphase_streaming.fleet.fleet_transport()."
        )


def _tls_fault(error: OSError) -> str:
    log = os.environ.get("SSLKEYLOGFILE")
    if log is not None and error.filename == log:
        return f"SSLKEYLOGFILE must be a writable file, got {shown(log)}. Correct or unset it."
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if value := os.environ.get(name):
            return (
                f"{name} must lead to certificates in PEM form, got {shown(value)}. "
                "Correct or unset it."
            )
    return f"The certificate authorities of certifi cannot be loaded: {error}."


def _proxy_fault(verify: ssl.SSLContext) -> str:
    for name in _PROXIES:
        value = os.environ.get(name)
        if value and not _is_proxy(value if "://" in value else f"http://{value}", verify):
            return (
                f"{name} must be a proxy's URL such as http://host:3128. A SOCKS proxy needs the "
                "package httpx[socks]. Correct or unset it."
            )
    name = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
    return (
        f"{name} must list host names or addresses, separated by commas, without brackets or "
        f"IPv6 networks, got {shown(os.environ.get(name))}. Correct or unset it."
    )


def _is_proxy(url: str, verify: ssl.SSLContext) -> bool:
    try:
        httpx.HTTPTransport(proxy=url, verify=verify)
    except (httpx.InvalidURL, ImportError, ValueError):
        return False
    return True
