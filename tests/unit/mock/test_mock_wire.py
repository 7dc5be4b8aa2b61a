import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from enphase_streaming_mock import Wire
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.gateway.responses import error_body
from enphase_streaming_mock.wire import make_wire

MOMENT = datetime(2023, 3, 17, 8, 25, 8, 556_789, tzinfo=UTC)
READING = {"pv_power": 30}
INNER = (
    '{"data":{"pv_power":30},"timestamp_epoch":1679041508556,'
    '"timestamp_utc":"2023-03-17 08:25:08.556","type":"response"}'
)


pytestmark = pytest.mark.usefixtures("far_from_utc")


def test_by_default_an_event_is_one_data_line_and_a_blank_line() -> None:
    assert Wire().event(READING, MOMENT) == f"data:{INNER}\n\n".encode()


def test_the_outer_nesting_wraps_the_event_in_one_more_data() -> None:
    assert Wire(nesting="outer").event(READING, MOMENT) == f'data:{{"data":{INNER}}}\n\n'.encode()


def test_a_space_may_follow_the_colon() -> None:
    assert Wire(colon_space=True).event(READING, MOMENT) == f"data: {INNER}\n\n".encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_with_the_chosen_newline(newline: Any) -> None:
    event = Wire(newline=newline).event(READING, MOMENT)
    assert event == f"data:{INNER}{newline}{newline}".encode()


def test_a_byte_order_mark_is_optional() -> None:
    assert (Wire().preamble, Wire(bom=True).preamble) == (b"", "\ufeff".encode())


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert Wire().event(READING, there) == Wire().event(READING, MOMENT)


def test_a_moment_without_a_fraction_still_has_its_milliseconds() -> None:
    event = Wire().event(READING, MOMENT.replace(microsecond=0))
    assert b'"2023-03-17 08:25:08.000"' in event


@pytest.mark.parametrize("microsecond", [999_000, 999_999])
def test_milliseconds_are_never_rounded_up(microsecond: int) -> None:
    event = Wire().event(READING, MOMENT.replace(microsecond=microsecond))
    assert b'"timestamp_epoch":1679041508999,"timestamp_utc":"2023-03-17 08:25:08.999"' in event


@pytest.mark.parametrize(
    ("option", "value"), [("nesting", "both"), ("newline", "\n\r"), ("bom", 2), ("colon_space", [])]
)
def test_an_unknown_choice_is_refused_with_those_that_exist(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{option} must be one of .*, got "):
        Wire(**{option: value})


@pytest.mark.parametrize(
    ("name", "epoch"), [("tooShort", 1679041509556), ("systemNotFound", 1679041509)]
)
def test_an_error_is_stamped_in_the_unit_of_its_example(name: str, epoch: int) -> None:
    example = load_contract().refusal(name).envelope
    assert json.loads(error_body(example, MOMENT + timedelta(seconds=1))) == {
        **example,
        "timestamp_epoch": epoch,
        "timestamp_utc": "2023-03-17 08:25:09.556",
    }


def test_an_error_keeps_the_typography_of_its_message() -> None:
    body = error_body(load_contract().refusal("notSupported").envelope, MOMENT)
    assert "doesn\u2019t" in body


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cadence": 0}, "cadence must be .* from 0.01 to 600.*got 0"),
        ({"cadence": None}, "cadence must be a number.*got None"),
        ({"jitter": float("inf")}, "jitter must be a number from 0 to 600, got inf"),
        ({"warm_up": True}, "warm_up must be a number.*got True"),
        ({"retry": 1.5}, "retry must be an int.*got 1.5"),
        ({"cut_every": 0}, "cut_every must be .* from 1.*got 0"),
        ({"cut_at": [3]}, r"cut_at must be a tuple of byte offsets above 0, got \[3\]"),
        ({"cut_at": (0,)}, r"cut_at must be a tuple .* got \(0,\)"),
        ({"cut_at": (1,), "cut_every": 1}, "^cut_at and cut_every contradict each other"),
        (
            {"stall_after": 3},
            "stall_after and stall must be given together, got stall_after=3 and stall=0.0",
        ),
        ({"stall": 3}, "stall_after and stall must be given together"),
        ({"event_name": "a\nb"}, "event_name must be one line of text"),
        ({"event_name": ""}, "event_name must be one line of text"),
        ({"event_name": "\ud800"}, "event_name must be one line of text"),
        ({"epoch": "days"}, "epoch must be one of 'milliseconds', 'seconds'.*got 'days'"),
    ],
)
def test_bad_and_contradictory_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Wire(**options)


def test_every_event_may_have_a_comment_a_name_and_an_id() -> None:
    wire = Wire(event_name="X live", ids=True, comments=True, colon_space=True)
    event = wire.event(READING, MOMENT)
    assert event == f": next\nevent: X live\nid: 1679041508556\ndata: {INNER}\n\n".encode()


def test_any_line_is_framed_with_the_same_fields() -> None:
    wire = Wire(event_name="live", ids=True, comments=True, newline="\r")
    assert wire.frame("{}", MOMENT) == b":next\revent:live\rid:1679041508556\rdata:{}\r\r"


def test_a_keep_alive_is_a_comment_and_nothing_else() -> None:
    wire = Wire(event_name="live", ids=True, comments=True, newline="\r", colon_space=True)
    assert wire.heartbeat == b": keep-alive\r\r"


def test_a_reconnection_time_follows_the_byte_order_mark() -> None:
    assert Wire(bom=True, retry=3000, newline="\r").preamble == b"\xef\xbb\xbfretry:3000\r"


@pytest.mark.parametrize(("numbers", "text"), [("floats", "30.0"), ("strings", '"30"')])
def test_integers_may_be_written_as_something_else(numbers: Any, text: str) -> None:
    event = Wire(numbers=numbers).event({**READING, "name": "a", "none": None}, MOMENT)
    assert event.startswith(f'data:{{"data":{{"pv_power":{text},"name":"a","none":null}}'.encode())


def test_the_epoch_may_count_seconds() -> None:
    assert b'"timestamp_epoch":1679041508,' in Wire(epoch="seconds").event(READING, MOMENT)


def test_unknown_fields_may_be_added() -> None:
    body = json.loads(Wire(unknown_fields=True).event(READING, MOMENT).removeprefix(b"data:"))
    assert body.pop("schema_version") == 2
    assert set(body) == {"data", "timestamp_epoch", "timestamp_utc", "type"}
    assert set(body["data"]) == {"pv_power", "evse_power", "firmware"}


def test_a_wire_may_be_a_name_options_or_a_wire() -> None:
    assert make_wire("published", {}) == Wire(nesting="outer", colon_space=True)
    assert make_wire("bytewise", {}) == Wire(cut_every=1)
    assert make_wire(None, {"bom": True}) == make_wire(Wire(bom=True), {})
    with pytest.raises(ValueError, match=r"wire must be one of 'plain', 'published.*got 'x'"):
        make_wire("x", {})
    with pytest.raises(ValueError, match="No option 'x': use nesting, colon_sp"):
        make_wire(None, {"x": 1})
    with pytest.raises(ValueError, match=r"^wire and single options contradict"):
        make_wire("plain", {"bom": True})
    with pytest.raises(ValueError, match=r"wire must be one of 'plain'.*got 7"):
        make_wire(7, {})
