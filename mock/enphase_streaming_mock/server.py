"""The mock in a thread of its own: `with MockServer() as mock:` in any program or test."""

import asyncio
import threading
from collections.abc import Coroutine
from datetime import datetime
from typing import Self, Unpack

from enphase_streaming_mock.clock import Clock, Real, ScaledClock
from enphase_streaming_mock.control import PREFIX
from enphase_streaming_mock.listener import Listener
from enphase_streaming_mock.mock import Mock, MockOptions
from enphase_streaming_mock.validation import check_choice, check_number

# Every interface has no address of its own.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class MockServer(Mock):
    """A mock Enphase Streaming API on a real socket, from entering it to leaving it.

    The options are those of `Mock`, and:

    Args:
        speed: How much faster than real time it runs.
        start: The date and time that it begins with (aware), by default the present.
        clock: A `ScaledClock` in place of both; a clock moved by hand cannot pace a socket.
        host: The address to listen on; "" is every interface.
        port: The port to listen on; 0 takes a free one, which is known from entering it on.
        cors: Let web pages of any origin use the API.

    Raises:
        ValueError: If an option cannot be served.
        OSError: From entering it, if the host and port cannot be had.
    """

    clock: ScaledClock
    # From entering it on.
    _loop: asyncio.AbstractEventLoop
    _thread: threading.Thread

    def __init__(
        self,
        *,
        speed: float | None = None,
        start: datetime | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        cors: bool = False,
        **options: Unpack[MockOptions],
    ) -> None:
        super().__init__(clock=_checked(clock, speed, start), **options)
        check_number("port", port, 0, 65_535)
        check_choice("cors", cors, (False, True))
        self._listener = Listener(self, host or "0.0.0.0", port, cors)

    def __enter__(self) -> Self:
        runner = asyncio.Runner(loop_factory=_Loop)
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

    def __exit__(self, *_: object) -> None:
        try:
            self._wait_for(self._listener.stop())
        finally:
            self._end_thread()

    @property
    def console_url(self) -> str:
        """Where a browser on this machine shows what the mock does."""
        return self._origin + PREFIX

    @property
    def _origin(self) -> str:
        host, port = self._listener.host, self._listener.port
        if not port:
            raise RuntimeError("The mock is not started: use it in `with MockServer() as mock:`.")
        host = _REACHED_AT.get(host, host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _wait_for(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class _Loop(asyncio.SelectorEventLoop):
    """An event loop in real time, even if the test replaces `time`.

    Not the platform's own choice of a loop: the listener stops by what selectors can do.
    """

    def time(self) -> float:
        return Real.monotonic()


def _run_until_stopped(runner: asyncio.Runner) -> None:
    with runner:  # which ends what is left over, in the thread that it belongs to
        runner.get_loop().run_forever()


def _checked(clock: Clock | None, speed: float | None, start: datetime | None) -> ScaledClock:
    if clock is None:
        return ScaledClock(1.0 if speed is None else speed, start)
    if not isinstance(clock, ScaledClock):
        raise ValueError(
            "A clock moved by hand cannot pace a socket: use Mock(clock=...).transport(), or in "
            'pytest @pytest.mark.enphase_mock(clock="hand").'
        )
    if speed is not None or start is not None:
        raise ValueError("clock contradicts speed and start: pass it or those.")
    return clock
