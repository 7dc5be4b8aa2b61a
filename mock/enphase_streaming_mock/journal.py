"""What the mock was asked and how it went, without the secrets."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
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

    `received` and `ended` are by the mock's clock; `ended` and `closed_by` are None while a stream
    is open. `closed_by` says who ended the answer: the server that finished it or stopped, or the
    client that left.
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

    def header(self, name: str) -> list[str]:
        """Every value of a header, whatever the case of its name."""
        return header_values(self.headers, name)

    def close(self, by: Literal["server", "client"], now: datetime) -> None:
        """Note who ended the answer; the first to say so counts."""
        if self.closed_by is None:
            self.closed_by, self.ended = by, now


def header_values(headers: Pairs, name: str) -> list[str]:
    """Every value of a header, in order, whatever the case of its name."""
    return [value for key, value in headers if key.lower() == name.lower()]


class Journal:
    """The last 10,000 requests, oldest first.

    `secret_names` are further names whose values are masked; `secrets` are masked wherever they
    appear.
    """

    def __init__(self, secret_names: Iterable[str], secrets: Sequence[str]) -> None:
        self._names = _SECRET_NAMES | {name.lower() for name in secret_names}
        self._secrets = secrets
        self._requests: deque[RecordedRequest] = deque(maxlen=_KEPT)

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
        entry = RecordedRequest(
            self._hide(method),
            self._hide(path),
            self._masked(query),
            self._masked(headers),
            received,
            status,
        )
        self._requests.append(entry)
        return entry

    def _masked(self, pairs: Iterable[tuple[str, str]]) -> Pairs:
        return tuple(
            (self._hide(name), MASK if name.lower() in self._names else self._hide(value))
            for name, value in pairs
        )

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text
