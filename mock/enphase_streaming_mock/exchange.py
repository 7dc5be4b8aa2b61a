"""A request and its reply, as the engine and its doors hand them to each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from enphase_streaming_mock.journal import Pairs, RecordedRequest, header_values


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a door received it; repeated headers and parameters stand as often as sent."""

    method: str
    path: str
    headers: Pairs = field(default=(), repr=False)
    query: Pairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

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


class End(Enum):
    """How the server ends an answer."""

    CLEAN = "clean"
    """As HTTP ends a body: with the empty chunk."""
    CLOSE = "close"
    """The connection is closed (FIN) while the body is incomplete."""
    RESET = "reset"
    """The connection is reset (RST) while the body is incomplete."""


class Step(NamedTuple):
    """One thing that happens on a stream: at a moment, bytes are sent, or it ends, or both.

    `due` is in seconds after the request. `data` is one chunk of the body, and with `raw` goes out
    as it is, without the framing of a chunk around it. `events` is how many events are complete
    once `data` is sent. After `data` the stream ends as `end` says, if it says anything.
    """

    due: float
    data: bytes = b""
    events: int = 0
    end: End | None = None
    raw: bool = False


@dataclass(slots=True)
class Reply:
    """What a door sends back.

    Without `steps` the reply is `body`, whole. With them it is a stream; if they run out before one
    of them ends it, the connection stays open and silent until the client leaves. `delay` is how
    many seconds after the request the head goes out; with `hang_up` there is no head at all, and
    the connection ends that way instead. The door counts what it sent in `record` and says there
    who closed.
    """

    status: int
    headers: Pairs
    record: RecordedRequest
    body: bytes = b""
    steps: Iterator[Step] | None = None
    delay: float = 0.0
    hang_up: End | None = None

    def __post_init__(self) -> None:
        self.record.answer(self.headers, self.body)
