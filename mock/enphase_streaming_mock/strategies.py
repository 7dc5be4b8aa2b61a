"""Hypothesis strategies: readings, the bytes of streams, the ways to cut them, and faults.

    from hypothesis import given
    from enphase_streaming_mock.strategies import chunkings, frames

    @given(chunkings(frames()))
    def test_my_parser(chunks): ...

Needs hypothesis, which the mock itself does not: `pip install hypothesis`.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args

from enphase_streaming_mock.faults import KINDS, Fault, FaultName
from enphase_streaming_mock.validation import check_choice
from enphase_streaming_mock.wire import Wire

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "enphase_streaming_mock.strategies needs hypothesis, which is not installed. "
        "Install it with: pip install hypothesis",
        name="hypothesis",
    ) from _error

__all__ = ["balanced_readings", "chunkings", "drifted_readings", "faults", "frames", "wires"]

_POWER = st.integers(0, 20_000)
_SIGNED = st.integers(-20_000, 20_000)
_GENERATOR = st.just(0) | _POWER
_PERCENT = st.integers(0, 100)
_SERIALS = st.lists(st.from_regex(r"12[0-9]{10}", fullmatch=True))
_MODES = st.sampled_from(["Self-consumption", "Savings Mode", "Full Backup", "DR Event Active"])
_GRIDS = st.sampled_from(["On Grid", "Off Grid", "Unknown"])
_NUMBERS = ("pv_power", "consumption_power", "battery_power", "battery_soc", "grid_power")
_MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@st.composite
def balanced_readings(draw: st.DrawFn, system_id: int = 1765) -> dict[str, Any]:
    """Readings as documented, in which pv + battery + grid + generator = consumption; W and %.

    Off the grid the grid's power is 0.
    """
    grid_status = draw(_GRIDS)
    consumption, pv = draw(_POWER), draw(_POWER)
    generator = draw(_GENERATOR)
    islanded = consumption - pv - generator
    battery = islanded if grid_status == "Off Grid" else draw(_SIGNED)
    return {
        "system_id": system_id,
        "envoy_serial_number": draw(_SERIALS),
        "pv_power": pv,
        "consumption_power": consumption,
        "battery_power": battery,
        "battery_soc": draw(_PERCENT),
        "battery_mode": draw(_MODES),
        "grid_power": consumption - pv - generator - battery,
        "grid_status": grid_status,
        "generator_power": generator,
    }


@st.composite
def drifted_readings(draw: st.DrawFn, system_id: int = 1765) -> dict[str, Any]:
    """Readings that depart from the document as an API does that changes without notice.

    At least one field is missing, null, of another type, spelt in another way, or new.
    """
    reading = draw(balanced_readings(system_id))
    for drift in draw(st.lists(st.sampled_from(_DRIFTS), min_size=1, max_size=3, unique=True)):
        name = draw(st.sampled_from(_NUMBERS))
        if drift == "missing":
            reading.pop(name, None)
        elif drift == "mode":
            reading["battery_mode"] = draw(st.sampled_from(["Self - Consumption", "savings mode"]))
        elif drift == "new":
            reading[draw(st.sampled_from(["undocumented_power", "undocumented_count"]))] = draw(
                _SIGNED
            )
        else:
            retyped = [None, "", "n/a", str(reading.get(name)), float(reading.get(name) or 0)]
            reading[name] = draw(st.sampled_from(retyped))
    return reading


_DRIFTS = ("missing", "retyped", "mode", "new")


def wires() -> st.SearchStrategy[Wire]:
    """Every way to write an event; when events come is as by default."""
    inferred = ("nesting", "colon_space", "newline", "bom", "ids", "comments", "epoch", "numbers")
    return st.builds(
        Wire,
        retry=st.none() | st.integers(0, 60_000),
        event_name=st.none() | st.sampled_from(["message", "live_data"]),
        unknown_fields=st.booleans(),
        **dict.fromkeys(inferred, ...),
    )


@st.composite
def frames(
    draw: st.DrawFn,
    readings: st.SearchStrategy[dict[str, Any]] | None = None,
    max_size: int = 10,
) -> bytes:
    """The body of a stream: up to `max_size` readings, a second apart, in one of the `wires`."""
    wire, moment = draw(wires()), draw(_MOMENTS)
    source = balanced_readings() if readings is None else readings
    events = [
        wire.event(reading, moment + timedelta(seconds=second))
        for second, reading in enumerate(draw(st.lists(source, max_size=max_size)))
    ]
    return b"".join([wire.preamble, *events])


@st.composite
def chunkings(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> list[bytes]:
    """A body as a connection may deliver it: cut anywhere, in any number of chunks, none empty."""
    body = draw(bodies)
    cuts = draw(st.sets(st.integers(1, max(1, len(body) - 1)), max_size=40))
    edges = [0, *sorted(cuts), len(body)]
    return [chunk for a, b in pairwise(edges) if (chunk := body[a:b])]


def faults(*names: str, always: bool = False) -> st.SearchStrategy[Fault]:
    """Faults by name, of all kinds when none is named, after up to ten events.

    Raises ValueError for a fault that does not exist.
    """
    for name in names:
        check_choice("fault", name, get_args(FaultName))
    return st.one_of([_fault(name, always) for name in names or tuple(KINDS)])


def _fault(name: str, always: bool) -> st.SearchStrategy[Fault]:
    after = {"after_events": st.integers(0, 10)} if "after_events" in KINDS[name].options() else {}
    return st.builds(Fault, st.just(name), always=st.just(always), **after)
