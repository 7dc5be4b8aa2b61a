"""Readings from the JSON of events: fields, drift, time, signs, and what is no reading."""

from __future__ import annotations

import gc
import json
import math
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from enphase_streaming import (
    APIStatusError,
    Drift,
    GatewayNotReportingError,
    MalformedEvent,
    Reading,
    UnexpectedStatusError,
)
from enphase_streaming.core.reading import EventReader
from enphase_streaming.reading import decode

ARRIVED = datetime(2026, 6, 21, 12, 0, 1, tzinfo=UTC)
# The documented example of a 200, its outer `data` included.
EXAMPLE = """{"data": {"data": {"battery_mode": "Savings Mode", "battery_power": 5,
  "battery_soc": 40, "consumption_power": 15, "envoy_serial_number": ["1234"],
  "generator_power": 0, "grid_power": -10, "grid_status": "On Grid", "pv_power": 30,
  "system_id": 123}, "timestamp_epoch": 1679041508556,
  "timestamp_utc": "2023-03-17 08:25:08.556", "type": "response"}}"""
MEASURED = datetime(2023, 3, 17, 8, 25, 8, 556_000, UTC)


def read(status: Any, **about: Any) -> Reading:
    return decode(json.dumps({"data": status, **about}), ARRIVED)


def power(text: str) -> tuple[int | None, tuple[Drift, ...]]:
    """Return `pv_power` and the drift of an event that sends it as this JSON text."""
    reading = decode(f'{{"data":{{"pv_power":{text}}}}}', ARRIVED)
    return reading.pv_power, reading.drift


# The documented form


@pytest.mark.parametrize("nested", [True, False], ids=["two data objects", "one"])
def test_reads_the_documented_example_in_either_nesting(nested: bool) -> None:
    text = EXAMPLE if nested else json.dumps(json.loads(EXAMPLE)["data"])
    reading = decode(text, ARRIVED)
    assert reading.battery_mode == "Savings Mode"
    assert reading.battery_power == 5
    assert reading.battery_soc == 40
    assert reading.consumption_power == 15
    assert reading.envoy_serial_number == ["1234"]
    assert reading.generator_power == 0
    assert reading.grid_power == -10
    assert reading.grid_status == "On Grid"
    assert reading.pv_power == 30
    assert reading.system_id == 123
    assert reading.timestamp == MEASURED
    assert reading.arrived == ARRIVED
    assert reading.raw == text
    assert reading.drift == ()


def test_reads_a_stream_that_changes_its_nesting() -> None:
    reader = EventReader()
    flat = json.dumps(json.loads(EXAMPLE)["data"])
    for text in (EXAMPLE, EXAMPLE, flat, flat, EXAMPLE):
        reading = reader.read(text, ARRIVED)
        assert isinstance(reading, Reading)
        assert (reading.pv_power, reading.timestamp, reading.drift) == (30, MEASURED, ())


@pytest.mark.parametrize("text", ['{"data":{}}', '{"data":{"data":{}}}'])
def test_nothing_is_filled_in(text: str) -> None:
    reading = decode(text, ARRIVED)
    assert reading.to_dict() == {}
    assert reading.timestamp is None
    assert reading.drift == ()


# Drift


@pytest.mark.parametrize("text", ["30", "0", "-30", "12345678901234567890"])
def test_an_integer_is_no_drift(text: str) -> None:
    assert power(text) == (int(text), ())


@pytest.mark.parametrize(
    ("text", "kept", "value"),
    [
        ('"12"', 12, "12"),
        ('"-12"', -12, "-12"),
        ('"12.0"', 12, "12.0"),
        ("12.0", 12, 12.0),
        ("-3.0", -3, -3.0),
        ("1e3", 1000, 1000.0),
    ],
)
def test_a_lossless_value_of_another_type_is_kept_and_noted(
    text: str, kept: int, value: object
) -> None:
    assert power(text) == (kept, (Drift("pv_power", value, "integer"),))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.5", 12.5),
        ('"12.5"', "12.5"),
        ('"abc"', "abc"),
        ('""', ""),
        ("true", True),
        ("false", False),
        ("[12]", [12]),
        ('{"w":12}', {"w": 12}),
        ('"١٢"', "١٢"),
    ],
)
def test_any_other_value_becomes_none_and_is_noted(text: str, value: object) -> None:
    assert power(text) == (None, (Drift("pv_power", value, "integer"),))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize("frame", ["%s", '{"data":%s}'], ids=["one data object", "two"])
def test_a_number_that_json_lacks_costs_its_field_only(text: str, frame: str) -> None:
    status = f'{{"data":{{"pv_power":{text},"battery_soc":64}}}}'
    reading = decode(frame % status, ARRIVED)
    assert (reading.pv_power, reading.battery_soc) == (None, 64)
    [drift] = reading.drift
    assert (drift.field, drift.expected) == ("pv_power", "integer")
    assert not math.isfinite(drift.value)


@pytest.mark.parametrize("text", [r'"\ud800"', r'"a\udfff"', r'"\ud800\ud800"'])
def test_a_lone_surrogate_never_reaches_a_reading(text: str) -> None:
    try:
        reading = decode(f'{{"data":{{"battery_mode":{text},"pv_power":1}}}}', ARRIVED)
    except MalformedEvent:
        return
    json.dumps(reading.to_dict(), ensure_ascii=False).encode()


@pytest.mark.parametrize("status", [{"pv_power": None}, {}])
def test_null_and_absent_are_none_and_no_drift(status: dict[str, None]) -> None:
    reading = read(status)
    assert (reading.pv_power, reading.drift) == (None, ())


def test_one_bad_field_leaves_the_others() -> None:
    reading = read({"pv_power": "abc", "grid_power": -880, "battery_soc": "64"})
    assert (reading.pv_power, reading.grid_power, reading.battery_soc) == (None, -880, 64)
    assert set(reading.drift) == {
        Drift("pv_power", "abc", "integer"),
        Drift("battery_soc", "64", "integer"),
    }


@pytest.mark.parametrize(
    "mode",
    ["DR Event Active", "self - consumption", "Self - Consumption", "Savings Mode", "", "新しい"],
)
def test_an_unknown_value_of_an_open_string_is_no_drift(mode: str) -> None:
    reading = read({"battery_mode": mode, "grid_status": mode})
    assert (reading.battery_mode, reading.grid_status, reading.drift) == (mode, mode, ())


def test_an_integer_for_a_string_is_kept_and_noted() -> None:
    reading = read({"battery_mode": 3})
    assert (reading.battery_mode, reading.drift) == ("3", (Drift("battery_mode", 3, "string"),))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1234", ["1234"]),
        (1234, ["1234"]),
        ([1234, "5"], ["1234", "5"]),
        ([None], None),
        ([], []),
        ({"a": 1}, None),
    ],
)
def test_a_serial_number_in_another_form(sent: object, kept: list[str] | None) -> None:
    reading = read({"envoy_serial_number": sent})
    assert reading.envoy_serial_number == kept
    noted = () if sent == [] else (Drift("envoy_serial_number", sent, "array of string"),)
    assert reading.drift == noted


def test_an_unknown_field_is_noted() -> None:
    assert read({"pv_power": 1, "not_documented": 7}).drift == (
        Drift("not_documented", 7, "absent"),
    )
    assert read({"pv_power": 1}, seq=7).drift == (Drift("seq", 7, "absent"),)


def test_an_unknown_field_beside_the_outer_data_is_noted() -> None:
    reading = decode('{"data":{"data":{"pv_power":1}},"seq":7}', ARRIVED)
    assert (reading.pv_power, reading.drift) == (1, (Drift("seq", 7, "absent"),))


def test_a_timestamp_beside_the_outer_data_is_used() -> None:
    text = '{"data":{"data":{"pv_power":1}},"timestamp_epoch":1679041508556}'
    assert decode(text, ARRIVED).timestamp == MEASURED


def test_an_unknown_field_is_noted_once_a_stream() -> None:
    reader = EventReader()
    drift = []
    for status in ({"a": 1}, {"a": 2}, {"a": 3, "b": 4}, {"b": 5}):
        reading = reader.read(json.dumps({"data": status}), ARRIVED)
        assert isinstance(reading, Reading)
        drift.append(reading.drift)
    assert drift == [(Drift("a", 1, "absent"),), (), (Drift("b", 4, "absent"),), ()]


def test_a_value_of_the_wrong_type_is_noted_every_time() -> None:
    reader = EventReader()
    for _ in range(2):
        reading = reader.read('{"data":{"pv_power":"12"}}', ARRIVED)
        assert isinstance(reading, Reading)
        assert reading.drift == (Drift("pv_power", "12", "integer"),)


def test_fields_may_begin_and_cease_to_drift_within_a_stream() -> None:
    reader = EventReader()
    pv, soc = Drift("pv_power", "1", "integer"), Drift("battery_soc", 64.0, "integer")
    for status, drift in (
        ({"pv_power": 1, "battery_soc": 64}, ()),
        ({"pv_power": "1", "battery_soc": 64}, (pv,)),
        ({"pv_power": "1", "battery_soc": 64.0}, (pv, soc)),
        ({"pv_power": 1, "battery_soc": 64.0}, (soc,)),
        ({"pv_power": 1, "battery_soc": 64, "new": 7}, (Drift("new", 7, "absent"),)),
        ({"pv_power": 1, "battery_soc": 64, "new": 8}, ()),
        ({"pv_power": "1", "battery_soc": 64}, (pv,)),
    ):
        reading = reader.read(json.dumps({"data": status}), ARRIVED)
        assert isinstance(reading, Reading)
        assert (reading.pv_power, reading.battery_soc) == (1, 64)
        assert reading.drift == drift


def test_a_documented_name_in_the_wrong_object_is_an_unknown_field() -> None:
    reader = EventReader()
    for text, drift in (
        ('{"data":{},"type":1}', Drift("type", 1, "string")),
        ('{"data":{"type":"x"}}', Drift("type", "x", "absent")),
        ('{"data":{"type":"x"},"type":2}', Drift("type", 2, "string")),
    ):
        reading = reader.read(text, ARRIVED)
        assert isinstance(reading, Reading)
        assert reading.drift == (drift,)


# Time


def test_an_epoch_in_seconds_is_no_drift() -> None:
    reading = read({}, timestamp_epoch=1679041508)
    assert reading.timestamp == MEASURED.replace(microsecond=0)
    assert reading.drift == ()


@pytest.mark.parametrize(
    ("epoch", "moment"),
    [
        (99_999_999_999, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),  # the last seconds
        (100_000_000_000, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),  # the first milliseconds
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_epoch_below_1e11_is_in_seconds(epoch: int, moment: datetime) -> None:
    assert read({}, timestamp_epoch=epoch).timestamp == moment


def test_the_epoch_takes_precedence_over_the_text() -> None:
    reading = read({}, timestamp_epoch=1679041508556, timestamp_utc="2001-01-01 00:00:00.000")
    assert reading.timestamp == MEASURED


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"timestamp_epoch": None},
        {"timestamp_epoch": "soon"},
        {"timestamp_epoch": 10**18},  # in milliseconds the year 31 million
        {"timestamp_epoch": 10**25},
        {"timestamp_epoch": -(10**25)},
    ],
)
def test_the_text_replaces_an_unusable_epoch(about: dict[str, Any]) -> None:
    text = "2023-03-17 08:25:08.556"
    assert read({}, timestamp_utc=text, **about).timestamp == MEASURED


@pytest.mark.parametrize(
    "text",
    ["2023-03-17T08:25:08.556Z", "2023-03-17T10:25:08.556+02:00", "2023-03-17T08:25:08.556+00:00"],
)
def test_a_text_with_a_zone_is_converted_to_utc(text: str) -> None:
    timestamp = read({}, timestamp_utc=text).timestamp
    assert timestamp == MEASURED
    assert timestamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2023-13-17 08:25:08.556",
        "0001-01-01T00:00:00+23:59",
        "\0",
        "9999-12-31T23:59:59-23:59",
        "08:25:08",
    ],
)
def test_an_unusable_time_is_none(text: str) -> None:
    assert read({"pv_power": 1}, timestamp_utc=text).timestamp is None


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize("text", ["2023-03-17 08:25:08.556", "2023-03-17 08:25:08.556Z"])
def test_the_local_zone_does_not_change_a_time(text: str) -> None:
    timestamp = read({}, timestamp_utc=text).timestamp
    assert timestamp == MEASURED
    assert timestamp.tzinfo is UTC


def test_a_time_of_another_type_is_kept_and_noted() -> None:
    reading = read({}, timestamp_epoch="1679041508556")
    assert reading.timestamp == MEASURED
    assert reading.drift == (Drift("timestamp_epoch", "1679041508556", "integer"),)


# Signs


@pytest.mark.parametrize(
    ("watts", "taken", "given"), [(880, 880, 0), (-880, 0, 880), (0, 0, 0), (None, None, None)]
)
def test_grid_and_battery_have_a_property_for_each_sign(
    watts: int | None, taken: int | None, given: int | None
) -> None:
    reading = read({"grid_power": watts, "battery_power": watts})
    assert (reading.grid_import, reading.grid_export) == (taken, given)
    assert (reading.battery_discharging, reading.battery_charging) == (taken, given)


def test_the_documented_example_does_not_balance() -> None:
    assert decode(EXAMPLE, ARRIVED).balance == 30 + 5 - 10 + 0 - 15 == 10


POWERS = ["pv_power", "battery_power", "grid_power", "generator_power", "consumption_power"]


@pytest.mark.parametrize("missing", POWERS)
def test_no_balance_if_a_power_is_missing(missing: str) -> None:
    assert read(dict.fromkeys(POWERS, 0)).balance == 0
    assert read({name: 0 for name in POWERS if name != missing}).balance is None


# Events without a reading


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"data":null}',
        '{"data":[]}',
        '{"data":"x"}',
        '{"pv_power":30}',
        '{"data":{"data":null}}',
        '{"error":null}',
    ],
)
def test_an_object_without_data_and_error_is_no_reading(text: str) -> None:
    assert EventReader().read(text, ARRIVED) is None
    with pytest.raises(MalformedEvent, match="no reading"):
        decode(text, ARRIVED)


@pytest.mark.parametrize(
    "text",
    [
        '{"data":{"pv_power":30},"error":null}',
        '{"data":{"pv_power":30,"error":null}}',
        '{"data":{"data":{"pv_power":30},"error":null}}',
    ],
)
def test_an_error_that_is_null_is_drift(text: str) -> None:
    reading = decode(text, ARRIVED)
    assert (reading.pv_power, reading.drift) == (30, (Drift("error", None, "absent"),))


ENVELOPE = {
    "error": {
        "code": 473,
        "status": "IQ_GATEWAY_NOT_REPORTING",
        "message": "IQ gateway is not reporting",
        "details": [{}],
    },
    "timestamp_epoch": 1679041508,
    "timestamp_utc": "2023-03-17 08:25:08.556",
    "type": "site_connectivity_error",
}


@pytest.mark.parametrize("envelope", [ENVELOPE, {"data": ENVELOPE}])
def test_an_error_envelope_raises_the_exception_of_its_code(envelope: dict[str, Any]) -> None:
    with pytest.raises(GatewayNotReportingError) as raised:
        decode(json.dumps(envelope), ARRIVED)
    error = raised.value
    assert error.status_code == 473
    assert error.status == "IQ_GATEWAY_NOT_REPORTING"
    assert error.message == "IQ gateway is not reporting"
    assert error.type == "site_connectivity_error"
    assert error.retryable


def test_an_error_beside_nested_data_with_a_null_error_counts() -> None:
    text = '{"error": {"code": 473}, "data": {"data": {"pv_power": 1}, "error": null}}'
    with pytest.raises(GatewayNotReportingError):
        decode(text, ARRIVED)


def test_a_code_may_be_a_string() -> None:
    with pytest.raises(GatewayNotReportingError):
        decode('{"error":{"code":"473"}}', ARRIVED)


@pytest.mark.parametrize(
    "error", ["{}", '{"code":null}', '{"code":"abc"}', '"oh"', '{"code":"' + "9" * 5000 + '"}']
)
def test_an_error_without_a_usable_code_is_unexpected(error: str) -> None:
    with pytest.raises(UnexpectedStatusError) as raised:
        decode(f'{{"error":{error}}}', ARRIVED)
    assert raised.value.status_code == 200
    assert not raised.value.retryable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{",
        "[]",
        "[1]",
        "1",
        "null",
        '"text"',
        "{} {}",
        '{"data":{"pv_power":1}',
        "{'data':{}}",
        '{"data":{"pv_power":' + "9" * 5000 + "}}",
        '{"data":' * 100_000,
        "[" * 100_000,
        '{"data":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}",
        pytest.param('{"data":"\ud800"}'),
    ],
    ids=lambda text: text[:24].encode("ascii", "replace").decode(),
)
def test_a_malformed_event_shows_how_it_starts(text: str) -> None:
    with pytest.raises(MalformedEvent) as raised:
        decode(text, ARRIVED)
    assert raised.value.data == text[:120]
    assert str(raised.value) == f"An event is no JSON object: {text[:120]!r}"


def test_a_malformed_event_shows_no_secret() -> None:
    reader = EventReader(mask=lambda text: text.replace("hush-hush", "***"))
    with pytest.raises(MalformedEvent) as raised:
        reader.read("key=hush-hush", ARRIVED)
    assert raised.value.data == "key=***"
    assert str(raised.value) == "An event is no JSON object: 'key=***'"


def test_an_event_without_a_reading_shows_how_it_starts() -> None:
    text = json.dumps({"type": "x" * 200})
    with pytest.raises(MalformedEvent) as raised:
        decode(text, ARRIVED)
    assert raised.value.data == text[:120]
    assert str(raised.value) == f"An event holds no reading: {text[:120]!r}"


@pytest.mark.parametrize("text", ['"' + '\\"' * 32_000, '"' * 64_001, '"\\' * 32_000])
def test_a_malformed_event_costs_no_more_than_its_bytes(text: str) -> None:
    # Looking for a secret's spelling from each of the quotes anew would take a minute.
    began = time.process_time()
    with pytest.raises(MalformedEvent):
        decode(text, ARRIVED)
    assert time.process_time() - began < 3


def test_nesting_near_the_interpreter_s_limit_raises_a_documented_exception() -> None:
    # Just below the limit a text decodes that can perhaps not be encoded again.
    for depth in range(850, 1010):
        with pytest.raises((MalformedEvent, APIStatusError)):
            decode('{"error":{"code":473,"a":' + "[" * depth + "]" * depth + "}}", ARRIVED)


def test_remembers_the_names_of_a_thousand_unknown_fields() -> None:
    reader = EventReader()
    many = {f"x{count}": count for count in range(1000)}
    for found, noted in ((many, 1000), (many | {"y": 1}, 1), (many | {"y": 1}, 1)):
        reading = reader.read(json.dumps({"data": found}), ARRIVED)
        assert isinstance(reading, Reading)
        assert len(reading.drift) == noted


def test_the_memory_of_a_stream_does_not_grow_with_names_that_never_return() -> None:
    reader = EventReader()
    sizes = []
    for number in range(4000):
        reader.read(f'{{"data":{{"x{number}":1,"y{number}":1}}}}', ARRIVED)
        if number in (1000, 3999):
            gc.collect()
            sizes.append(sys.getallocatedblocks())
    assert sizes[1] - sizes[0] < 1000


# The object itself


def test_a_reading_is_frozen() -> None:
    reading = read({"pv_power": 1})
    with pytest.raises(AttributeError):
        reading.pv_power = 2  # type: ignore[misc]  # what must not work
    assert reading.pv_power == 1


def test_to_dict_has_the_fields_with_a_value_and_the_time() -> None:
    reading = read({"pv_power": 0, "grid_power": None, "x": 1}, timestamp_epoch=1679041508556)
    assert reading.to_dict() == {"pv_power": 0, "timestamp": "2023-03-17T08:25:08.556000+00:00"}
    json.dumps(decode(EXAMPLE, ARRIVED).to_dict())


def test_repr_shows_what_was_measured() -> None:
    reading = read({"pv_power": 0, "grid_power": None, "x": 1}, timestamp_epoch=1679041508556)
    assert repr(reading) == "Reading(pv_power=0, timestamp='2023-03-17T08:25:08.556000+00:00')"
