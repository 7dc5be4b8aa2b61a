# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from collections.abc import Mapping
from typing import Any, Self

import msgspec


class TokenResponse(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A pair of tokens. More fields appear at times."""

    access_token: str
    """The token that opens a stream."""

    refresh_token: str
    """The token for the next pair, valid once. Store it before using this pair."""

    token_type: str | None = None
    """`bearer`."""

    expires_in: int | None = None
    """Remaining lifetime of the access token, in seconds."""

    scope: str | None = None

    enl_uid: str | None = None

    enl_cid: str | None = None

    enl_password_last_changed: str | None = None

    is_internal_app: bool | None = None

    app_type: str | None = None

    jti: str | None = None
    """The id of this access token."""

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

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        fields = [(name, getattr(self, name)) for name in self.__struct_fields__]
        secrets = ["access_token", "refresh_token"]
        return [(n, "***" if n in secrets and v is not None else v) for n, v in fields]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"
