"""The mock itself, without a socket and without a clock: a request in, timed bytes out.

Doors such as `listener.py` bring requests and carry replies; `contract.py` says what is refused and
how, `access.py` to whom; `stream.py` supplies the streams, and `faults.py` what goes wrong.
"""

import json
import math
import threading
from datetime import datetime
from urllib.parse import unquote

from enphase_streaming_mock.access import admit, bearer
from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID, Account
from enphase_streaming_mock.answers import EVENT_STREAM, Answer, refuse, unserved
from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.exchange import End, Reply, Request
from enphase_streaming_mock.faults import Faults
from enphase_streaming_mock.issuing import issue
from enphase_streaming_mock.journal import Journal, RecordedRequest
from enphase_streaming_mock.replay import Player, Recording
from enphase_streaming_mock.scenarios import Scenario
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.spoil import Scene, endless, in_place_of_answer, refusal_of, spoil
from enphase_streaming_mock.stream import Source
from enphase_streaming_mock.timeline import cut
from enphase_streaming_mock.wire import Wire

__all__ = ["ACCESS_TOKEN", "API_KEY", "SYSTEM_ID", "Engine"]

_GATEWAY = "121900000001"


class Engine:
    """Answers requests for one site, as of a moment that the caller names.

    `start` is the moment the mock started (aware). Readings are a function of the scenario, its
    seed, `start` and the moment a stream is opened; the bytes, of these and of `wire`. With a
    `recording` its windows are played in place of the site. Raises ValueError if the scenario's
    first reading does not fit the document.
    """

    def __init__(
        self,
        scenario: Scenario,
        start: datetime,
        wire: Wire | None = None,
        account: Account | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.contract = load_contract()
        self.start = start
        self.account = account or Account(start)
        self.faults = Faults()
        self._turn = threading.Lock()
        self.journal = Journal([self.contract.key_name], self.account.secrets)
        self._player = None if recording is None else Player(recording)
        self._source = self._sourced(scenario, wire or Wire())

    @property
    def site(self) -> Site:
        """The site that streams show from now on."""
        return self._source.site

    @property
    def wire(self) -> Wire:
        """How streams are written from now on."""
        return self._source.wire

    def use(self, scenario: Scenario | None = None, wire: Wire | None = None) -> None:
        """Change what streams show, or how it is written, from the next one on.

        The new scenario's second 0 is the moment the mock started. Raises ValueError as the
        engine does; what there was then stays.
        """
        site = self.site.scenario if scenario is None else scenario
        self._source = self._sourced(site, wire or self.wire)

    def renew(self, account: Account) -> None:
        """Begin anew with an account, an empty journal and the recording's first window."""
        self.account = account
        self.journal.secrets = account.secrets
        self.journal.clear()
        if self._player is not None:
            self._player.rewind()

    def answer(self, request: Request, now: datetime) -> Reply:
        """Answer a request that arrived at `now` (aware, not before `start`), and note it.

        May be called from any thread, and so may the steps of different replies be asked for.
        """
        with self._turn:
            return self._answer(request, now)

    def _answer(self, request: Request, now: datetime) -> Reply:
        place = self._place(request)
        fault = self.faults.take("answer", place) if place else None
        spoiled = in_place_of_answer(fault, self.wire, now) if fault else None
        if isinstance(spoiled, End):
            record = self._record(request, now, 0)
            record.close("server", now, broken=True)
            return Reply(0, (), record, hang_up=spoiled)
        delay = fault.seconds or 0.0 if fault is not None and fault.name == "slow-head" else 0.0
        outcome = self._route(request, now) if spoiled is None else spoiled
        if isinstance(outcome, int):
            return self._open(request, now, outcome, delay)
        if isinstance(outcome, Refusal):
            outcome = refuse(outcome, now)
        record = self._record(request, now, outcome.status)
        record.answer(outcome.headers, outcome.body)
        if fault is not None and fault.name == "endless-error":
            return Reply(outcome.status, outcome.headers, record, steps=endless(outcome.body))
        record.close("server", now)
        return Reply(outcome.status, outcome.headers, record, outcome.body, delay=delay)

    def _open(self, request: Request, now: datetime, duration: int, delay: float) -> Reply:
        status, headers = 200, EVENT_STREAM
        fault = self.faults.take("stream")
        if self._player is None:
            length: float = duration
            if fault is not None and fault.name == "overrun":
                length += fault.seconds or math.inf
            steps = self._source.steps(now, length)
        else:
            status, headers, steps = self._player.next()
        if fault is not None and fault.name != "overrun":
            token = bearer(self.contract, request)

            def expire(moment: datetime) -> None:
                self.account.expire(token, moment)

            steps = spoil(fault, steps, Scene(self.wire, now, duration, refusal_of(fault), expire))
        if self._player is None:
            steps = cut(self.wire, steps)
        record = self._record(request, now, status)
        record.answer(headers, b"")
        return Reply(status, headers, record, steps=steps, delay=delay)

    def _place(self, request: Request) -> str:
        """What a fault can be set `on`; "" for an address that is neither."""
        if request.path == self.contract.token_path:
            return "tokens"
        return "stream" if self._system_id(request) else ""

    def _system_id(self, request: Request) -> str:
        before, after = self.contract.before_system_id, self.contract.after_system_id
        system_id = request.path.removeprefix(before).removesuffix(after)
        fits = request.path == before + system_id + after and "/" not in system_id
        return system_id if fits else ""

    def _route(self, request: Request, now: datetime) -> int | Refusal | Answer:
        if request.path == self.contract.token_path:
            return issue(self.account, request, now)
        system_id = self._system_id(request)
        if not system_id:
            before, after = self.contract.before_system_id, self.contract.after_system_id
            where = f"streams are at {before}{SYSTEM_ID}{after}, tokens at "
            return unserved(404, f"There is nothing here; {where}{self.contract.token_path}")
        if request.method != "GET":
            return unserved(405, "Method not allowed", (("Allow", "GET"),))
        return self._preferred(request) or admit(
            self.account, self.contract, request, unquote(system_id), now
        )

    def _preferred(self, request: Request) -> Refusal | Answer | None:
        """What `Prefer: code=461` asks for, with `example=` where a code has several."""
        wishes = request.preferences()
        code, example = wishes.get("code", "200"), wishes.get("example")
        if code == "200":  # the ordinary way, which can still end in a refusal
            return None
        documented = {str(status): each for status, each in self.contract.refusals.items()}
        if code not in documented:
            choices = ", ".join(["200", *documented])
            return unserved(
                400, f"Prefer: code={code[:80]} is not documented; choose from {choices}"
            )
        examples = documented[code]
        if example is not None and example not in examples:
            choices = ", ".join(examples)
            return unserved(
                400, f"Prefer: code={code} has no example={example[:80]}; choose from {choices}"
            )
        return examples[example or next(iter(examples))]

    def _record(self, request: Request, now: datetime, status: int) -> RecordedRequest:
        return self.journal.record(
            request.method, request.path, request.query, request.headers, now, status
        )

    def _sourced(self, scenario: Scenario, wire: Wire) -> Source:
        site = Site(scenario, SYSTEM_ID, _GATEWAY)
        event = json.loads(Wire().event(site.reading(0), self.start).removeprefix(b"data:"))
        if faults := self.contract.event_faults(event):
            raise ValueError(f"scenario {scenario.name!r} gives no valid reading: {faults[0]}")
        return Source(site, wire, self.start)
