# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from collections.abc import Mapping
from typing import Any, Self

import msgspec


class ErrorDetail(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What went wrong."""

    code: int | None = None
    """The HTTP status."""

    status: str | None = None
    """A constant, such as `INVALID_DURATION`."""

    message: str | None = None
    """An explanation in prose. Match `code` instead."""

    details: list[Any] | None = None
    """Further details; published only as empty objects."""

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
