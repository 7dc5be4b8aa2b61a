# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from ..models.error_detail import ErrorDetail


class ErrorResponse(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The envelope of every error of the streaming operation."""

    error: ErrorDetail | None = None
    """What went wrong."""

    timestamp_epoch: int | None = None
    """When it happened, in milliseconds or in seconds since 1970."""

    timestamp_utc: str | None = None
    """The same moment as `YYYY-MM-DD HH:MM:SS.mmm` in UTC, without a zone."""

    type_: str | None = msgspec.field(name="type", default=None)
    """The family of the error, such as `validation_error`."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build one from decoded JSON, and ignore unknown names.

        Raises:
            msgspec.ValidationError: A field has another type, or a required one is missing.
        """
        return msgspec.convert(src_dict, cls)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types by their names on the wire, without fields that are None."""
        result: dict[str, Any] = msgspec.to_builtins(self)
        return result
