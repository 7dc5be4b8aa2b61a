"""Rules of the mock that hold for any seed, moment and request."""

import json
import re
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import written
from enphase_streaming_mock import SCENARIOS, Conditions, Engine, Request, Scenario, Wire
from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from enphase_streaming_mock.exchange import Step
from enphase_streaming_mock.site import CAPACITY, Site

DOCUMENT = written.read()
(DURATION,) = (
    item["schema"]
    for item in DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]["parameters"]
    if item["in"] == "header"
)
PATH = f"/api/v4/systems/{SYSTEM_ID}/live_data"
ACCESS = (("key", API_KEY), ("Authorization", f"Bearer {ACCESS_TOKEN}"))
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)

names = st.sampled_from(sorted(SCENARIOS))
seeds = st.integers(-(2**70), 2**70)
seconds = st.integers(0, 2 * 3600)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
header_texts = st.text(st.characters(max_codepoint=0xFF), max_size=40)
conditions = st.builds(
    Conditions,
    sun=st.floats(0, 1),
    load=st.integers(0, 20_000),
    generator=st.integers(0, 8_000),
    islanded=st.booleans(),
    reserve=st.integers(0, 100),
)


class Fixed(Scenario):
    """Conditions that never change."""

    name = "fixed"

    def __init__(self, always: Conditions) -> None:
        super().__init__()
        self.always = always

    def conditions(self, second: int) -> Conditions:
        return self.always


def check_balance_and_charge(site: Site, first: int) -> None:
    energy = site.energy(first)
    for second in range(first, first + 20):
        reading = site.reading(second)
        assert reading["consumption_power"] == (
            reading["pv_power"]
            + reading["battery_power"]
            + reading["grid_power"]
            + reading["generator_power"]
        )
        assert min(reading["pv_power"], reading["consumption_power"]) >= 0
        assert reading["generator_power"] >= 0
        assert 0 <= energy <= CAPACITY
        assert site.energy(second) == energy
        assert reading["battery_soc"] == round(100 * energy / CAPACITY)
        if reading["grid_status"] == "Off Grid":
            assert reading["grid_power"] == 0
        energy -= reading["battery_power"]


@given(names, seeds, seconds)
def test_powers_balance_and_charge_follows_the_battery(name: str, seed: int, second: int) -> None:
    check_balance_and_charge(Site(SCENARIOS[name](seed), SYSTEM_ID, "1"), second)


@given(conditions, st.integers(0, 2 * 3600))
def test_powers_balance_under_any_conditions(always: Conditions, second: int) -> None:
    site = Site(Fixed(always), SYSTEM_ID, "1")
    check_balance_and_charge(site, second)
    if always.islanded:
        assert site.reading(second)["grid_power"] == 0


@given(names, seeds, moments, st.integers(0, 3_600_000), st.integers(30, 60))
def test_the_same_scenario_seed_start_and_duration_give_the_same_bytes(
    name: str, seed: int, start: datetime, after: int, duration: int
) -> None:
    def window() -> list[Step]:
        engine = Engine(SCENARIOS[name](seed), start)
        request = Request("GET", PATH, (*ACCESS, ("duration", str(duration))))
        reply = engine.answer(request, start + timedelta(milliseconds=after))
        assert reply.steps is not None
        return list(reply.steps)

    assert window() == window()


@given(
    st.sampled_from(["inner", "outer"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r"]),
    moments,
)
def test_every_wire_carries_the_same_reading(
    nesting: str, colon_space: bool, newline: str, moment: datetime
) -> None:
    reading = Site(SCENARIOS["night"](), SYSTEM_ID, "1").reading(0)
    wire = Wire(nesting=nesting, colon_space=colon_space, newline=newline)  # type: ignore[arg-type]
    line, blank, rest = wire.event(reading, moment).decode().split(newline)
    body = json.loads(line.removeprefix("data:"))
    plain = json.loads(Wire().event(reading, moment).removeprefix(b"data:"))
    assert (blank, rest) == ("", "")
    assert (body["data"] if nesting == "outer" else body) == plain


@given(
    st.lists(
        header_texts | st.from_regex(r"[ \t]*[-+]?[0-9]{1,4}(\.0|e1)?[ \t]*", fullmatch=True),
        max_size=2,
    )
)
@example(["9" * 5000])
@example(["-" + "9" * 5000])
def test_a_duration_is_judged_as_by_the_document(texts: list[str]) -> None:
    reply = Engine(SCENARIOS["night"](), NOON).answer(
        Request("GET", PATH, (*ACCESS, *(("duration", text) for text in texts))), NOON
    )
    assert reply.status == documents_verdict(texts)
    assert len(reply.body) < 300


def documents_verdict(texts: list[str]) -> int:
    """Read the header with the JSON schema alone: what is no JSON integer is none here."""
    if not texts:
        return 200
    text = texts[0].strip(" \t")
    if len(texts) > 1 or not re.fullmatch(r"-?[0-9]+", text, re.ASCII):
        return 463
    try:
        value = json.loads(text) if len(text) < 4000 else int(text[:4000])
    except ValueError:
        return 463
    faults = {fault.validator for fault in Draft202012Validator(DURATION).iter_errors(value)}
    return {"minimum": 461, "maximum": 462}[str(faults.pop())] if faults else 200


@given(
    st.text(max_size=10),
    st.text(max_size=60) | st.builds("/api/v4/systems/{}/live_data".format, st.text(max_size=20)),
    st.lists(
        st.tuples(
            st.sampled_from(["key", "Authorization", "duration", "Prefer", "Accept"]) | st.text(),
            st.text(max_size=40) | st.sampled_from([API_KEY, f"Bearer {ACCESS_TOKEN}", "code=401"]),
        ),
        max_size=6,
    ),
    st.lists(st.tuples(st.just("key") | st.text(), st.text()), max_size=3),
)
def test_garbage_is_answered_and_never_raises(
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    query: list[tuple[str, str]],
) -> None:
    engine = Engine(SCENARIOS["night"](), NOON)
    reply = engine.answer(Request(method, path, tuple(headers), tuple(query)), NOON)
    assert 200 <= reply.status < 553
    assert reply.status != 500
    assert (reply.steps is None) == bool(reply.body)
    assert API_KEY not in repr(engine.journal.requests)
