"""The mock itself, without a socket and without a clock: a request in, timed bytes out.

Doors such as `listener.py` bring requests and carry replies; `contract.py` says what is refused and
how; `site.py` supplies the readings.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.duration import read_duration
from enphase_streaming_mock.exchange import Reply, Request
from enphase_streaming_mock.journal import Journal, Pairs
from enphase_streaming_mock.scenarios import Scenario
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.wire import Wire, error_body

API_KEY = "mock-api-key"
ACCESS_TOKEN = "mock-access-token"
SYSTEM_ID = 1765
_GATEWAY = "121900000001"

_JSON = (("Content-Type", "application/json"),)
_EVENT_STREAM = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"))


@dataclass(frozen=True, slots=True)
class _Plain:
    """An answer that the document does not describe: the gateway in front of the API gives it."""

    status: int
    reason: str
    headers: Pairs = ()

    def body(self) -> bytes:
        return json.dumps({"reason": str(self.status), "message": [self.reason]}).encode()


class Engine:
    """Answers requests for one site, as of a moment that the caller names.

    `start` is the moment the mock started (aware). Readings are a function of the scenario, its
    seed, `start` and the moment a stream is opened; the bytes, of these and of `wire`. Raises
    ValueError if the scenario's first reading does not fit the document.
    """

    def __init__(self, scenario: Scenario, start: datetime, wire: Wire | None = None) -> None:
        self.contract = load_contract()
        self.start = start
        self.wire = wire or Wire()
        self.site = Site(scenario, SYSTEM_ID, _GATEWAY)
        self.journal = Journal([self.contract.key_name], [API_KEY, ACCESS_TOKEN])
        event = json.loads(Wire().event(self.site.reading(0), start).removeprefix(b"data:"))
        if faults := self.contract.event_faults(event):
            raise ValueError(f"scenario {scenario.name!r} gives no valid reading: {faults[0]}")

    def answer(self, request: Request, now: datetime) -> Reply:
        """Answer a request that arrived at `now` (aware, not before `start`), and note it."""
        outcome = self._route(request)
        status = 200 if isinstance(outcome, int) else outcome.status
        record = self.journal.record(
            request.method, request.path, request.query, request.headers, now, status
        )
        if isinstance(outcome, int):
            return Reply(status, _EVENT_STREAM, record, events=self._events(now, outcome))
        record.close("server", now)
        if isinstance(outcome, Refusal):
            return Reply(status, _JSON, record, error_body(outcome.envelope, now))
        return Reply(status, _JSON + outcome.headers, record, outcome.body())

    def _route(self, request: Request) -> int | Refusal | _Plain:
        before, after = self.contract.before_system_id, self.contract.after_system_id
        system_id = request.path.removeprefix(before).removesuffix(after)
        if request.path != before + system_id + after or not system_id or "/" in system_id:
            return _Plain(404, f"There is nothing here; streams are at {before}{SYSTEM_ID}{after}")
        if request.method != "GET":
            return _Plain(405, "Method not allowed", (("Allow", "GET"),))
        return (
            self._preferred(request)
            or self._refused_access(request)
            or self._duration_or_refusal(request, unquote(system_id))
        )

    def _preferred(self, request: Request) -> Refusal | _Plain | None:
        """What `Prefer: code=461` asks for, with `example=` where a code has several."""
        wishes = request.preferences()
        code, example = wishes.get("code", "200"), wishes.get("example")
        if code == "200":  # the ordinary way, which can still end in a refusal
            return None
        documented = {str(status): each for status, each in self.contract.refusals.items()}
        if code not in documented:
            choices = ", ".join(["200", *documented])
            return _Plain(400, f"Prefer: code={code[:80]} is not documented; choose from {choices}")
        examples = documented[code]
        if example is not None and example not in examples:
            choices = ", ".join(examples)
            return _Plain(
                400, f"Prefer: code={code} has no example={example[:80]}; choose from {choices}"
            )
        return examples[example or next(iter(examples))]

    def _refused_access(self, request: Request) -> Refusal | None:
        """The key comes first: the gateway knows the application before it looks at its user."""
        name = self.contract.key_name
        keys = request.header(name) or request.parameter(name)
        if not any(keys):
            return self.contract.refusal("apiKeyMissing")
        if keys != [API_KEY]:
            return self.contract.refusal("apiKeyInvalid")
        tokens = [value.partition(" ") for value in request.header("authorization")]
        if [(scheme.lower(), token.strip()) for scheme, _, token in tokens] != [
            (self.contract.token_scheme, ACCESS_TOKEN)
        ]:
            return self.contract.refusal("accessTokenInvalid")
        return None

    def _duration_or_refusal(self, request: Request, system_id: str) -> int | Refusal:
        duration = read_duration(request.header(self.contract.duration_name), self.contract)
        if isinstance(duration, int) and system_id != str(SYSTEM_ID):
            return self.contract.refusal("systemNotFound")
        return duration

    def _events(self, opened: datetime, duration: int) -> Iterator[tuple[float, bytes]]:
        first = (opened - self.start) // timedelta(seconds=1)
        preamble = self.wire.preamble
        for second in range(duration):
            reading = self.site.reading(first + second)
            event = self.wire.event(reading, opened + timedelta(seconds=second))
            yield float(second), preamble + event
            preamble = b""
        yield float(duration), b""
