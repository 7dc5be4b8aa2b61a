# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
"""What every operation answers with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import httpx
import msgspec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Response(Generic[T]):
    """An answer that was read to its end. Its repr shows neither body nor headers."""

    status_code: int
    """A plain int: the API answers with statuses that `http.HTTPStatus` does not know."""
    content: bytes = field(repr=False)
    """The body as it came."""
    headers: httpx.Headers = field(repr=False)
    parsed: T | None = None
    """The body as its type; None where the status is undocumented or the body is of another form."""


def parse(response: httpx.Response, models: Mapping[int, type[T]]) -> Response[T]:
    """Decode the body of a response, which must have been read, as the model of its status."""
    model = models.get(response.status_code)
    parsed: T | None = None
    if model is not None:
        try:
            parsed = msgspec.json.decode(response.content, type=model)
        # msgspec lets the last two through: invalid UTF-8 in a string, and nesting without end.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=parsed,
    )


__all__ = ["Response", "parse"]
