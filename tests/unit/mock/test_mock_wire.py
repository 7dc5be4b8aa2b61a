import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from enphase_streaming_mock import Wire
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.wire import error_body

MOMENT = datetime(2023, 3, 17, 8, 25, 8, 556_789, tzinfo=UTC)
READING = {"pv_power": 30}
INNER = (
    '{"data":{"pv_power":30},"timestamp_epoch":1679041508556,'
    '"timestamp_utc":"2023-03-17 08:25:08.556","type":"response"}'
)


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


def test_a_byte_order_mark_is_sent_only_if_asked_for() -> None:
    assert (Wire().preamble, Wire(bom=True).preamble) == (b"", "\ufeff".encode())


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert Wire().event(READING, there) == Wire().event(READING, MOMENT)


def test_a_moment_without_a_fraction_still_has_its_milliseconds() -> None:
    event = Wire().event(READING, MOMENT.replace(microsecond=0))
    assert b'"2023-03-17 08:25:08.000"' in event


@pytest.mark.parametrize(
    ("option", "value"), [("nesting", "both"), ("newline", "\n\r"), ("bom", 2), ("colon_space", [])]
)
def test_an_unknown_choice_is_refused_with_those_that_exist(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{option} is .*; choose from "):
        Wire(**{option: value})


def test_an_error_is_stamped_in_the_unit_of_its_example() -> None:
    contract = load_contract()
    in_milliseconds = json.loads(error_body(contract.refusal("tooShort").envelope, MOMENT))
    in_seconds = json.loads(error_body(contract.refusal("systemNotFound").envelope, MOMENT))
    assert in_milliseconds["timestamp_epoch"] == 1679041508556
    assert in_seconds["timestamp_epoch"] == 1679041508


def test_an_error_keeps_the_typography_of_its_message() -> None:
    body = error_body(load_contract().refusal("notSupported").envelope, MOMENT)
    assert "doesn\u2019t" in body.decode()
