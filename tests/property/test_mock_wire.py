"""With any wire, an independent reader finds the site's readings in the bytes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming_mock import SCENARIOS, Engine, Request, Wire
from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from enphase_streaming_mock.exchange import End, Step

PATH = f"/api/v4/systems/{SYSTEM_ID}/live_data"
ACCESS = (("key", API_KEY), ("Authorization", f"Bearer {ACCESS_TOKEN}"))
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)

some_seconds = st.sampled_from([0.0, 0.25, 1.0, 2.5, 7.0, 40.0])


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    stalls = draw(st.booleans())
    cuts: dict[str, Any] = draw(
        st.fixed_dictionaries({"cut_every": st.none() | st.integers(1, 50)})
        | st.fixed_dictionaries({"cut_at": st.lists(st.integers(1, 9000), max_size=9).map(tuple)})
    )
    return Wire(
        nesting=draw(st.sampled_from(["inner", "outer"])),
        colon_space=draw(st.booleans()),
        newline=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        bom=draw(st.booleans()),
        retry=draw(st.none() | st.integers(0, 9999)),
        event_name=draw(st.none() | st.just("live data")),
        ids=draw(st.booleans()),
        comments=draw(st.booleans()),
        epoch=draw(st.sampled_from(["milliseconds", "seconds"])),
        numbers=draw(st.sampled_from(["integers", "floats", "strings"])),
        unknown_fields=draw(st.booleans()),
        warm_up=draw(some_seconds),
        cadence=draw(st.sampled_from([0.5, 1.0, 1.7, 10.0])),
        jitter=draw(some_seconds),
        stall_after=draw(st.integers(1, 9)) if stalls else None,
        stall=draw(st.sampled_from([0.5, 8.0, 50.0])) if stalls else 0.0,
        keep_alive=draw(st.none() | st.sampled_from([0.7, 5.0])),
        **cuts,
    )


def events(body: bytes) -> Iterator[dict[str, str]]:
    """Read a whole event stream the slow and plain way: HTML standard, section 9.2."""
    text = body.removeprefix(b"\xef\xbb\xbf").decode().replace("\r\n", "\n").replace("\r", "\n")
    for block in text.split("\n\n"):
        found: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            found[name] = value.removeprefix(" ")
        if "data" in found:
            yield found


def opened(wire: Wire, name: str = "outage", duration: int = 30) -> tuple[Engine, list[Step]]:
    engine = Engine(SCENARIOS[name](), NOON, wire)
    reply = engine.answer(Request("GET", PATH, (*ACCESS, ("duration", str(duration)))), NOON)
    assert reply.steps is not None
    return engine, list(reply.steps)


@given(wires(), st.sampled_from(sorted(SCENARIOS)))
def test_every_reading_can_be_parsed_back_in_order(wire: Wire, name: str) -> None:
    engine, steps = opened(wire, name)
    body = b"".join(step.data for step in steps)
    read = list(events(body))
    expected: list[dict[str, object]] = []
    while wire.warm_up + len(expected) * wire.cadence < 30:
        second = int(wire.warm_up + len(expected) * wire.cadence)
        expected.append(engine.site.report(second))
    assert len(read) == len(expected) == sum(step.events for step in steps)
    for number, (event, reading) in enumerate(zip(read, expected, strict=True)):
        found = json.loads(event["data"])
        found = found["data"] if wire.nesting == "outer" else found
        for field, value in reading.items():
            written = found["data"][field]
            assert type(value)(written) == value if type(value) is int else written == value
        moment = NOON + timedelta(seconds=wire.warm_up + number * wire.cadence)
        epoch = found["timestamp_epoch"] * (1000 if wire.epoch == "seconds" else 1)
        assert abs(epoch - moment.timestamp() * 1000) <= (1000 if wire.epoch == "seconds" else 1)
        assert ("id" in event, "event" in event) == (wire.ids, wire.event_name is not None)
    assert body.startswith(b"\xef\xbb\xbf") == (wire.bom and bool(body))


@given(wires())
def test_steps_are_ordered_and_end_at_the_duration(wire: Wire) -> None:
    _, steps = opened(wire)
    dues = [step.due for step in steps]
    assert dues == sorted(dues)
    assert steps[-1] == Step(30, end=End.CLEAN)
    assert all(step.end is None for step in steps[:-1])


@given(wires())
def test_the_body_is_cut_where_the_wire_says(wire: Wire) -> None:
    _, steps = opened(wire)
    whole = Wire(**{each: getattr(wire, each) for each in Wire.__slots__ if "cut" not in each})
    assert b"".join(step.data for step in steps) == b"".join(s.data for s in opened(whole)[1])
    ends, offset = set(), 0
    for step in steps[:-1]:
        assert wire.cut_every is None or len(step.data) <= wire.cut_every
        offset += len(step.data)
        ends.add(offset)
    assert all(cut in ends for cut in wire.cut_at if cut < offset)


@given(wires(), st.integers(0, 40))
def test_timestamps_of_the_next_window_go_on(wire: Wire, after: int) -> None:
    engine = Engine(SCENARIOS["night"](), NOON, wire)
    last = 0
    for moment in (NOON, NOON + timedelta(seconds=30 + after)):
        reply = engine.answer(Request("GET", PATH, ACCESS), moment)
        assert reply.steps is not None
        for event in events(b"".join(step.data for step in reply.steps)):
            found = json.loads(event["data"])
            found = found["data"] if wire.nesting == "outer" else found
            assert found["timestamp_epoch"] >= last
            last = found["timestamp_epoch"]
