"""Rules that hold for the reading of any JSON."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enphase_streaming import APIStatusError, Drift, MalformedEvent, Reading
from enphase_streaming.core.reading import EventReader
from enphase_streaming.reading import decode
from enphase_streaming_api.models import LiveStatus

ARRIVED = datetime(2026, 6, 21, 12, tzinfo=UTC)
FIELDS = {
    field.encode_name: get_args(field.type)[0] for field in msgspec.structs.fields(LiveStatus)
}
INTEGERS = [name for name, kind in FIELDS.items() if kind is int]
STRINGS = [name for name, kind in FIELDS.items() if kind is str]
LISTS = [name for name, kind in FIELDS.items() if kind == list[str]]

names = st.sampled_from(
    [
        *FIELDS,
        "data",
        "error",
        "code",
        "message",
        "status",
        "details",
        "type",
        "timestamp_epoch",
        "timestamp_utc",
        "drift",
        "raw",
        "arrived",
        "new",
    ]
)
numbers = st.integers() | st.floats(allow_nan=False)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    st.text(max_size=8),
    numbers.map(str),
    st.sampled_from(["2023-03-17 08:25:08.556", "0001-01-01T00:00:00+01:00", 473, "473", "1.0"]),
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)
objects = st.dictionaries(names, values, max_size=6)
events = st.one_of(
    values,
    objects,
    objects.map(lambda data: {"data": data}),
    objects.map(lambda data: {"data": {"data": data}}),
    objects.map(lambda error: {"error": error}),
    st.tuples(objects, objects).map(lambda pair: {"data": pair[0], **pair[1]}),
)

well_formed = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.none() | st.integers(-(2**70), 2**70) for name in INTEGERS},
        **{name: st.none() | st.text() for name in STRINGS},
        **{name: st.none() | st.lists(st.text(), max_size=3) for name in LISTS},
    },
)
about = st.fixed_dictionaries(
    {},
    optional={
        "timestamp_epoch": st.none() | st.integers(-(2**70), 2**70) | st.integers(0, 2 * 10**12),
        "timestamp_utc": st.none() | st.text() | st.datetimes().map(str),
        "type": st.none() | st.text(),
    },
)


def test_every_field_has_a_rule_here() -> None:
    ruled = {*INTEGERS, *STRINGS, *LISTS}
    assert ruled == FIELDS.keys(), (
        "a field of a new type needs a conversion in overlay/enphase_streaming/core/reading.py, "
        "and a property here"
    )


def only_documented_exceptions(text: str) -> None:
    with suppress(MalformedEvent, APIStatusError):
        reading = decode(text, ARRIVED)
        json.dumps(reading.to_dict())
        assert reading.balance is None or isinstance(reading.balance, int)
        assert reading.timestamp is None or reading.timestamp.tzinfo is UTC


@given(events, st.booleans())
@settings(max_examples=500)
@example({"data": {}, "timestamp_utc": "0001-01-01T00:00:00+01:00"}, True)
@example({"data": {"pv_power": math.nan}, "timestamp_epoch": math.nan}, True)
def test_any_json_is_a_reading_or_a_documented_exception(event: object, ascii: bool) -> None:
    only_documented_exceptions(json.dumps(event, ensure_ascii=ascii))


@given(
    st.text() | st.text(st.characters(), max_size=10) | st.text('{}[]":,1e-.\\u"data', max_size=20)
)
@settings(max_examples=300)
@example("\ud800")
def test_any_text_is_a_reading_or_a_documented_exception(text: str) -> None:
    only_documented_exceptions(text)


@given(well_formed, about, st.booleans())
@settings(max_examples=200)
def test_the_strict_and_the_tolerant_path_agree(
    status: dict[str, Any], about: dict[str, Any], nested: bool
) -> None:
    def read(event: dict[str, Any]) -> Reading:
        return decode(json.dumps({"data": event} if nested else event), ARRIVED)

    strict = read({"data": status, **about})
    tolerant = read({"data": {**status, "never seen": 1}, **about})  # the strict path refuses it
    assert strict.drift == ()
    assert tolerant.drift == (Drift("never seen", 1, "absent"),)
    for name in FIELDS:
        assert getattr(strict, name) == getattr(tolerant, name) == status.get(name)
    assert strict.timestamp == tolerant.timestamp
    assert strict.to_dict() == tolerant.to_dict()


fields = st.sampled_from([*FIELDS, "timestamp_epoch", "type", "new", "other"])
plain_or_not = st.dictionaries(fields, st.integers(0, 9) | st.just("5") | values, max_size=5)


@given(st.lists(st.tuples(plain_or_not, plain_or_not), min_size=2, max_size=6))
@settings(max_examples=100)
def test_earlier_events_change_only_whether_an_unknown_field_is_noted(
    stream: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    reader = EventReader()
    noted: set[str] = set()
    for status, about in stream:
        text = json.dumps({**about, "data": status})
        reading, alone = reader.read(text, ARRIVED), decode(text, ARRIVED)
        assert isinstance(reading, Reading)
        assert reading.to_dict() == alone.to_dict()
        assert (reading.epoch, reading.utc) == (alone.epoch, alone.utc)
        known = [each for each in alone.drift if each.expected == "absent" and each.field in noted]
        assert sorted(map(repr, [*reading.drift, *known])) == sorted(map(repr, alone.drift))
        noted |= {each.field for each in alone.drift if each.expected == "absent"}


def lossless(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}(\.0{1,18})?", value):
        return int(value.split(".")[0])
    return None


@given(st.sampled_from(INTEGERS), values)
@settings(max_examples=300)
def test_an_integer_field_keeps_what_is_lossless_and_notes_what_is_no_integer(
    name: str, value: object
) -> None:
    reading = decode(json.dumps({"data": {name: value}}), ARRIVED)
    assert getattr(reading, name) == lossless(value)
    as_documented = value is None or type(value) is int
    assert reading.drift == (() if as_documented else (Drift(name, value, "integer"),))


@given(st.sampled_from(STRINGS), values)
def test_an_open_string_takes_any_string_and_notes_what_is_none(name: str, value: object) -> None:
    reading = decode(json.dumps({"data": {name: value}}), ARRIVED)
    expected = str(value) if type(value) is int else value if isinstance(value, str) else None
    assert getattr(reading, name) == expected
    as_documented = value is None or isinstance(value, str)
    assert reading.drift == (() if as_documented else (Drift(name, value, "string"),))
