"""The mock as tests use it: its clock, account, journal, faults and engine in one object."""

# Over 300 lines: a documented method for each thing that a test may set, change or assert.

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, Unpack
from urllib.parse import urlsplit

from enphase_streaming_mock.account import (
    ACCESS_TOKEN,
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    OWNER,
    REDIRECT_URI,
    REFRESH_TOKEN,
    SYSTEM_ID,
    Account,
    App,
    LimitAnswer,
)
from enphase_streaming_mock.clock import Clock, HandClock, ScaledClock
from enphase_streaming_mock.engine import Engine
from enphase_streaming_mock.faults import Fault, FaultName, FaultOptions
from enphase_streaming_mock.journal import Journal, RecordedRequest, Side
from enphase_streaming_mock.plans import Bill, Period
from enphase_streaming_mock.replay import Recording
from enphase_streaming_mock.scenarios import Scenario, find_scenario
from enphase_streaming_mock.validation import check_options, is_loopback
from enphase_streaming_mock.verdict import Finding, Judge
from enphase_streaming_mock.wire import Wire, make_wire

if TYPE_CHECKING:
    from enphase_streaming_mock.transport import MockTransport


class ClientOptions(TypedDict):
    """The arguments of a client of this library, `StreamingClient` or `AsyncStreamingClient`."""

    api_key: str
    access_token: str
    base_url: str
    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    transport: NotRequired["MockTransport"]
    insecure_http: NotRequired[bool]


class MockOptions(TypedDict, total=False):
    """The options of a mock; `Mock` says what they are."""

    scenario: str | type[Scenario] | Scenario
    seed: int
    wire: Wire | str | None
    plan: str
    token_lifetime: float | None
    limit_answer: LimitAnswer
    recording: Recording | Path | str | None


class Mock:
    """A mock Enphase Streaming API without a socket; `MockServer` is the same with one.

    Its credentials are accepted, and `system_id` is the one site. What is set holds from the next
    request on.

    Args:
        scenario: A name of `enphase-mock scenarios`, or a scenario of your own.
        seed: Which of the scenario's days.
        clock: The mock's time, by default a `HandClock`.
        wire: How events are written: a `Wire`, or the name of one in `wire.WIRES`.
        plan: The plan of the application: watt, kilowatt, megawatt, partner or unlimited.
        token_lifetime: How long an access token is valid, in seconds; see `Account`.
        limit_answer: How a call beyond a limit is refused; see `Account`.
        recording: A recording, or the path of one, whose windows are played in place of the site.

    Raises:
        ValueError: If an option cannot be served.
        OSError: If the recording cannot be read.
    """

    api_key = API_KEY
    access_token = ACCESS_TOKEN
    refresh_token = REFRESH_TOKEN
    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET
    system_id = SYSTEM_ID

    def __init__(self, *, clock: Clock | None = None, **options: Unpack[MockOptions]) -> None:
        check_options(options, *MockOptions.__annotations__)
        self.clock: Clock = HandClock() if clock is None else clock
        self._speed = getattr(self.clock, "speed", 0.0)
        self.clock_read: bool = False
        """Whether a client has read the clock by `monotonic` or `now`."""
        self._options = options
        scenario, wire, account = self._initial(self.clock.start)
        recording = options.get("recording")
        if isinstance(recording, Path | str):
            recording = Recording.load(recording)
        self.engine: Engine = Engine(scenario, self.clock.start, wire, account, recording)

    def __repr__(self) -> str:
        parts = self.engine.site.scenario, self.clock, self.account, self.journal
        return f"<{type(self).__name__} of {', '.join(map(repr, parts))}>"

    def _initial(self, now: datetime) -> tuple[Scenario, Wire, Account]:
        """Return what the mock begins with, as its options say."""
        options = self._options
        account = Account(
            now,
            plan=options.get("plan", "unlimited"),
            token_lifetime=options.get("token_lifetime"),
            limit_answer=options.get("limit_answer", "period"),
        )
        scenario = find_scenario(options.get("scenario", "sunny-day"), options.get("seed", 0))
        return scenario, make_wire(options.get("wire"), {}), account

    def use(
        self,
        scenario: str | type[Scenario] | Scenario | None = None,
        *,
        seed: int | None = None,
        wire: Wire | str | None = None,
        **options: Any,
    ) -> None:
        """Change the scenario, its seed or the wire.

        `options` are those of a `Wire`, in the place of `wire`. Raises ValueError for what cannot
        be served; nothing is changed then.
        """
        written = None if wire is None and not options else make_wire(wire, options)
        present = self.engine.site.scenario
        if scenario is None and seed is not None:
            scenario = type(present)
        chosen = None
        if scenario is not None:
            chosen = find_scenario(scenario, present.seed if seed is None else seed)
        self.engine.use(chosen, written)

    def fault(self, fault: Fault | FaultName, /, **options: Unpack[FaultOptions]) -> None:
        """Let something go wrong, such as `fault("drop", after_events=3)`.

        Faults strike in the order in which they were set: once, for so many `requests`, or
        `always`. Raises ValueError for a fault or an option that does not exist.
        """
        if not isinstance(fault, Fault):
            fault = Fault(fault, **options)
        elif options:
            raise ValueError("A Fault has its options already: pass options with a name only.")
        self.engine.faults.add(fault)

    def strike(self, fault: FaultName, /, **options: Unpack[FaultOptions]) -> None:
        """Let a fault strike the streams that are open, such as `strike("drop")`.

        `after_events` and `after_bytes` count from here on. Raises ValueError if no stream is open,
        or for a fault that is none within a stream.
        """
        self.engine.strike(Fault(fault, **options))

    def clear_faults(self) -> None:
        """Remove every fault that is still to strike."""
        self.engine.faults.clear()

    def reset(self) -> None:
        """Reset to how the mock was made: faults, account, scenario, wire, journal and speed.

        The time goes on, and so do streams that are open.
        """
        scenario, wire, account = self._initial(self.clock.now())
        self.engine.use(scenario, wire)
        self.engine.renew(account)
        if isinstance(self.clock, ScaledClock):
            self.clock.set_speed(self._speed)

    @property
    def base_url(self) -> str:
        """Where the API begins, ending in `/api/v4`; a client's base URL."""
        return self._origin + self.engine.contract.base_path

    @property
    def token_url(self) -> str:
        """Where tokens are issued."""
        return self._origin + self.engine.contract.token_path

    @property
    def client_options(self) -> ClientOptions:
        """What a client of this library takes, as in `StreamingClient(**mock.client_options)`."""
        options = ClientOptions(
            api_key=self.api_key,
            access_token=self.access_token,
            base_url=self.base_url,
            monotonic=self.monotonic,
            now=self.now,
        )
        if isinstance(self.clock, HandClock):
            options["transport"] = self.transport()
        if not is_loopback(urlsplit(self.base_url).hostname or ""):
            options["insecure_http"] = True
        return options

    def transport(self) -> "MockTransport":
        """Return an httpx transport to this mock, sync and async, that opens no socket."""
        # Imported here: a server has no use for httpx, which takes long to import.
        from enphase_streaming_mock.transport import MockTransport

        return MockTransport(self)

    @property
    def _origin(self) -> str:
        # A client without the transport must not reach the real API by accident.
        return "http://localhost"

    def monotonic(self) -> float:
        """Return seconds by the mock's clock: pass it to the client as `monotonic`."""
        self.clock_read = True
        return self.clock.monotonic()

    def now(self) -> datetime:
        """Return the time by the mock's clock, in UTC: pass it to the client as `now`."""
        self.clock_read = True
        return self.clock.now()

    def advance(self, seconds: float) -> None:
        """Move a clock by hand on by `seconds`. Raises ValueError for a clock that runs itself."""
        if not isinstance(self.clock, HandClock):
            raise ValueError(
                "advance() needs a clock that is moved by hand: use Mock().transport(), or in "
                'pytest @pytest.mark.enphase_mock(clock="hand").'
            )
        self.clock.advance(seconds)

    @property
    def account(self) -> Account:
        """The applications, owners and tokens that the mock knows."""
        return self.engine.account

    @property
    def bill(self) -> Bill:
        """What the calls with `api_key` cost so far."""
        return self.account.app.bill

    def set_plan(self, plan: str) -> None:
        """Put the application on another plan: watt, kilowatt, megawatt, partner or unlimited."""
        self.account.set_plan(plan)

    def set_limit_answer(self, limit_answer: LimitAnswer) -> None:
        """Set how a call beyond a limit is refused: "period", "plain" or "documented"."""
        self.account.set_limit_answer(limit_answer)

    def use_up(self, period: Period) -> None:
        """Use up the calls that the plan allows in this "minute" or "month"."""
        self.account.app.use_up(period, self.clock.now())

    def expire_token(self, access_token: str | None = None) -> None:
        """Let an access token expire now, by default the first one."""
        self.account.expire(access_token, self.clock.now())

    def authorization_code(
        self, redirect_uri: str = REDIRECT_URI, app: App | None = None, owner: str = OWNER
    ) -> str:
        """Approve the application as the owner would; the code is good once, for ten minutes."""
        return self.account.approve(self.clock.now(), redirect_uri, app, owner)

    @property
    def journal(self) -> Journal:
        """What was asked so far."""
        return self.engine.journal

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, oldest first, and how it went."""
        return self.journal.requests

    @property
    def calls(self) -> list[RecordedRequest]:
        """Those of the requests that asked for a stream, refused ones among them."""
        return self.journal.calls

    def assert_calls(self, expected: int) -> None:
        """Fail unless so many calls asked for a stream; refused ones count, as money does."""
        self.journal.assert_calls(expected)

    def assert_call(
        self,
        *,
        duration: int | None = None,
        system_id: int | None = None,
        status: int | None = None,
        events: int | None = None,
        closed_by: Side | None = None,
    ) -> RecordedRequest:
        """Return the first call that was so; fail, with the nearest misses, if none was.

        `duration` (s) is what the call asked for, the API's default when it named none; `events`
        is how many were sent.
        """
        return self.journal.assert_call(
            duration=duration,
            system_id=system_id,
            status=status,
            events=events,
            closed_by=closed_by,
        )

    def assert_all_closed(self) -> None:
        """Fail if a stream is still open."""
        self.journal.assert_all_closed()

    def verdict(self, latest: int | None = None) -> list[Finding]:
        """Return what the client did wrong so far, or in its `latest` requests.

        Only what is certain is found.
        """
        return Judge(
            default_duration=self.engine.contract.shortest,
            speed=getattr(self.clock, "speed", 0.0),
            now=self.clock.now(),
            per_minute=self.account.app.plan.minute,
        ).findings(self.requests[-latest:] if latest else self.requests)

    def assert_well_behaved(self) -> None:
        """Fail with each finding of the verdict, if there is one."""
        if findings := self.verdict():
            raise AssertionError("\n".join(["the client under test:", *map(str, findings)]))
