"""The mock without a socket and without a clock: a request in, timed bytes out.

A server or transport brings requests and carries replies. `gateway` answers what is no stream,
`stream` makes the steps of one, `faults` spoils both.
"""

import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from enphase_streaming_mock.account import SYSTEM_ID, Account
from enphase_streaming_mock.contract import Contract, load_contract
from enphase_streaming_mock.exchange import End, Pairs, Request, Step
from enphase_streaming_mock.faults import Fault, Faults
from enphase_streaming_mock.faults.answer import AnswerFault, SlowHead, endless
from enphase_streaming_mock.faults.stream import Running, Scene, StreamFault, Strike
from enphase_streaming_mock.gateway.access import admit, bearer
from enphase_streaming_mock.gateway.oauth import authorize, issue
from enphase_streaming_mock.gateway.responses import EVENT_STREAM, Answer, documented, unserved
from enphase_streaming_mock.journal import Journal, RecordedRequest
from enphase_streaming_mock.replay import Recording
from enphase_streaming_mock.scenarios import Scenario
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.stream import cut, stream
from enphase_streaming_mock.wire import Wire

_GATEWAY = "121900000001"


@dataclass(slots=True)
class Reply:
    """What is sent back.

    Without `steps` it is `body`, whole. With them it is a stream; if they run out before one of
    them ends it, the connection stays open and silent until the client leaves. The head is sent
    `delay` seconds after the request; with `hang_up` the connection ends that way instead. The
    sender counts events in `record`, and notes there who closed.
    """

    status: int
    headers: Pairs
    record: RecordedRequest
    body: bytes = b""
    steps: Iterator[Step] | None = None
    delay: float = 0.0
    hang_up: End | None = None


class Engine:
    """Answers requests for one site, as of a moment that the caller names.

    Readings are a function of the scenario, its seed, `start` (when the mock started, aware) and
    the moment a stream is opened; the bytes, of these and of `wire`. With a `recording` its windows
    are played in turn in place of the site.
    """

    def __init__(
        self,
        scenario: Scenario,
        start: datetime,
        wire: Wire | None = None,
        account: Account | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.contract: Contract = load_contract()
        self.start = start
        self.account: Account = account or Account(start)
        self.faults: Faults = Faults()
        self.journal: Journal = Journal(self.contract, self.account.secrets, start)
        self.wire: Wire = wire or Wire()
        self.site: Site = Site(scenario, SYSTEM_ID, _GATEWAY)
        self.recording: Recording | None = recording
        self._played = 0
        self._running: weakref.WeakSet[Running] = weakref.WeakSet()
        self._lock = threading.Lock()

    def use(self, scenario: Scenario | None = None, wire: Wire | None = None) -> None:
        """Change what streams show, or how they are written, from the next one on.

        The new scenario's second 0 is when the mock started.
        """
        if scenario is not None:
            self.site = Site(scenario, SYSTEM_ID, _GATEWAY)
        self.wire = wire or self.wire

    def renew(self, account: Account) -> None:
        """Start over with an account, an empty journal, no faults and the first window."""
        self.account = account
        self.journal = Journal(self.contract, account.secrets, self.start)
        self.faults.clear()
        self._played = 0

    def strike(self, fault: Fault) -> None:
        """Let a fault strike every stream that is open, from its next event on.

        Raises ValueError if no stream is open, or for a fault that begins with a request.
        """
        effect = fault.effect
        if not isinstance(effect, Strike):
            raise ValueError(
                f"Fault {fault.name!r} cannot strike an open stream: set it for the next."
            )
        if effect.always or effect.requests is not None:
            raise ValueError("always and requests are for the streams to come, not for open ones.")
        with self._lock:
            running = [each for each in self._running if each.record.ended is None]
            for each in running:
                each.strike(effect)
        if not running:
            raise ValueError("No stream is open: open one, or set the fault for the next.")

    def answer(self, request: Request, now: datetime) -> Reply:
        """Answer a request that arrived at `now` (aware, not before `start`), and note it.

        Thread-safe; the steps of different replies may be iterated in different threads.
        """
        with self._lock:
            return self._answer(request, now)

    def _answer(self, request: Request, now: datetime) -> Reply:
        endpoint = self.endpoint(request)
        fault = self.faults.take(AnswerFault, endpoint) if endpoint else None
        outcome = fault.answer(self.wire, now) if fault else None
        if isinstance(outcome, End):
            record = self.journal.record(request, now, 0, endpoint)
            record.close("server", now, broken=True)
            return Reply(0, (), record, hang_up=outcome)
        delay = fault.seconds if isinstance(fault, SlowHead) else 0.0
        if outcome is None:
            found = self._route(request, now)
            if isinstance(found, int):
                return self._open(request, now, found, delay)
            outcome = found
        status, headers, body = outcome.status, outcome.headers, outcome.body
        record = self.journal.record(request, now, status, endpoint, headers, body)
        if outcome.endless:
            return Reply(status, headers, record, steps=endless(body), delay=delay)
        record.close("server", now)
        return Reply(status, headers, record, body, delay=delay)

    def _open(self, request: Request, now: datetime, duration: int, delay: float) -> Reply:
        status, headers = 200, EVENT_STREAM
        fault = self.faults.take(StreamFault)
        account, token = self.account, bearer(self.contract, request)
        scene = Scene(self.wire, now, duration, lambda at: account.expire(token, at))
        if self.recording is None:
            lasts = fault.duration(duration) if fault else duration
            system_id = int(self.contract.system_id(request.path))
            steps = stream(self.site, system_id, self.wire, self.start, now, lasts)
        else:
            windows = self.recording.windows
            window = windows[self._played % len(windows)]
            self._played += 1
            status, headers, steps = window.status, window.headers, iter(window.steps)
        if fault is not None:
            steps = fault.apply(steps, scene)
        record = self.journal.record(request, now, status, "stream", headers)
        running = Running(steps, scene, record)
        self._running.add(running)
        steps = cut(self.wire, running) if self.recording is None else running
        return Reply(status, headers, record, steps=steps, delay=delay)

    def _route(self, request: Request, now: datetime) -> int | Answer:
        """Return the seconds that a stream lasts, or an answer that is none."""
        endpoint = self.endpoint(request)
        if endpoint == "tokens":
            return issue(self.account, request, now)
        if request.path == self.contract.authorize_path:
            return authorize(self.account, request, now)
        if not endpoint:
            streams = self.contract.stream_path.format(system_id=SYSTEM_ID)
            where = f"streams are at {streams}, tokens at {self.contract.token_path}"
            return unserved(404, f"There is nothing here; {where}")
        if request.method != "GET":
            return unserved(405, "Method not allowed", (("Allow", "GET"),))
        return self._preferred(request, now) or admit(self.account, self.contract, request, now)

    def endpoint(self, request: Request) -> Literal["stream", "tokens", ""]:
        """Return which of the API's endpoints a request asks; "" if none."""
        if request.path == self.contract.token_path:
            return "tokens"
        return "stream" if self.contract.system_id(request.path) else ""

    def _preferred(self, request: Request, now: datetime) -> Answer | None:
        """Return what `Prefer: code=461` asks for, with `example=` where a code has several."""
        wishes = request.preferences()
        code, example = wishes.get("code", "200"), wishes.get("example")
        if code == "200":  # the ordinary way, which can still end in a refusal
            return None
        refusals = {str(status): each for status, each in self.contract.refusals.items()}
        examples = refusals.get(code, {})
        found = examples.get(example) if example else next(iter(examples.values()), None)
        if found is None:
            said = f"Prefer: code={code[:80]}" + (f", example={example[:80]}" if example else "")
            choices = ", ".join(examples or ["200", *refusals])
            return unserved(400, f"{said} is not documented; choose from {choices}")
        return documented(found, now)
