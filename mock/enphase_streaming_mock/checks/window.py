"""One stream, read from its request to its end."""

import time
from dataclasses import dataclass, field
from typing import Literal

import httpx

from enphase_streaming_mock.checks.door import EVENT_STREAM, Answer, Door, kind_of
from enphase_streaming_mock.checks.events import Body, Chunk, read_body
from enphase_streaming_mock.checks.redaction import Redactor

LATE = 5.0
"""A stream that is still open so many real seconds past its duration is hung up on."""
_MOST = 16 * 1024 * 1024


@dataclass(slots=True)
class Window:
    """What came of one call; `status` is 0 where no answer did, and `trouble` says why.

    Times are in seconds by the backend's clock, from the request on. With the real API the bytes of
    `chunks` are masked where they name the site, and `site` is how its number looks in them.
    """

    duration: int
    site: int
    status: int = 0
    kind: str = ""
    content_type: str | None = None
    has_length: bool = False
    chunks: list[Chunk] = field(default_factory=list)
    answered: float = 0.0
    elapsed: float = 0.0
    end: Literal["closed", "broken", "silent", "open", "stopped"] = "stopped"
    trouble: str = ""

    @property
    def is_stream(self) -> bool:
        """Whether the call opened an event stream."""
        return self.status == 200 and self.kind == EVENT_STREAM

    @property
    def answer(self) -> Answer:
        """The same as an answer that is whole."""
        return Answer(self.status, self.kind, {}, b"".join(data for _, data in self.chunks))

    @property
    def body(self) -> Body:
        """The body, taken apart."""
        return read_body(self.chunks)

    def read(self, door: Door, duration: int | None) -> None:
        """Open a stream for `duration` seconds, and stay until it ends or is late for that."""
        asked = {door.contract.duration_name: None if duration is None else str(duration)}
        speed = door.backend.clock_speed
        size, began = 0, time.monotonic()
        try:
            with door.open(asked) as response:
                self.answered = (time.monotonic() - began) * speed
                self._note(response)
                for data in response.iter_raw():
                    waited = time.monotonic() - began
                    self.chunks.append((waited * speed, data))
                    size += len(data)
                    if waited > self.duration / speed + LATE or size > _MOST:
                        self.end = "open"
                        return
                self.end = "closed"
        except httpx.ReadTimeout:
            self.end, self.trouble = "silent", "nothing more came"
        except httpx.TransportError as error:
            self.end, self.trouble = "broken", f"{type(error).__name__}: {error}"
        finally:
            self.elapsed = (time.monotonic() - began) * speed
            if door.backend.kind == "real":
                redactor = Redactor(door.backend.secrets)
                self.chunks = redactor.masked(self.chunks, is_stream=self.is_stream)
                self.site = int(redactor.mask(str(self.site).encode()))
            door.last = self.answer

    def _note(self, response: httpx.Response) -> None:
        self.status, self.kind = response.status_code, kind_of(response)
        self.content_type = response.headers.get("content-type")
        self.has_length = "content-length" in response.headers
