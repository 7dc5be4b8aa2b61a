"""Two hundred sites on one budget, in an event loop whose time is simulated.

Nothing sleeps: where the loop would wait for a timer, its clock jumps to it.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import httpx
import pytest

from callers import CREDENTIALS
from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    BudgetExhausted,
    EnphaseStreamingError,
    Plan,
    StreamDropped,
    SystemNotFoundError,
)
from scripted import HandClock

SITES = range(1, 201)


class Jumping(selectors.SelectSelector):
    """Selects without waiting, and moves the clock by what the loop would have waited."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "every task waits for ever"
            self._clock.time += max(0.0, timeout)
        return ready


class Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: HandClock) -> None:
        super().__init__(Jumping(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock.time


def run(clock: HandClock, main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: Loop(clock)) as runner:
        runner.run(main)


class API(httpx.AsyncBaseTransport):
    """Answers for every site, without a socket; `odd` may answer first, for a site of its own."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.requests: list[tuple[float, int]] = []
        self.open: Counter[int] = Counter()
        self.most_open = 0
        self.odd: Callable[[int], httpx.Response | None] = lambda site: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        site = int(request.url.path.split("/")[-2])
        self.requests.append((self.clock.time, site))
        odd = self.odd(site)
        if odd is not None:
            return odd
        duration = int(request.headers["duration"])
        return self.stream(Stream(self, site, duration, 2 * duration))

    def stream(self, stream: httpx.AsyncByteStream) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)

    @property
    def calls(self) -> Counter[int]:
        return Counter(site for _, site in self.requests)


class Stream(httpx.AsyncByteStream):
    """A reading every half of the duration, until `breaks` seconds or the end."""

    def __init__(self, api: API, site: int, duration: int, breaks: float) -> None:
        self._api, self._site, self._duration, self._breaks = api, site, duration, breaks
        api.open[site] += 1
        assert api.open[site] == 1, "two windows of one site at once"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(2):
            yield self._api.clock.event(system_id=self._site)
            await asyncio.sleep(min(self._breaks, self._duration / 2))
            if self._breaks < self._duration:
                raise httpx.ReadError("reset")

    async def aclose(self) -> None:
        self._api.open[self._site] -= 1


class Silent(Stream):
    """No reading at all, until it is closed."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._closed = asyncio.Event()
        await self._closed.wait()
        yield b""

    async def aclose(self) -> None:
        await super().aclose()
        self._closed.set()


@pytest.fixture
def api(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> API:
    # This clock only moves with the loop, so there is no need to read it every 50 ms.
    monkeypatch.setattr("enphase_streaming.aconnection.INJECTED_NAP", 3600.0)
    return API(clock)


def client(api: API) -> AsyncStreamingClient:
    return AsyncStreamingClient(
        **CREDENTIALS,
        monotonic=api.clock.monotonic,
        now=api.clock.now,
        stall_timeout=400,
        transport=api,
    )


async def watch_all(
    api: API, budget: Budget, duration: int = 300
) -> tuple[Counter[int], dict[int, EnphaseStreamingError]]:
    """Watch every site; return its number of readings, and the exception that ended it."""
    readings: Counter[int] = Counter()
    failed: dict[int, EnphaseStreamingError] = {}

    async def watch(enphase: AsyncStreamingClient, site: int) -> None:
        try:
            async with enphase.watch(site, budget=budget, duration=duration) as stream:
                async for reading in stream:
                    assert reading.system_id == site
                    readings[site] += 1
        except EnphaseStreamingError as error:
            failed[site] = error

    async with client(api) as enphase, asyncio.TaskGroup() as tasks:
        for site in SITES:
            tasks.create_task(watch(enphase, site))
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert set(api.open.values()) <= {0}
    return readings, failed


def most_in_a_minute(api: API) -> int:
    times = [at for at, _ in api.requests]
    return max(sum(at <= each < at + 60 for each in times) for at in times)


def test_sites_take_turns_within_the_calls_a_minute(api: API, clock: HandClock) -> None:
    """30 s windows of 200 sites need 400 calls a minute, and the plan has 50."""
    budget = Budget(calls=1000, plan=Plan.KILOWATT)

    async def main() -> None:
        readings, failed = await watch_all(api, budget, duration=30)
        assert failed == {}
        assert readings == dict.fromkeys(SITES, 10)

    began = clock.time
    run(clock, main())
    assert most_in_a_minute(api) == 50
    assert api.calls == dict.fromkeys(SITES, 5)
    # Fifty sites take their turn each minute, always in the same order.
    turns = [site for _, site in api.requests]
    minutes = [set(turns[first : first + 50]) for first in range(0, 1000, 50)]
    assert minutes == [set(SITES[first : first + 50]) for first in range(0, 200, 50)] * 5
    assert budget.left == 0
    assert api.requests[-1][0] - began == 19 * 60


def test_a_partner_plan_watches_every_site_without_a_pause(api: API, clock: HandClock) -> None:
    budget = Budget(calls=200 * 12, plan=Plan.PARTNER)

    async def main() -> None:
        readings, failed = await watch_all(api, budget)
        assert (failed, readings) == ({}, dict.fromkeys(SITES, 24))

    began = clock.time
    run(clock, main())
    assert clock.time - began == 3600
    assert most_in_a_minute(api) == 200


def test_a_429_pauses_every_site(api: API, clock: HandClock) -> None:
    limited_at: list[float] = []

    def odd(site: int) -> httpx.Response | None:
        if len(api.requests) != 300:
            return None
        limited_at.append(clock.time)
        end = int(clock.now().timestamp()) + 90
        body = {"code": 429, "period": "hour", "period_end": end}
        return httpx.Response(429, json=body)

    api.odd = odd
    budget = Budget(calls=600, plan=Plan.KILOWATT)

    async def main() -> None:
        _, failed = await watch_all(api, budget, duration=30)
        assert {type(error) for error in failed.values()} <= {BudgetExhausted}

    run(clock, main())
    [at] = limited_at
    assert not [each for each, _ in api.requests[300:] if each < at + 90]
    assert (len(api.requests), most_in_a_minute(api)) == (600, 50)


def test_failing_sites_do_not_stop_the_others(api: API, clock: HandClock) -> None:
    unknown, flaky, dead = 7, 8, 9
    body = {"error": {"code": 468, "status": "INVALID_SYSTEM_ID", "message": "no such site"}}

    def odd(site: int) -> httpx.Response | None:
        if site == unknown:
            return httpx.Response(468, text=json.dumps(body))
        if site == flaky:
            return api.stream(Stream(api, site, 300, breaks=1.0))
        if site == dead:
            raise httpx.ConnectError("refused")
        return None

    api.odd = odd
    budget = Budget(calls=200 * 4, plan=Plan.PARTNER)

    async def main() -> None:
        readings, failed = await watch_all(api, budget)
        assert isinstance(failed.pop(unknown), SystemNotFoundError)
        assert readings[unknown] == 0
        assert failed.pop(dead).__cause__ is not None
        lost = failed.pop(flaky, None)
        assert lost is None or isinstance(lost.__cause__, StreamDropped)
        assert readings[flaky] > 3
        assert failed == {}
        well = {site: count for site, count in readings.items() if site not in (7, 8, 9)}
        assert set(well.values()) <= {6, 8, 10}
        assert len(well) == 197

    run(clock, main())
    assert api.calls[unknown] == 1
    assert api.calls[dead] == 5
    assert budget.left == 0


def test_every_window_after_a_silent_one_is_closed(api: API, clock: HandClock) -> None:
    """Without a socket to shut down, closing the response ends a window."""

    def odd(site: int) -> httpx.Response | None:
        return api.stream(Silent(api, site, 300, 300)) if len(api.requests) in (1, 3) else None

    api.odd = odd

    async def main() -> None:
        async with (
            client(api) as enphase,
            enphase.watch(1, budget=Budget(calls=4)) as stream,
        ):
            assert len([reading async for reading in stream]) == 4
        assert api.open == {1: 0}

    run(clock, main())


def test_closing_the_client_ends_every_watch(api: API, clock: HandClock) -> None:
    """Half of the sites wait for a slot, the others stream."""
    budget = Budget.unlimited(plan=Plan.MEGAWATT)
    ended: list[str | None] = []

    async def main() -> None:
        enphase = client(api)
        watches = [enphase.watch(site, budget=budget) for site in SITES]

        async def read(watch: Any) -> None:
            async for _ in watch:
                pass

        tasks = [asyncio.create_task(read(watch)) for watch in watches]
        await asyncio.sleep(30)
        assert len(api.requests) == 100
        await enphase.aclose()
        await asyncio.gather(*tasks)
        ended.extend(watch.end.reason if watch.end else None for watch in watches)

    run(clock, main())
    assert ended == ["stopped"] * 200
    assert set(api.open.values()) == {0}
    assert len(api.requests) == 100
