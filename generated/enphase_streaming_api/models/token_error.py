# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from collections.abc import Mapping
from typing import Any, Self

import msgspec


class TokenError(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Why no tokens were issued."""

    error: str | None = None
    """A constant, such as `invalid_grant`."""

    error_description: str | None = None
    """An explanation in prose."""

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
