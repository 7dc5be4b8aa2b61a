# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from ..models.token_request_grant_type import TokenRequestGrantType


class TokenRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One of three grants. Each requires the fields that begin with its name."""

    grant_type: TokenRequestGrantType
    """The kind of the grant."""

    code: str | None = None
    """authorization_code: the code that the authorization page returned."""

    redirect_uri: str | None = None
    """authorization_code: the address that the code was sent to."""

    username: str | None = None
    """password: the owner's login; partner applications only."""

    password: str | None = None
    """password: the owner's password; partner applications only."""

    refresh_token: str | None = None
    """refresh_token: the refresh token to spend. It is valid for a month."""

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
        secrets = ["code", "password", "refresh_token"]
        return [(n, "***" if n in secrets and v is not None else v) for n, v in fields]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"
