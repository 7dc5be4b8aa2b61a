"""freezegun and time-machine around the mock.

Its clocks keep to real time, or to the hand that moves them.
"""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial

import pytest
import time_machine
from freezegun import freeze_time

from enphase_streaming import StreamingClient
from enphase_streaming_mock import HandClock, Mock, MockServer, ScaledClock

FROZEN = datetime(1999, 12, 31, 23, 59, tzinfo=UTC)
LATER = datetime(2020, 1, 1, tzinfo=UTC)
Freeze = Callable[[datetime], AbstractContextManager[object]]


@pytest.fixture(
    params=[freeze_time, partial(time_machine.travel, tick=False)],
    ids=["freezegun", "time-machine"],
)
def freeze(request: pytest.FixtureRequest) -> Freeze:
    freeze: Freeze = request.param
    return freeze


@pytest.fixture
def _frozen(freeze: Freeze) -> Iterator[None]:
    with freeze(FROZEN):
        yield


def events(mock: Mock) -> int:
    request = urllib.request.Request(
        f"{mock.base_url}/systems/{mock.system_id}/live_data",
        headers={"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return int(response.read().count(b"data:"))


def test_a_server_streams_while_the_test_is_frozen(
    enphase_mock: MockServer, freeze: Freeze
) -> None:
    with freeze(FROZEN):
        assert events(enphase_mock) == 30
    enphase_mock.assert_call(events=30, closed_by="server")


@pytest.mark.usefixtures("_frozen")
def test_a_server_that_was_made_frozen_streams(enphase_mock: MockServer) -> None:
    assert events(enphase_mock) == 30


@pytest.mark.usefixtures("_frozen")
def test_a_mock_that_was_made_frozen_starts_at_the_frozen_time(
    enphase_mock: MockServer, freeze: Freeze
) -> None:
    assert 0 <= (enphase_mock.now() - FROZEN).total_seconds() < 3600
    with freeze(LATER):
        assert 0 <= (enphase_mock.now() - FROZEN).total_seconds() < 3600


def test_our_client_reads_a_window_while_the_test_is_frozen(
    enphase_mock: MockServer, freeze: Freeze
) -> None:
    with freeze(FROZEN), StreamingClient(**enphase_mock.client_options) as client:
        assert len(list(client.live_data(enphase_mock.system_id))) == 30


@pytest.mark.usefixtures("_frozen")
def test_a_hand_clock_crosses_a_silence_while_the_test_is_frozen() -> None:
    clock, real = HandClock(), threading.Event()
    for _ in range(10):
        assert clock.pull(30.0) > 0
        real.wait(0.05)  # real time, without a look at the clock
    assert clock.now() > FROZEN.replace(second=2)


def test_the_clocks_of_a_frozen_process_advance(freeze: Freeze) -> None:
    clock = ScaledClock(1000)
    with freeze(FROZEN):
        before = clock.monotonic()
        threading.Event().wait(0.01)
        assert 1 < clock.monotonic() - before < 10_000


@pytest.mark.parametrize("years", [1, 1_000])
def test_a_jump_of_the_clock_is_not_walked_second_by_second(years: int) -> None:
    mock = Mock(clock=HandClock(datetime(2026, 6, 21, tzinfo=UTC)))
    mock.advance(years * 365 * 86_400.0 + 7 * 3600) if years == 1 else mock.advance(9e8)
    before = time.process_time()
    with StreamingClient(**mock.client_options) as client:
        assert client.snapshot(mock.system_id).consumption_power
    assert time.process_time() - before < 5
