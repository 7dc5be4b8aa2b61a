"""The mock in a thread of its own: `with MockServer() as mock:` in any program or test."""

import asyncio
import threading
from collections.abc import Coroutine
from datetime import datetime
from types import TracebackType
from typing import Self

from enphase_streaming_mock.clock import ScaledClock
from enphase_streaming_mock.engine import ACCESS_TOKEN, API_KEY, SYSTEM_ID, Engine
from enphase_streaming_mock.journal import RecordedRequest
from enphase_streaming_mock.listener import Listener
from enphase_streaming_mock.scenarios import find_scenario
from enphase_streaming_mock.wire import Wire


class MockServer:
    """A mock Enphase Streaming API on a real socket, from entering it to leaving it.

    `scenario` is a name out of `enphase-mock scenarios`, and `seed` picks one of its days. `speed`
    is how much faster than real its clock runs, and `start` the date and time that clock begins
    with (aware; the present when left out). `wire` is how events are written. Port 0 takes a free
    port. Raises ValueError for an option it cannot serve, and OSError from entering it if the host
    and port cannot be had.
    """

    def __init__(
        self,
        *,
        scenario: str = "sunny-day",
        speed: float = 1.0,
        seed: int = 0,
        start: datetime | None = None,
        wire: Wire | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if wire is not None and not isinstance(wire, Wire):
            raise ValueError(f"wire is {wire!r}; give an enphase_streaming_mock.Wire")
        self.clock = ScaledClock(speed, start)
        self.engine = Engine(find_scenario(scenario)(seed), self.clock.start, wire)
        self._listener = Listener(self.engine, self.clock, host, port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        # Not the platform's own choice of a loop: the listener stops by what selectors can do.
        runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
        self._loop = runner.get_loop()
        # A daemon, so that a program which is torn down in between can still end.
        self._thread = threading.Thread(
            target=_run_until_stopped, args=[runner], name="enphase-mock", daemon=True
        )
        self._thread.start()
        try:
            self._wait_for(self._listener.start())
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._wait_for(self._listener.stop())
        finally:
            self._end_thread()

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
    def requests(self) -> list[RecordedRequest]:
        """What was asked so far, oldest first, and how it went."""
        return self.engine.journal.requests

    def monotonic(self) -> float:
        """Seconds by the mock's clock: hand it to the client under test as its `monotonic`."""
        return self.clock.monotonic()

    def now(self) -> datetime:
        """The time by the mock's clock, in UTC: hand it to the client under test as its `now`."""
        return self.clock.now()

    @property
    def _origin(self) -> str:
        host = self._listener.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._listener.port}"

    def _wait_for(self, work: Coroutine[None, None, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_thread(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


def _run_until_stopped(runner: asyncio.Runner) -> None:
    with runner:  # which ends what is left over, in the thread that it belongs to
        runner.get_loop().run_forever()
