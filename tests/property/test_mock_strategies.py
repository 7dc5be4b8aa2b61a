"""The strategies of the test kit keep what they promise; and our own client is a good one."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enphase_streaming import AsyncStreamingClient, Budget, EnphaseStreamingError, StreamingClient
from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming_mock import HandClock, Mock, Wire
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.faults import KINDS, Fault
from enphase_streaming_mock.strategies import (
    balanced_readings,
    chunkings,
    drifted_readings,
    faults,
    frames,
    wires,
)

# A body without an end, and a stream without an end, are for tests of their own.
FAULTS = sorted(KINDS.keys() - {"endless-error", "oversized-event"})


def documented(reading: dict[str, Any]) -> list[str]:
    stamps = {"timestamp_epoch": 0, "timestamp_utc": "", "type": "response"}
    return load_contract().event_faults({"data": reading, **stamps})


@given(balanced_readings())
def test_balanced_readings_balance_and_match_the_document(reading: dict[str, Any]) -> None:
    sources = ("pv_power", "battery_power", "grid_power", "generator_power")
    assert sum(reading[name] for name in sources) == reading["consumption_power"]
    assert reading["grid_status"] != "Off Grid" or reading["grid_power"] == 0
    assert documented(reading) == []


@given(st.data())
def test_drifted_readings_depart_from_the_document(data: st.DataObject) -> None:
    reading = data.draw(drifted_readings())
    known = {"Self-consumption", "Savings Mode", "Full Backup", "DR Event Active"}
    assert (
        any(type(reading.get(name)) is not int for name in ("pv_power", "consumption_power"))
        or any(type(reading.get(n)) is not int for n in ("battery_power", "battery_soc"))
        or type(reading.get("grid_power")) is not int
        or reading["battery_mode"] not in known
        or reading.keys()
        - load_contract().document["components"]["schemas"]["LiveStatus"]["properties"].keys()
    )


@settings(max_examples=30)
@given(st.data())
def test_frames_hold_at_most_max_size_events(data: st.DataObject) -> None:
    readings = data.draw(st.lists(balanced_readings(), max_size=4))
    source = st.sampled_from(readings) if readings else balanced_readings()
    body = data.draw(frames(source, max_size=5))
    assert len(SSEDecoder().feed(body)) <= 5


@settings(max_examples=40)
@given(chunkings(frames()))
def test_chunks_decode_like_the_whole_body(chunks: list[bytes]) -> None:
    assert all(chunks)
    decoder = SSEDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    assert events == SSEDecoder().feed(b"".join(chunks))


@given(wires())
def test_wires_keep_the_default_times(wire: Wire) -> None:
    assert (wire.cadence, wire.warm_up, wire.jitter) == (1.0, 0.0, 0.0)


@given(faults())
def test_any_fault_can_be_set(fault: Fault) -> None:
    Mock().fault(fault)


@given(faults("drop", "reset", always=True))
def test_faults_are_of_the_named_kinds(fault: Fault) -> None:
    assert fault.name in ("drop", "reset")
    assert fault.effect.always


def test_an_unknown_kind_of_fault_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fault must be one of 'reset', 'drop'.*got 'x'"):
        faults("x")


def test_missing_hypothesis_is_reported() -> None:
    code = "import sys; sys.modules['hypothesis'] = None\nimport enphase_streaming_mock.strategies"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].endswith(
        "needs hypothesis, which is not installed. Install it with: pip install hypothesis"
    )


def read_a_window(mock: Mock) -> None:
    with StreamingClient(**mock.client_options) as client:
        try:
            for _ in client.live_data(mock.system_id):
                pass
        except EnphaseStreamingError:
            pass


def read_a_window_async(mock: Mock) -> None:
    async def read() -> None:
        async with AsyncStreamingClient(**mock.client_options) as client:
            try:
                async for _ in client.live_data(mock.system_id):
                    pass
            except EnphaseStreamingError:
                pass

    asyncio.run(read())


@pytest.mark.parametrize("read", [read_a_window, read_a_window_async], ids=["sync", "async"])
@settings(max_examples=40)
@given(fault=faults(*FAULTS), wire=wires())
def test_our_client_has_no_findings_under_any_fault(read: Any, fault: Fault, wire: Wire) -> None:
    mock = Mock(clock=HandClock(), wire=wire)
    mock.fault(fault)
    read(mock)
    assert len(mock.calls) <= 1
    mock.assert_all_closed()
    assert mock.verdict() == []


@settings(max_examples=15)
@given(st.lists(faults(*sorted(set(FAULTS) - {"silence", "comments"})), max_size=4))
def test_our_watch_has_no_findings_under_any_faults(troubles: list[Fault]) -> None:
    clock = HandClock()
    mock = Mock(clock=clock)
    for trouble in troubles:
        mock.fault(trouble)

    def wait(seconds: float, error: Exception | None) -> None:
        clock.advance(seconds)

    with StreamingClient(**mock.client_options) as client:
        try:
            budget = Budget(calls=6)
            for _ in client.watch(mock.system_id, budget=budget, duration=30, on_wait=wait):
                pass
        except EnphaseStreamingError:
            pass
    assert 1 <= len(mock.calls) <= 6
    mock.assert_all_closed()
    assert mock.verdict() == []
