"""Waiting by the mock's clock where there is no socket, on a thread or in a task."""

import asyncio
import math
import threading
from collections.abc import Callable

from enphase_streaming_mock.clock import Clock


class Pace:
    """Waits for moments of a clock, until it is stopped from any thread."""

    def __init__(self, clock: Clock) -> None:
        self.stopped = False
        self._clock = clock
        self._wake: Callable[[], None] | None = None

    def stop(self) -> None:
        """Free whoever waits, and let nobody wait any more."""
        self.stopped = True
        wake = self._wake
        if wake is not None:
            wake()

    def wait(self, moment: float) -> None:
        """Block until the clock's `monotonic()` reaches `moment`, or until stopped."""
        woken = threading.Event()
        self._listen(woken.set)
        try:
            while not self._is_over(moment):
                nap = self._clock.pull(moment)
                if nap > 0:
                    woken.wait(None if nap == math.inf else nap)
                    woken.clear()
        finally:
            self._listen(None)

    async def wait_async(self, moment: float) -> None:
        """Wait as `wait` does, in an asyncio task; other tasks get their turn in any case."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        self._listen(wake)
        try:
            await asyncio.sleep(0)
            while not self._is_over(moment):
                nap = self._clock.pull(moment)
                if nap > 0:
                    try:
                        async with asyncio.timeout(None if nap == math.inf else nap):
                            await woken.wait()
                    except TimeoutError:
                        pass
                    woken.clear()
        finally:
            self._listen(None)

    def _is_over(self, moment: float) -> bool:
        return self.stopped or self._clock.delay(moment) <= 0

    def _listen(self, wake: Callable[[], None] | None) -> None:
        self._wake = wake
        self._clock.on_advance(self, wake)
