"""One simulated API: its site, its clock and its journal, whatever door leads to it."""

from dataclasses import fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enphase_streaming_mock.account import Account, LimitAnswer
from enphase_streaming_mock.assertions import Assertions
from enphase_streaming_mock.clock import Clock, HandClock
from enphase_streaming_mock.engine import ACCESS_TOKEN, API_KEY, SYSTEM_ID, Engine
from enphase_streaming_mock.faults import Fault
from enphase_streaming_mock.replay import Recording
from enphase_streaming_mock.scenarios import Scenario, find_scenario
from enphase_streaming_mock.subscription import Subscription
from enphase_streaming_mock.wire import Wire, make_wire

if TYPE_CHECKING:
    from enphase_streaming_mock.transport import MockTransport


class Mock(Subscription, Assertions):
    """A mock Enphase Streaming API without a socket; `MockServer` is the same with one.

    `scenario` is a name out of `enphase-mock scenarios` or one of your own, and `seed` picks one of
    its days. `clock` is a `HandClock` when left out. `wire` is how events are written: a
    `Wire`, or the name of one in `wire.WIRES`. `plan`, `token_lifetime` (s) and `limit_answer` are
    those of `Account`. With a `recording`, or the path of one, its windows are played in place of
    the site. Raises ValueError for an option it cannot serve, OSError for a path it cannot read.
    """

    def __init__(
        self,
        *,
        scenario: str | type[Scenario] | Scenario = "sunny-day",
        seed: int = 0,
        clock: Clock | None = None,
        wire: Wire | str | None = None,
        plan: str = "unlimited",
        token_lifetime: float | None = None,
        limit_answer: LimitAnswer = "period",
        recording: Recording | Path | str | None = None,
    ) -> None:
        self.clock = HandClock() if clock is None else clock
        self._first = find_scenario(scenario, seed), make_wire(wire, {})
        self._new_account = partial(
            Account, plan=plan, token_lifetime=token_lifetime, limit_answer=limit_answer
        )
        account = self._new_account(self.clock.start)
        if isinstance(recording, Path | str):
            recording = Recording.load(recording)
        self.engine = Engine(self._first[0], self.clock.start, self._first[1], account, recording)

    def use(
        self,
        scenario: str | type[Scenario] | Scenario | None = None,
        *,
        seed: int | None = None,
        wire: Wire | str | None = None,
        **options: Any,
    ) -> None:
        """Change the scenario, its seed or the wire, from the next stream on.

        `wire` is a `Wire` or the name of one, in whose place `options` may be those of a `Wire`.
        Raises ValueError for what cannot be served; all then stays as it was.
        """
        written = None if wire is None and not options else make_wire(wire, options)
        present = self.engine.site.scenario
        if scenario is None and seed is not None:
            scenario = type(present)
        chosen = None
        if scenario is not None:
            chosen = find_scenario(scenario, present.seed if seed is None else seed)
        self.engine.use(chosen, written)

    def fault(self, fault: Fault | str, /, **options: Any) -> None:
        """Let something go wrong, such as `fault("drop", after_events=3)`; `Fault` has the options.

        Faults strike in the order they were set. Raises ValueError that names the option and its
        choices.
        """
        if isinstance(fault, Fault):
            if options:
                raise ValueError("a Fault has its options already; give them with a name only")
            self.engine.faults.add(fault, self.clock.now())
            return
        known = [each.name for each in fields(Fault)[1:]]
        for name in options:
            if name not in known:
                raise ValueError(f"there is no option {name!r}; choose from {', '.join(known)}")
        self.engine.faults.add(Fault(fault, **options), self.clock.now())

    def clear_faults(self) -> None:
        """Take back every fault that is still to strike."""
        self.engine.faults.clear()

    def reset(self) -> None:
        """Begin anew, as the mock was made: faults, account, scenario, wire and journal.

        The clock goes on, and so do streams that are open.
        """
        self.engine.faults.clear()
        self.engine.use(*self._first)
        self.engine.renew(self._new_account(self.clock.now()))

    @property
    def base_url(self) -> str:
        """Where the API begins, ending in `/api/v4`; what a client takes as its base URL."""
        return self._origin + self.engine.contract.base_path

    @property
    def token_url(self) -> str:
        """Where tokens are issued."""
        return self._origin + self.engine.contract.token_path

    @property
    def api_key(self) -> str:
        """A key that is accepted."""
        return API_KEY

    @property
    def access_token(self) -> str:
        """A token that is accepted."""
        return ACCESS_TOKEN

    @property
    def system_id(self) -> int:
        """The number of the one site there is."""
        return SYSTEM_ID

    @property
    def client_options(self) -> dict[str, Any]:
        """What a client of this library takes: `StreamingClient(**enphase_mock.client_options)`.

        Credentials, address and clock, and with a clock moved by hand the transport.
        """
        options = {
            "api_key": self.api_key,
            "access_token": self.access_token,
            "base_url": self.base_url,
            "monotonic": self.monotonic,
            "now": self.now,
        }
        by_hand = isinstance(self.clock, HandClock)
        return {**options, "transport": self.transport()} if by_hand else options

    def monotonic(self) -> float:
        """Seconds by the mock's clock: hand it to the client under test as its `monotonic`."""
        return self.clock.monotonic()

    def now(self) -> datetime:
        """The time by the mock's clock, in UTC: hand it to the client under test as its `now`."""
        return self.clock.now()

    def advance(self, seconds: float) -> None:
        """Move a clock by hand on by `seconds`. Raises ValueError for a clock that runs itself."""
        if not isinstance(self.clock, HandClock):
            raise ValueError(
                "this clock runs by itself, as a socket's has to; for time by hand use "
                'Mock().transport(), or in pytest @pytest.mark.enphase_mock(clock="hand")'
            )
        self.clock.advance(seconds)

    def transport(self) -> "MockTransport":
        """Return an httpx transport to this mock, sync and async, that opens no socket."""
        from enphase_streaming_mock.transport import MockTransport

        return MockTransport(self)

    @property
    def _origin(self) -> str:
        # A client that was not given the transport must not reach the real API by accident.
        return "http://localhost"
