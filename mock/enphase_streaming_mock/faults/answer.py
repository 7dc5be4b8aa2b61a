"""Faults of an answer: another one is sent in its place, or none."""

from collections.abc import Iterator
from datetime import datetime
from itertools import count

from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.faults.fault import DocumentedError, Effect, Endpoint, Form, How
from enphase_streaming_mock.gateway.responses import (
    EVENT_STREAM,
    SHAPES,
    Answer,
    Shape,
    documented,
    page,
)
from enphase_streaming_mock.wire import Wire


class AnswerFault(Effect):
    """A fault of the answer to the next request, right or wrong."""

    def answer(self, wire: Wire, now: datetime) -> Answer | End | None:
        """Return what is sent instead: an answer, or an end without one; None for nothing else."""
        return None


class Error(DocumentedError, AnswerFault):
    """The documented error `code`, as `form` json, event-stream or framed."""

    code: int = 551
    form: Form = "json"

    def answer(self, wire: Wire, now: datetime) -> Answer:
        """Return the error."""
        answer = documented(self.refusal, now)
        if self.form == "json":
            return answer
        body = wire.frame(answer.body.decode(), now) if self.form == "framed" else answer.body
        return Answer(answer.status, body, EVENT_STREAM)


class _OnEither(AnswerFault):
    """A fault `on` the "stream" or the "tokens" endpoint."""

    on: Endpoint = "stream"


class Gateway(_OnEither):
    """An answer of the gateway in front of the API, of one `shape`."""

    shape: Shape = "unavailable"

    def answer(self, wire: Wire, now: datetime) -> Answer:
        """Return the answer of that shape."""
        return SHAPES[self.shape](now)


class Json(_OnEither):
    """Status `code` with JSON that is no stream."""

    code: int = 200

    def answer(self, wire: Wire, now: datetime) -> Answer:
        """Return a list of no sites."""
        return Answer(self.code, b'{"systems":[],"total":0}')


class Html(_OnEither):
    """Status `code` with an HTML page."""

    code: int = 200

    def answer(self, wire: Wire, now: datetime) -> Answer:
        """Return the page."""
        return page(self.code)


class EndlessError(_OnEither):
    """Status `code` with a body that never ends."""

    code: int = 503

    def answer(self, wire: Wire, now: datetime) -> Answer:
        """Return spaces."""
        return Answer(self.code, b" " * 4_096, endless=True)


class SlowHead(_OnEither):
    """The answer's head comes after `seconds`."""

    seconds: float = 10.0


class HangUp(_OnEither):
    """The connection ends before a head, by `how` close or reset."""

    how: How = "close"

    def answer(self, wire: Wire, now: datetime) -> End:
        """Return the end."""
        return End(self.how)


def endless(body: bytes) -> Iterator[Step]:
    """Yield a body over and over, fifty times a second, without an end."""
    return (Step(number / 50, body) for number in count())
