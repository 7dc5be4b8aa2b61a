# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
"""The response of every operation."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import httpx
import msgspec

T = TypeVar("T")


class Response(msgspec.Struct, Generic[T], frozen=True):
    """A response that was read to its end. The repr shows neither body nor headers."""

    status_code: int
    """A plain int, as `http.HTTPStatus` lacks some of the API's statuses."""
    content: bytes
    """The body as it was received."""
    headers: httpx.Headers
    parsed: T | None = None
    """The decoded body; None for an undocumented status or a body of another form."""

    def __repr__(self) -> str:
        return f"Response(status_code={self.status_code}, parsed={self.parsed!r})"


def parse(response: httpx.Response, models: Mapping[int, type[T]]) -> Response[T]:
    """Decode the body of a response that was read, by the model of its status."""
    model = models.get(response.status_code)
    parsed: T | None = None
    if model is not None:
        try:
            parsed = msgspec.json.decode(response.content, type=model)
        # msgspec raises the last two for invalid UTF-8 in a string and for deep nesting.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=parsed,
    )


__all__ = ["Response", "parse"]
