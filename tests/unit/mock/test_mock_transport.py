"""The httpx transport: how it streams, waits, and is closed."""

import asyncio
import gc
import json
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
import respx

from enphase_streaming import AsyncStreamingClient, StreamingClient, StreamStalled
from enphase_streaming_mock import HandClock, Mock, ScaledClock

START = datetime(2026, 6, 21, 12, tzinfo=UTC)


def still() -> Mock:
    """A mock whose time only `advance` moves."""
    return Mock(clock=HandClock(START, pulled=False))


def access(mock: Mock) -> dict[str, str]:
    return {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}


def path(mock: Mock) -> str:
    return f"systems/{mock.system_id}/live_data"


@pytest.fixture
def mock() -> Mock:
    return Mock(clock=HandClock(START))


def client(mock: Mock, timeout: float | None = None) -> httpx.Client:
    return httpx.Client(
        transport=mock.transport(), base_url=mock.base_url, headers=access(mock), timeout=timeout
    )


def async_client(mock: Mock) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=mock.transport(), base_url=mock.base_url, headers=access(mock), timeout=None
    )


def test_waiting_for_bytes_moves_the_clock_to_when_they_are_due(mock: Mock) -> None:
    with client(mock) as http, http.stream("GET", path(mock)) as response:
        chunks = response.iter_raw()
        moments = []
        for _ in range(30):
            next(chunks)
            moments.append(mock.monotonic())
        assert moments == [float(second) for second in range(30)]
        assert next(chunks, None) is None
        assert mock.monotonic() == 30.0


@pytest.mark.parametrize("duration", [30, 300])
def test_a_window_of_our_client_takes_milliseconds(mock: Mock, duration: int) -> None:
    before = time.perf_counter()
    with (
        StreamingClient(
            api_key=mock.api_key,
            access_token=mock.access_token,
            base_url=mock.base_url,
            transport=mock.transport(),
            monotonic=mock.monotonic,
            now=mock.now,
        ) as enphase,
        enphase.live_data(mock.system_id, duration=duration) as stream,
    ):
        assert len(list(stream)) == duration
    assert time.perf_counter() - before < 1
    assert stream.end is not None
    assert (stream.end.reason, stream.end.elapsed) == ("planned", float(duration))


def test_a_window_of_our_asyncio_client_takes_milliseconds(mock: Mock) -> None:
    async def read() -> float:
        async with (
            AsyncStreamingClient(
                api_key=mock.api_key,
                access_token=mock.access_token,
                base_url=mock.base_url,
                transport=mock.transport(),
                monotonic=mock.monotonic,
                now=mock.now,
            ) as enphase,
            enphase.live_data(mock.system_id, duration=300) as stream,
        ):
            assert len([reading async for reading in stream]) == 300
        assert stream.end is not None
        return stream.end.elapsed

    before = time.perf_counter()
    assert asyncio.run(read()) == 300.0
    assert time.perf_counter() - before < 1


def test_a_silent_stream_triggers_the_watchdog(mock: Mock) -> None:
    mock.fault("silence", after_events=3)
    with StreamingClient(
        api_key=mock.api_key,
        access_token=mock.access_token,
        base_url=mock.base_url,
        transport=mock.transport(),
        monotonic=mock.monotonic,
        now=mock.now,
    ) as enphase:
        stream = enphase.live_data(mock.system_id)
        with pytest.raises(StreamStalled, match="No reading came within the 20 s of stall_timeout"):
            list(stream)
    assert stream.end is not None
    assert 22 <= stream.end.elapsed <= 30
    mock.assert_call(events=3, closed_by="client")


def test_a_read_timeout_uses_the_mocks_clock(mock: Mock) -> None:
    mock.fault("silence", after_events=2)
    with client(mock, timeout=5) as http, http.stream("GET", path(mock)) as response:
        chunks = response.iter_raw()
        assert len([next(chunks), next(chunks)]) == 2
        with pytest.raises(httpx.ReadTimeout):
            next(chunks)
    assert mock.monotonic() == 6.0
    mock.assert_call(events=2, closed_by="client")


def test_a_still_clock_holds_back_events_that_are_not_due() -> None:
    mock = still()
    arrived: list[bytes] = []
    changed = threading.Condition()

    def read() -> None:
        with client(mock) as http, http.stream("GET", path(mock)) as response:
            for chunk in response.iter_raw():
                with changed:
                    arrived.append(chunk)
                    changed.notify_all()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with changed:
        for expected, step in ((1, 0.0), (2, 1.0), (2, 0.5), (3, 0.5), (30, 27.0)):
            mock.advance(step)
            deadline = time.monotonic() + 5
            while len(arrived) < expected and time.monotonic() < deadline:
                changed.wait(0.1)
            changed.wait(0.02)
            assert len(arrived) == expected
        mock.advance(1.0)
    reader.join(5)
    assert not reader.is_alive()
    mock.assert_call(events=30, closed_by="server")


def test_a_still_clock_wakes_tasks_as_well() -> None:
    mock = still()

    async def scene() -> int:
        async with async_client(mock) as http, http.stream("GET", path(mock)) as response:
            chunks = response.aiter_raw()
            await anext(chunks)
            waiting = asyncio.ensure_future(anext(chunks))
            await asyncio.sleep(0.02)
            assert not waiting.done()
            mock.advance(1.0)
            await asyncio.wait_for(waiting, 5)
            mock.advance(29.0)
            return len([chunk async for chunk in chunks])

    # A stream that lasts longer than it should must fail here, and not wait for a clock at rest.
    assert asyncio.run(asyncio.wait_for(scene(), 10)) == 28


def test_a_running_clock_paces_the_transport() -> None:
    mock = Mock(clock=ScaledClock(100))
    before = time.monotonic()
    with client(mock) as http:
        assert http.get(path(mock)).text.count("data:") == 30
    assert 0.3 <= time.monotonic() - before < 3


def test_closing_in_another_thread_frees_a_reader() -> None:
    mock = still()
    with client(mock) as http, http.stream("GET", path(mock)) as response:
        chunks = response.iter_raw()
        next(chunks)
        closing = threading.Timer(0.05, response.close)
        closing.start()
        with pytest.raises(httpx.ReadError, match="closed while it was read"):
            next(chunks)
        closing.join()
    mock.assert_call(events=1, closed_by="client")


def test_closing_in_another_task_frees_a_reader() -> None:
    mock = still()

    async def scene() -> None:
        async with async_client(mock) as http, http.stream("GET", path(mock)) as response:
            chunks = response.aiter_raw()
            await anext(chunks)
            asyncio.get_running_loop().call_later(
                0.02, lambda: closing.append(asyncio.ensure_future(response.aclose()))
            )
            with pytest.raises(httpx.ReadError, match="closed while it was read"):
                await anext(chunks)
            await closing[0]

    closing: list[asyncio.Future[None]] = []
    asyncio.run(scene())
    mock.assert_call(closed_by="client")


def test_closing_the_client_ends_a_wait_for_the_head() -> None:
    mock = still()
    mock.fault("slow-head", seconds=60.0)
    http = client(mock)
    threading.Timer(0.05, http.close).start()
    with pytest.raises(httpx.ReadError):
        http.get(path(mock))
    mock.assert_call(closed_by="client")


def test_a_cancelled_task_leaves_at_once() -> None:
    mock = still()
    mock.fault("slow-head", seconds=60.0)

    async def scene() -> None:
        async with async_client(mock) as http:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(http.get(path(mock)), 0.02)

    asyncio.run(scene())
    mock.assert_call(closed_by="client")


def test_the_journal_is_the_same_as_over_a_socket(mock: Mock) -> None:
    with client(mock) as http:
        http.get(path(mock), params={"a": "b"}, headers={"Duration": "31"})
    (entry,) = mock.requests
    assert (entry.method, entry.path) == ("GET", f"/api/v4/systems/{mock.system_id}/live_data")
    assert (entry.query, entry.header("duration")) == ((("a", "b"),), ["31"])
    assert (entry.header("key"), entry.events_sent, entry.closed_by) == (["***"], 31, "server")
    assert (entry.ended or START) - START == (entry.ended or START) - entry.received


def test_tokens_are_issued_without_a_socket(mock: Mock) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": mock.refresh_token}
    with httpx.Client(transport=mock.transport()) as http:
        answer = http.post(mock.token_url, data=form, auth=(mock.client_id, mock.client_secret))
    assert answer.status_code == 200
    assert answer.json()["access_token"] != mock.access_token


def test_respx_leaves_other_requests_to_other_routes(mock: Mock) -> None:
    with respx.mock() as router:
        route = mock.transport().mount(router)
        router.get("https://example.org/").respond(204)
        with httpx.Client() as http:
            assert http.get("https://example.org/").status_code == 204
            url = f"https://api.enphaseenergy.com/api/v4/{path(mock)}"
            assert http.get(url, headers=access(mock)).text.count("data:") == 30
        assert route.call_count == 1


def vanish(mock: Mock, clients: int) -> None:
    """So many clients open a stream, read a little, and are gone without a word."""
    for _ in range(clients):
        request = httpx.Request("GET", f"{mock.base_url}/{path(mock)}", headers=access(mock))
        transport = mock.transport()
        response = transport.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        next(iter(response.stream))
        transport.close()


@pytest.fixture
def _traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("_traced")
def test_a_thousand_vanished_clients_are_noticed_and_freed() -> None:
    mock = Mock(clock=HandClock(START, pulled=False))
    vanish(mock, 50)
    mock.reset()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    vanish(mock, 1000)
    assert len(mock.calls) == 1000
    assert {call.closed_by for call in mock.calls} == {"client"}
    mock.reset()
    gc.collect()
    assert tracemalloc.get_traced_memory()[0] - before < 200_000


def test_clients_on_many_threads_see_the_same_site() -> None:
    mock = Mock(scenario="outage", clock=HandClock(START))
    seen: list[dict[int, object]] = []

    def read() -> None:
        with client(mock) as http:
            lines = http.get(path(mock), headers={"duration": "120"}).text.splitlines()
        events = [json.loads(line.removeprefix("data:")) for line in lines if line]
        seen.append({event["timestamp_epoch"] // 1000: event["data"] for event in events})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    finally:
        sys.setswitchinterval(interval)
    assert len(seen) == 6
    alone = Mock(scenario="outage", clock=HandClock(START)).engine.site
    for house in seen:
        assert len(house) == 120
        for second, reading in house.items():
            assert reading == alone.report(second - int(START.timestamp()))
