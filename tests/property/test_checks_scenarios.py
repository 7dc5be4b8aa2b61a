"""The temporal rules hold for every scenario of the mock, with any seed."""

from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enphase_streaming_mock import SCENARIOS, Fault, Mock, Wire
from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.stream import Chunk, read_body
from enphase_streaming_mock.checks.temporal import Timed
from enphase_streaming_mock.site import CAPACITY


def window(mock: Mock, duration: int) -> tuple[list[Timed], float]:
    """Return the readings of one window, and how long it took by the mock's clock."""
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    path = f"{mock.base_url}/systems/{mock.system_id}/live_data"
    chunks: list[Chunk] = []
    with httpx.Client(transport=mock.transport(), headers=access, timeout=None) as client:
        began = mock.monotonic()
        with client.stream("GET", path, headers={"duration": str(duration)}) as response:
            chunks += [(mock.monotonic() - began, data) for data in response.iter_raw()]
        elapsed = mock.monotonic() - began
    events = read_body(chunks).events
    return [Timed.of(event.arrived, event.json or {}) for event in events], elapsed


def charge_is_off(stream: list[Timed]) -> float:
    """Return by how many percent the charge departs from the energy that was moved."""
    worst, given, first = 0.0, 0.0, stream[0].reading["battery_soc"]
    for earlier, later in pairwise(stream):
        assert earlier.measured is not None
        assert later.measured is not None
        given += earlier.reading["battery_power"] * (later.measured - earlier.measured)
        moved = later.reading["battery_soc"] - first
        worst = max(worst, abs(moved + 100 * given / CAPACITY))
    return worst


@pytest.mark.parametrize("name", SCENARIOS)
@settings(max_examples=3)
@given(seed=st.integers(0, 10_000), later=st.integers(0, 3600))
def test_scenario_keeps_every_rule(name: str, seed: int, later: int) -> None:
    mock = Mock(scenario=name, seed=seed)
    mock.advance(later)
    stream, elapsed = window(mock, 300)
    assert temporal.count_faults(stream, 300) == []
    assert temporal.order_faults(stream) == []
    assert temporal.cadence_faults(stream) == []
    assert temporal.balance_faults(stream) == []
    assert temporal.charge_faults(stream) == []
    if stream[0].reading.get("battery_soc") is not None:
        assert charge_is_off(stream) <= 1
    assert temporal.island_faults(stream) == []
    assert temporal.end_faults(elapsed, 300, early=0, late=0) == []


@settings(max_examples=5)
@given(cadence=st.sampled_from([0.5, 1.0, 2.0, 7.0]), warm_up=st.integers(0, 20))
def test_wire_keeps_to_its_own_cadence(cadence: float, warm_up: int) -> None:
    stream, elapsed = window(Mock(wire=Wire(cadence=cadence, warm_up=warm_up, jitter=0.3)), 30)
    assert temporal.count_faults(stream, 30 - warm_up, cadence) == []
    assert temporal.cadence_faults(stream, cadence) == []
    assert elapsed == 30


@pytest.mark.parametrize("fault", [Fault("close", after_events=12), Fault("overrun", seconds=3.0)])
def test_early_and_late_end_are_found(fault: Fault) -> None:
    mock = Mock()
    mock.fault(fault)
    stream, elapsed = window(mock, 30)
    assert temporal.count_faults(stream, 30) != []
    assert temporal.end_faults(elapsed, 30, early=0, late=0) != []
