# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient
from ...models.error_response import ErrorResponse
from ...models.stream_system_live_data_response import StreamSystemLiveDataResponse
from ...types import Response, parse

BOUNDS: dict[str, tuple[int | None, int | None]] = {
    "duration": (30, 300),
}
"""Minimum and maximum of each bounded parameter, both inclusive; None where there is no bound."""

EVENT = StreamSystemLiveDataResponse
"""The type of the JSON of one event."""

ERRORS: dict[int, type[ErrorResponse]] = {
    401: ErrorResponse,
    403: ErrorResponse,
    429: ErrorResponse,
    461: ErrorResponse,
    462: ErrorResponse,
    463: ErrorResponse,
    466: ErrorResponse,
    468: ErrorResponse,
    472: ErrorResponse,
    473: ErrorResponse,
    550: ErrorResponse,
    551: ErrorResponse,
    552: ErrorResponse,
}
"""The type of the body of each documented status but that of the stream."""


def get_kwargs(
    system_id: int,
    *,
    duration: int | None = None,
) -> dict[str, Any]:
    """Return the arguments of `build_request`, `request` or `stream` of an httpx client."""
    headers: dict[str, str] = {"Accept": "text/event-stream, application/json"}
    if duration is not None:
        headers["duration"] = str(duration)
    _kwargs: dict[str, Any] = {
        "method": "GET",
        "url": "/systems/{system_id}/live_data".format(
            system_id=quote(str(system_id), safe=""),
        ),
        "headers": headers,
    }
    return _kwargs


def stream(
    system_id: int,
    *,
    client: AuthenticatedClient,
    duration: int | None = None,
) -> AbstractContextManager[httpx.Response]:
    """Site Level Live Status.

    Streams the live readings of one site as server-sent events, and closes the stream after
    `duration` seconds. Every call costs money, on every plan. The gateway of the site has to
    be active and run software 6.0.0 or newer.

    Return a context manager that yields the open, unread response of any status.
    """

    return client.get_httpx_client().stream(
        **get_kwargs(
            system_id,
            duration=duration,
        )
    )


def astream(
    system_id: int,
    *,
    client: AuthenticatedClient,
    duration: int | None = None,
) -> AbstractAsyncContextManager[httpx.Response]:
    """Site Level Live Status.

    Streams the live readings of one site as server-sent events, and closes the stream after
    `duration` seconds. Every call costs money, on every plan. The gateway of the site has to
    be active and run software 6.0.0 or newer.

    Return a context manager that yields the open, unread response of any status.
    """

    return client.get_async_httpx_client().stream(
        **get_kwargs(
            system_id,
            duration=duration,
        )
    )


def parse_error(response: httpx.Response) -> Response[ErrorResponse]:
    """Parse a response that was read with `read()` or `aread()`, by the types of `ERRORS`.

    `parsed` is None for another status, and for a body that does not decode as its type.
    """
    return parse(response, ERRORS)
