"""A request and its reply, as the engine and its doors hand them to each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from enphase_streaming_mock.journal import Pairs, RecordedRequest, header_values


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a door received it; repeated headers and parameters stand as often as sent."""

    method: str
    path: str
    headers: Pairs = field(default=(), repr=False)
    query: Pairs = field(default=(), repr=False)

    def header(self, name: str) -> list[str]:
        """Every value of a header, whatever the case of its name."""
        return header_values(self.headers, name)

    def parameter(self, name: str) -> list[str]:
        """Every value of a query parameter."""
        return [value for key, value in self.query if key == name]

    def preferences(self) -> dict[str, str]:
        """What `Prefer` asks for, by lower-case name: RFC 7240, the first of a name counts."""
        found: dict[str, str] = {}
        for item in ",".join(self.header("prefer")).replace(";", ",").split(","):
            name, _, value = item.partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
        return found


@dataclass(slots=True)
class Reply:
    """What a door sends back.

    Without `events` the reply is `body`, whole. With them it is a stream: each item is the moment
    it is due, in seconds after the request, and the bytes to send then. Empty bytes end the stream
    cleanly, as an empty chunk does in HTTP. The door counts what it sent in `record` and says there
    who closed.
    """

    status: int
    headers: Pairs
    record: RecordedRequest
    body: bytes = b""
    events: Iterator[tuple[float, bytes]] | None = None
