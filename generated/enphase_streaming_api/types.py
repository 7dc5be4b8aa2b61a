# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
"""What every operation answers with."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import httpx
import msgspec

T = TypeVar("T")


class Response(msgspec.Struct, Generic[T], frozen=True):
    """An answer that was read to its end. Its repr shows neither body nor headers."""

    status_code: int
    """A plain int: the API answers with statuses that `http.HTTPStatus` does not know."""
    content: bytes
    """The body as it came."""
    headers: httpx.Headers
    parsed: T | None = None
    """The body as its type; None where the status is undocumented or the body is of another form."""

    def __repr__(self) -> str:
        return f"Response(status_code={self.status_code}, parsed={self.parsed!r})"


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
