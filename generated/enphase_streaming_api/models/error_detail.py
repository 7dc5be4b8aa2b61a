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
        """Build one from decoded JSON; unknown names are ignored.

        Raises:
            msgspec.ValidationError: a field has another type, or a required one is missing.
        """
        return msgspec.convert(src_dict, cls)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types under the names of the wire, without the fields that are None."""
        result: dict[str, Any] = msgspec.to_builtins(self)
        return result
