# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from ..models.token_request_grant_type import TokenRequestGrantType


class TokenRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One of the three grants. Each needs the fields that are named after it."""

    grant_type: TokenRequestGrantType
    """How the caller proves that the owner agreed."""

    code: str | None = None
    """authorization_code: the code that the owner was handed."""

    redirect_uri: str | None = None
    """authorization_code: the address the code was sent to."""

    username: str | None = None
    """password: the owner's login; partner applications only."""

    password: str | None = None
    """password: the owner's password; partner applications only."""

    refresh_token: str | None = None
    """refresh_token: the token to spend. It lives for a month."""

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

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        fields = [(name, getattr(self, name)) for name in self.__struct_fields__]
        secrets = ["code", "password", "refresh_token"]
        return [(n, "***" if n in secrets and v is not None else v) for n, v in fields]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"
