"""Requests, and the timed steps of a stream, as the engine exchanges them with what serves it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple
from urllib.parse import parse_qsl

Pairs = tuple[tuple[str, str], ...]
"""Headers or query parameters, in order; repeated names stay repeated."""


def header_values(headers: Pairs, name: str) -> list[str]:
    """Return every value of a header, in order; the case of its name is ignored."""
    return [value for key, value in headers if key.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received."""

    method: str
    path: str
    headers: Pairs = field(default=(), repr=False)
    query: Pairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def received(
        cls, method: str, target: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> "Request":
        """Make it of what was on the line; `target` is the path with the query string."""
        path, _, query = target.partition("?")
        return cls(
            method,
            path,
            # Every byte is a character of Latin-1, so no header is lost or refused.
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers),
            tuple(parse_qsl(query, keep_blank_values=True)),
            body,
        )

    def header(self, name: str) -> list[str]:
        """Return every value of a header; the case of its name is ignored."""
        return header_values(self.headers, name)

    def parameter(self, name: str) -> list[str]:
        """Return every value of a query parameter."""
        return [value for key, value in self.query if key == name]

    def preferences(self) -> dict[str, str]:
        """Return what `Prefer` asks for, by lower-case name; the first counts (RFC 7240)."""
        found: dict[str, str] = {}
        for item in ",".join(self.header("prefer")).replace(";", ",").split(","):
            name, _, value = item.partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
        return found


class End(Enum):
    """How the server ends a response."""

    CLEAN = "clean"
    """With the empty chunk, as HTTP ends a body."""
    CLOSE = "close"
    """By closing the connection (FIN) before the body is complete."""
    RESET = "reset"
    """By resetting the connection (RST) before the body is complete."""


class Step(NamedTuple):
    """One moment of a stream: bytes are sent, or it ends, or both.

    `due` is in seconds after the request. `data` is one chunk of the body; with `raw` it is sent
    without the framing of a chunk. `events` counts the events that are complete once `data` is
    sent. `end`, if given, is how the stream ends after `data`.
    """

    due: float
    data: bytes = b""
    events: int = 0
    end: End | None = None
    raw: bool = False
