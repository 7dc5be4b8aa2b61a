"""What the mock was asked and how it went, without the secrets."""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal

Pairs = tuple[tuple[str, str], ...]

MASK = "***"
# Fields and parameters whose value is a secret, right or wrong; the key's own name is the
# document's.
_SECRET_NAMES = frozenset(
    {
        "access_token",
        "authorization",
        "client_secret",
        "code",
        "cookie",
        "password",
        "proxy-authorization",
        "refresh_token",
    }
)
_KEPT = 10_000


@dataclass(slots=True)
class RecordedRequest:
    """One request and its answer, secrets masked as `***`.

    `number` counts the requests from 1. `received` and `ended` are by the mock's clock; `ended` and
    `closed_by` are None while a stream is open. `closed_by` says who ended the answer: the server
    that finished it or stopped, or the client that left; `broken` is whether the server ended it in
    the middle. `reply_body` is the body of an answer that is no stream. `key_mark` and `token_mark`
    are the same wherever the same key or token was sent, and empty where none was.
    """

    method: str
    path: str
    query: Pairs
    headers: Pairs
    received: datetime
    status: int
    events_sent: int = 0
    closed_by: Literal["server", "client"] | None = None
    ended: datetime | None = None
    broken: bool = False
    number: int = 0
    key_mark: str = ""
    token_mark: str = ""
    reply_headers: Pairs = ()
    reply_body: bytes = b""

    def header(self, name: str) -> list[str]:
        """Every value of a header, whatever the case of its name."""
        return header_values(self.headers, name)

    def answer(self, headers: Pairs, body: bytes) -> None:
        """Note what is sent back; a body only if it is an error's, since others hold secrets."""
        self.reply_headers = headers
        if self.status >= 400 and body:
            self.reply_body = body

    def close(
        self, by: Literal["server", "client"], now: datetime, *, broken: bool = False
    ) -> None:
        """Note who ended the answer; the first to say so counts."""
        if self.closed_by is None:
            self.broken, self.ended = broken, now
            self.closed_by = by


def header_values(headers: Pairs, name: str) -> list[str]:
    """Every value of a header, in order, whatever the case of its name."""
    return [value for key, value in headers if key.lower() == name.lower()]


class Journal:
    """The last 10,000 requests, oldest first.

    `secret_names` are the names that carry an API key, whose values are masked as those of tokens
    and passwords are; `secrets` are masked wherever they appear.
    """

    def __init__(self, secret_names: Iterable[str], secrets: Sequence[str]) -> None:
        self._key_names = {name.lower() for name in secret_names}
        self._names = _SECRET_NAMES | self._key_names
        self.secrets = secrets
        self._requests: deque[RecordedRequest] = deque(maxlen=_KEPT)
        self._count = 0
        self._salt = os.urandom(16)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far; one that is still open goes on changing."""
        return list(self._requests)

    def record(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, str]],
        headers: Iterable[tuple[str, str]],
        received: datetime,
        status: int,
    ) -> RecordedRequest:
        """Write a request down with the status it is answered with."""
        query, headers = tuple(query), tuple(headers)
        keys = [value for name, value in headers + query if name.lower() in self._key_names]
        self._count += 1
        entry = RecordedRequest(
            self._hide(method),
            self._hide(path),
            self._masked(query),
            self._masked(headers),
            received,
            status,
            number=self._count,
            key_mark=self._mark(keys),
            token_mark=self._mark(header_values(headers, "authorization")),
        )
        self._requests.append(entry)
        return entry

    def clear(self) -> None:
        """Forget every request; the next one is the first."""
        self._requests.clear()
        self._count = 0

    def _mark(self, secrets: Sequence[str]) -> str:
        """Tell secrets apart without keeping them; nobody else knows the salt."""
        if not any(secrets):
            return ""
        text = "\n".join(secrets).encode("utf-8", "surrogatepass")
        return blake2b(text, key=self._salt, digest_size=4).hexdigest()

    def _masked(self, pairs: Iterable[tuple[str, str]]) -> Pairs:
        return tuple(
            (self._hide(name), MASK if name.lower() in self._names else self._hide(value))
            for name, value in pairs
        )

    def _hide(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text
