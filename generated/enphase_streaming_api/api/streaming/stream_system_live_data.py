# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient
from ...models.error_response import ErrorResponse
from ...models.live_event import LiveEvent
from ...types import Response, parse

BOUNDS: dict[str, tuple[int | None, int | None]] = {
    "duration": (30, 300),
}
"""Minimum and maximum of each bounded parameter, both inclusive; None where there is no bound."""

EVENT = LiveEvent
"""What the JSON text of one event decodes to."""

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
"""The documented statuses of an answer that is no stream, and what its body decodes to."""


def get_kwargs(
    system_id: int,
    *,
    duration: int | None = None,
) -> dict[str, Any]:
    """The arguments for httpx's `build_request`, `request` or `stream`."""
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
    """Stream the live readings of one site.

    Opens an event stream that the server ends after `duration` seconds. Every call costs
    money on every plan. The gateway of the site has to be active, on software 6.0.0 or newer.

    A context manager that yields the open response, unread, whatever its status.
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
    """Stream the live readings of one site.

    Opens an event stream that the server ends after `duration` seconds. Every call costs
    money on every plan. The gateway of the site has to be active, on software 6.0.0 or newer.

    A context manager that yields the open response, unread, whatever its status.
    """

    return client.get_async_httpx_client().stream(
        **get_kwargs(
            system_id,
            duration=duration,
        )
    )


def parse_error(response: httpx.Response) -> Response[ErrorResponse]:
    """What an answer that is no stream says. It must have been read: `read()` or `aread()`.

    Never raises: `parsed` is None for a status that is not in `ERRORS`, and for a body that does
    not decode as the type that is.
    """
    return parse(response, ERRORS)
