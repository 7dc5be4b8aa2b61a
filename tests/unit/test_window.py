"""How one stream ends, told to its core moment by moment."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from enphase_streaming import (
    ConnectionFailed,
    EventTooLarge,
    GatewayNotReportingError,
    MalformedEvent,
    NotAnEventStream,
    RateLimitError,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)
from enphase_streaming.core.exchange import Failed, Head
from enphase_streaming.core.watch import StreamEnd
from simulated import SECRET, STREAM
from window_driver import BREAK, CLOSED, ENVELOPE, OVERDUE, Driven, epoch, event, events

# Clean closes


@pytest.mark.parametrize("duration", [30, 60, 300])
def test_closing_two_seconds_before_the_duration_is_planned(duration: int) -> None:
    driven = Driven(duration, first_reading_timeout=300.0).open()
    driven.tell(duration - 5, event(duration - 5)).tell(duration - 2, CLOSED)
    assert driven.error is None
    assert driven.end == StreamEnd("planned", duration - 2, 1, 0)


@pytest.mark.parametrize("duration", [30, 60, 300])
def test_closing_just_before_that_is_early(duration: int) -> None:
    driven = Driven(duration).open().tell(duration - 5, event(duration - 5))
    missing = 2 + 1 / 1024
    driven.tell(duration - missing, CLOSED)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == missing
    assert driven.end == StreamEnd("early", duration - missing, 1, 0)


@pytest.mark.parametrize("at", [1, 27.5, 28, 30, 34])
def test_closing_without_a_reading_is_a_stall(at: float) -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(at, CLOSED)
    assert isinstance(driven.error, StreamStalled)
    assert driven.end == StreamEnd("stalled", at, 0, 0)


def test_a_reading_right_before_the_close_counts() -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(28, event(28)).tell(28, CLOSED)
    assert driven.end == StreamEnd("planned", 28, 1, 0)


def test_half_an_event_before_the_close_is_no_reading() -> None:
    driven = Driven(stall_timeout=30.0).open()
    driven.tell(1, event(1)).tell(20, event(20)[:-1]).tell(30, CLOSED)
    assert driven.end == StreamEnd("planned", 30, 1, 0)


# Hanging up


@pytest.mark.parametrize("duration", [30, 300])
def test_hangs_up_five_seconds_past_the_duration(
    duration: int,
) -> None:
    driven = Driven(duration).open().tell(duration - 1, event(duration - 1))
    assert driven.deadline == duration + 5
    driven.tell(duration + 5, OVERDUE)
    assert driven.error is None
    assert driven.end == StreamEnd("planned", duration + 5, 1, 0)


def test_delivers_readings_until_it_hangs_up() -> None:
    driven = Driven().open()
    for at in range(35):
        driven.tell(at, event(at))
    driven.tell(34.875, event(34)).tell(35, OVERDUE)
    assert driven.end == StreamEnd("planned", 35, 36, 0)


def test_hangs_up_on_a_server_that_never_pauses() -> None:
    # Bytes are always available, so the exchange never reports a deadline as passed.
    driven = Driven().open()
    at = 0.0
    while driven.is_open and at < 60:
        driven.tell(at, event(at))
        at += 0.25
    assert driven.reason == "planned"
    assert 35 <= driven.end.elapsed <= 37


def test_reads_a_backlog_for_a_second_past_the_hang_up() -> None:
    driven = Driven().open().tell(19, event(19)).tell(35, event(35)).tell(36, event(36))
    assert driven.is_open
    driven.tell(36.125, event(37))
    assert driven.end == StreamEnd("planned", 36.125, 4, 0)


def test_reads_a_backlog_without_readings_for_that_second_too() -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(35.5, b": hello\n\n")
    assert driven.is_open


def test_timestamps_in_the_future_do_not_end_a_stream() -> None:
    driven = Driven().open().tell(1, event(0)).tell(2, event(600)).tell(3, event(1200))
    assert driven.is_open


# Timeouts


def test_first_reading_timeout_runs_from_the_request() -> None:
    driven = Driven(300, first_reading_timeout=12.5)
    assert driven.deadline == 12.5
    driven.open(at=10)
    assert driven.deadline == 12.5
    driven.tell(12.5, OVERDUE)
    assert isinstance(driven.error, StreamStalled)
    assert driven.end == StreamEnd("stalled", 12.5, 0, 0)


def test_the_first_reading_starts_the_stall_timeout() -> None:
    driven = Driven(300, first_reading_timeout=12.5, stall_timeout=7.0).open()
    driven.tell(12.375, event(12))
    assert driven.deadline == 19.375


def test_stall_timeout_runs_from_the_last_reading() -> None:
    driven = Driven(300).open().tell(1, event(1)).tell(20.5, event(20))
    assert driven.deadline == 40.5
    driven.tell(40.5, OVERDUE)
    assert isinstance(driven.error, StreamStalled)
    assert driven.end == StreamEnd("stalled", 40.5, 2, 0)


@pytest.mark.parametrize(
    "nothing",
    [
        b": hello\n\n",
        b"\n",
        b"event:x\nid:1\n\n",
        b"data:{}\n\n",
        b"data:x\n\n",
        b"data:{",
        b'data:{"data":null}\n\n',
    ],
)
def test_only_readings_reset_the_timeouts(nothing: bytes) -> None:
    driven = Driven(300).open().tell(5, nothing)
    assert driven.deadline == 20
    driven = Driven(300).open().tell(5, event(5)).tell(15, nothing)
    assert driven.deadline == 25


def test_endless_comments_do_not_keep_a_stream_alive() -> None:
    driven = Driven(300).open().tell(5, event(5))
    at = 5.0
    while driven.is_open and at < 60:
        at += 0.25
        driven.tell(at, b": hello\n\n")
    assert isinstance(driven.error, StreamStalled)
    assert 25 <= driven.end.elapsed <= 27


@pytest.mark.parametrize("first", [event(5), b""])
def test_a_reading_in_the_backlog_prevents_a_stall(first: bytes) -> None:
    # After sleep, a machine notices the deadline first and then what arrived meanwhile.
    driven = Driven(300).open().tell(5, first + b": hello\n\n")
    driven.tell(200, b": hello\n\n").tell(200, event(6))
    assert driven.deadline == 220
    assert driven.readings[-1].epoch == epoch(6)


def test_reads_a_backlog_for_a_second_past_the_timeout() -> None:
    driven = Driven(300).open().tell(20, b": hello\n\n").tell(21, b": hello\n\n")
    assert driven.is_open
    driven.tell(21.125, b": hello\n\n")
    assert isinstance(driven.error, StreamStalled)
    assert driven.end == StreamEnd("stalled", 21.125, 0, 0)


# Callers that are away


def test_time_away_extends_the_stall_timeout() -> None:
    driven = Driven(300).open().tell(5, event(5), away=60)
    assert driven.deadline == 85


def test_time_between_entering_and_reading_counts_as_away() -> None:
    driven = Driven(300)
    driven.tell_only(2, STREAM).ask(62)
    assert driven.deadline == 80


def test_a_slow_caller_gets_every_reading_of_a_burst() -> None:
    driven = Driven().open().tell(1, events(1, 8), away=10)
    assert len(driven.readings) == 8
    assert driven.is_open


def test_time_away_within_the_duration_keeps_the_hang_up() -> None:
    driven = Driven().open().tell(5, event(5), away=20)
    assert driven.deadline == 35


def test_time_away_past_the_duration_delays_the_hang_up() -> None:
    driven = Driven().open().tell(5, event(5), away=45)
    assert driven.deadline == 55


BACK_AT = 100.0


def back_after(first: bytes, rest: bytes, *, back_at: float = BACK_AT, wait: float = 0) -> Driven:
    """Keep the caller away at the first reading; the rest comes `wait` seconds after the return."""
    driven = Driven().open().tell(0, first, away=back_at)
    if rest:
        driven.tell(back_at + wait, rest)
    return driven.tell(back_at + wait, CLOSED)


@pytest.mark.parametrize("last", [27, 29, 30])
def test_timestamps_show_a_planned_end_that_the_caller_missed(last: int) -> None:
    # One interval after the last reading belongs to the stream: 27 s and one more are 28.
    driven = back_after(event(0), events(1, last))
    assert (driven.error, driven.reason) == (None, "planned")
    assert len(driven.readings) == last + 1


@pytest.mark.parametrize("back_at", [28, BACK_AT])
@pytest.mark.parametrize("last", [26, 9])
def test_timestamps_show_an_early_end_that_the_caller_missed(last: int, back_at: float) -> None:
    driven = back_after(event(0), events(1, last), back_at=back_at)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == 30 - (last + 1)
    assert len(driven.readings) == last + 1


@pytest.mark.parametrize(("last", "missing"), [(27, None), (9, 18)])
def test_timestamps_decide_if_the_caller_missed_the_first_reading(
    last: int, missing: int | None
) -> None:
    driven = Driven().tell_only(2, STREAM).ask(62)
    driven.tell(62, events(2, 2 + last)).tell(62, CLOSED)
    if missing is None:
        assert (driven.error, driven.reason) == (None, "planned")
    else:
        assert isinstance(driven.error, StreamEndedEarly)
        assert driven.error.missing == missing


@pytest.mark.parametrize("wait", [0.0625, 0.25, 3])
def test_a_short_wait_after_a_long_absence_does_not_prove_an_open_stream(
    wait: float,
) -> None:
    driven = back_after(event(0), events(1, 9), back_at=30, wait=wait)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == 20


def test_a_long_wait_proves_an_open_stream() -> None:
    driven = back_after(event(0), events(1, 9), back_at=30, wait=3.0625)
    assert (driven.error, driven.reason) == (None, "planned")


@pytest.mark.parametrize(("away", "last"), [(60, 35), (5, 36)])
def test_delivers_a_backlog_up_to_five_seconds_past_the_duration(away: float, last: int) -> None:
    driven = Driven().open().tell(0, event(0)).tell(19, event(19)).tell(30, event(30), away=away)
    driven.tell(30 + away, event(last))
    assert driven.is_open
    driven.tell(30 + away + 0.0625, event(37))
    assert (driven.error, driven.reason) == (None, "planned")


def test_time_away_extends_the_second_for_a_backlog() -> None:
    # The process was frozen from 19 s on; then each reading is stored for a while.
    driven = Driven().open().tell(19, event(19)).tell(100, event(20), away=0.75)
    for number in range(21, 30):
        driven.tell(100 + 0.75 * (number - 20), event(number), away=0.75)
    driven.tell(107.5, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")
    assert len(driven.readings) == 11


def test_a_missed_end_without_timestamps_is_early() -> None:
    driven = back_after(event(None), event(None) * 29)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == 30
    assert len(driven.readings) == 30


@pytest.mark.parametrize(("first", "last"), [(event(0), event(None)), (event(None), event(30))])
def test_a_missed_end_with_one_timestamp_is_early(first: bytes, last: bytes) -> None:
    assert isinstance(back_after(first, last).error, StreamEndedEarly)


def test_two_timestamps_date_a_missed_end() -> None:
    # 14 s, and one interval of the same length.
    driven = back_after(event(0), event(14))
    assert (driven.error, driven.reason) == (None, "planned")


def test_a_missed_end_with_one_reading_is_early() -> None:
    assert isinstance(back_after(event(0), b"").error, StreamEndedEarly)


def test_an_end_that_the_caller_waited_for_needs_no_timestamps() -> None:
    driven = Driven().open().tell(0, event(None), away=5)
    driven.tell(20, event(None)).tell(28, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")


def test_a_caller_who_was_never_away_needs_no_timestamps() -> None:
    driven = Driven(first_reading_timeout=100.0).open(at=27.96875)
    driven.tell(27.96875, event(None)).tell(28, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")


def test_a_caller_who_left_after_the_duration_needs_no_timestamps() -> None:
    driven = Driven().open().tell(19, event(None)).tell(28, event(None), away=60)
    driven.tell(88, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")


@pytest.mark.parametrize(
    ("times", "missing"),
    [
        ([0.5 * step for step in range(60)], None),  # 29.5 s and an interval of 0.5 s
        ([0, 0, 14], 9),  # 14 s and an interval of 7 s
    ],
)
def test_steps_between_timestamps_may_be_short(times: list[float], missing: float | None) -> None:
    driven = back_after(event(0), b"".join(map(event, times[1:])))
    assert (driven.error is None) is (missing is None)
    if isinstance(driven.error, StreamEndedEarly):
        assert driven.error.missing == missing


# A frozen process. test_elapsed_time.py has the ends that it missed.


@pytest.mark.parametrize(
    ("closed_at", "reason"), [(29.5, "planned"), (31, "planned"), (31.5, "early")]
)
def test_a_wait_beyond_its_deadline_by_a_second_was_frozen(closed_at: float, reason: str) -> None:
    driven = Driven().open().tell(10, event(None)).tell(closed_at, CLOSED)
    assert driven.reason == reason


def test_a_process_frozen_while_the_response_came_reads_what_came_with_it() -> None:
    driven = Driven(first_reading_timeout=20.0).open(40).tell(40, event(1, 7))
    assert (driven.error, [reading.pv_power for reading in driven.readings]) == (None, [7])


def test_time_away_and_time_frozen_add_up() -> None:
    driven = Driven().open().tell(0, event(0), away=30).tell(36.5, CLOSED)
    assert isinstance(driven.error, StreamEndedEarly)


# Failures


def test_no_response_is_connection_failed_with_its_cause() -> None:
    driven = Driven().tell(3, BREAK)
    assert isinstance(driven.error, ConnectionFailed)
    assert driven.error.__cause__ is BREAK.error
    assert driven.end == StreamEnd("error", 3, 0, 0)


def test_a_broken_connection_is_a_drop_with_its_cause() -> None:
    driven = Driven().open().tell(1, event(1) + event(2)[:-1]).tell(3, BREAK)
    assert isinstance(driven.error, StreamDropped)
    assert driven.error.__cause__ is BREAK.error
    assert driven.end == StreamEnd("dropped", 3, 1, 0)


@pytest.mark.parametrize(
    ("readings", "what", "at", "text"),
    [
        (
            1,
            BREAK,
            12.5,
            "The connection broke 12.5 s in, after 1 reading: OSError: connection reset",
        ),
        (
            2,
            CLOSED,
            12.5,
            "The server closed the stream 12.5 s in, after 2 readings, "
            "17.5 s before its 30 s were over.",
        ),
        (
            0,
            CLOSED,
            12.5,
            "The server closed the stream without a reading, 12.5 s in, after 0 readings.",
        ),
        (
            2,
            OVERDUE,
            21,
            "No reading came within the 20 s of stall_timeout: 21.0 s in, after 2 readings.",
        ),
        (
            0,
            OVERDUE,
            20,
            "No reading came within the 20 s of first_reading_timeout: 20.0 s in, "
            "after 0 readings.",
        ),
    ],
)
def test_the_message_says_how_the_stream_ended(
    readings: int, what: Any, at: float, text: str
) -> None:
    driven = Driven().open()
    for second in range(readings):
        driven.tell(second, event(second))
    assert str(driven.tell(at, what).error) == text


def test_a_duration_shorter_than_the_timeout_is_named_instead() -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(35, OVERDUE)
    assert isinstance(driven.error, StreamStalled)
    assert str(driven.error) == (
        "The 30 s of the stream are over without a reading: 35.0 s in, after 0 readings."
    )


def test_names_the_host_that_did_not_answer() -> None:
    driven = Driven().tell(1, Failed(OSError("refused")))
    assert str(driven.error) == "No response from api.example: OSError: refused"


@pytest.mark.parametrize("is_open", [False, True])
def test_masks_secrets_in_what_broke_the_connection(is_open: bool) -> None:
    driven = Driven()
    if is_open:
        driven.open()
    driven.tell(1, Failed(OSError(SECRET)))
    assert driven.error is not None
    assert "OSError: ***" in str(driven.error)
    assert str(driven.error.__cause__) == "***"


def test_a_drop_past_the_duration_is_still_a_drop() -> None:
    driven = Driven().open().tell(29, event(29)).tell(31, BREAK)
    assert isinstance(driven.error, StreamDropped)


def test_an_error_status_raises_its_exception() -> None:
    driven = Driven().tell(1, Head(473, "application/json")).tell(1, b"{}")
    driven.tell(1, CLOSED)
    assert isinstance(driven.error, GatewayNotReportingError)
    assert driven.end == StreamEnd("error", 1, 0, 0)


@pytest.mark.parametrize(
    "head",
    [
        Head(200, "application/json"),
        Head(200, "text/html; charset=utf-8"),
        Head(200, "text/event-stream", "br"),
    ],
)
def test_a_200_of_another_type_is_not_an_event_stream(head: Head) -> None:
    driven = Driven().tell(1, head).tell(1, b"hello").tell(1, CLOSED)
    assert isinstance(driven.error, NotAnEventStream)
    assert driven.error.body == "hello"
    assert driven.reason == "not_a_stream"


# Order: readings before a failure are delivered, and none after it

OVER = b"data:" + b"x" * 1000


def powers(driven: Driven) -> list[int | None]:
    return [reading.pv_power for reading in driven.readings]


def test_delivers_readings_before_an_oversized_event() -> None:
    driven = Driven().open()
    driven.tell(1, event(1, 1) + b"data:bad\n\n" + event(1, 2) + OVER + b"\n\n" + event(1, 3))
    assert isinstance(driven.error, EventTooLarge)
    assert powers(driven) == [1, 2]
    assert driven.end == StreamEnd("too_large", 1, 2, 1)


def test_delivers_readings_before_an_error_envelope() -> None:
    driven = Driven().open().tell(1, event(1, 1) + event(1, 2) + ENVELOPE + event(1, 3))
    assert isinstance(driven.error, GatewayNotReportingError)
    assert powers(driven) == [1, 2]
    assert driven.end == StreamEnd("error", 1, 2, 0)


def test_masks_secrets_in_an_error_envelope() -> None:
    envelope = b'data:{"error":{"code":473,"message":"%b"}}\n\n' % SECRET.encode()
    driven = Driven().open().tell(1, envelope)
    assert isinstance(driven.error, GatewayNotReportingError)
    assert driven.error.message == "***"
    assert SECRET not in f"{driven.error} {vars(driven.error)}"


def test_a_limit_inside_a_stream_counts_from_its_arrival() -> None:
    limit = b'data:{"error":{"code":429},"period":"minute","period_end":%d}\n\n' % epoch(40)
    driven = Driven().open().tell(1, limit)
    assert isinstance(driven.error, RateLimitError)
    assert driven.error.retry_in == 39


def test_an_envelope_before_an_oversized_event_decides() -> None:
    driven = Driven().open().tell(1, ENVELOPE + OVER)
    assert isinstance(driven.error, GatewayNotReportingError)


def test_delivers_readings_before_a_malformed_event_that_raises() -> None:
    driven = Driven(on_malformed="raise").open()
    driven.tell(1, event(1, 1) + b"data:bad\n\n" + event(1, 2))
    assert isinstance(driven.error, MalformedEvent)
    assert driven.error.data == "bad"
    assert powers(driven) == [1]
    assert driven.end == StreamEnd("error", 1, 1, 1)


def test_skips_and_counts_malformed_events() -> None:
    driven = Driven().open().tell(1, b"data:bad\n\n" + event(1, 1) + b"data:[]\n\n" + event(1, 2))
    assert powers(driven) == [1, 2]
    driven.tell(29, event(29)).tell(30, CLOSED)
    assert driven.end == StreamEnd("planned", 30, 3, 2)


def test_calls_on_malformed_in_the_order_of_arrival() -> None:
    given: list[tuple[str, int]] = []

    def on_malformed(malformed: MalformedEvent) -> None:
        given.append((malformed.data, len(driven.readings)))

    driven = Driven(on_malformed=on_malformed).open()
    driven.tell(1, b"data:a\n\n" + event(1) + b"data:b\n\n" + event(1))
    assert given == [("a", 0), ("b", 1)]


def test_an_exception_of_on_malformed_leaves_unchanged() -> None:
    class Own(Exception):
        pass

    def on_malformed(malformed: MalformedEvent) -> None:
        raise Own

    driven = Driven(on_malformed=on_malformed).open().tell(1, b"data:a\n\n")
    assert isinstance(driven.error, Own)
    assert driven.end == StreamEnd("error", 1, 0, 1)


def test_logs_objects_without_a_reading_once(caplog: pytest.LogCaptureFixture) -> None:
    Driven().open().tell(1, b"data:{}\n\n" * 3).tell(2, b"data:{}\n\n")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_warns_of_the_first_malformed_event_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "enphase_streaming")
    Driven().open().tell(1, b"data:bad\n\n" * 3)
    levels = [record.levelname for record in caplog.records if "no JSON object" in record.message]
    assert levels == ["WARNING", "DEBUG", "DEBUG"]


# Closed by the caller


def test_stop_while_the_request_is_under_way() -> None:
    driven = Driven().stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 0, 0)


def test_stop_before_the_first_reading_is_asked_for() -> None:
    driven = Driven().tell_only(1, STREAM).stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 0, 0)


def test_stop_while_waiting_for_bytes() -> None:
    driven = Driven().open().tell(1, event(1)).stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 1, 0)


def test_stop_within_a_burst_counts_delivered_readings_only() -> None:
    driven = Driven().open().tell_only(1, events(1, 8)).stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 1, 0)


def test_stop_while_an_error_body_is_read() -> None:
    driven = Driven().tell(1, Head(500, None)).tell(2, b"x").stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 0, 0)


def test_stop_past_the_duration_is_still_stopped() -> None:
    driven = Driven().open().tell(29, event(29)).stop(33)
    assert driven.end == StreamEnd("stopped", 33, 1, 0)


# Compressed streams

GZIP = Head(200, "text/event-stream", "gzip")
MANY = 2_000
"""So many events decode to more than one piece of 64 KiB."""


def test_delivers_every_reading_of_a_compressed_chunk() -> None:
    driven = Driven().tell(0, GZIP).tell(1, gzip.compress(event(1) * MANY))
    assert len(driven.readings) == MANY


def test_delivers_a_reading_behind_many_comments_of_a_compressed_chunk() -> None:
    comments = b": hello\n\n" * MANY * 10
    driven = Driven().tell(0, GZIP).tell(1, gzip.compress(comments + event(1)))
    assert (len(driven.readings), driven.error) == (1, None)


def test_a_body_that_cannot_be_decoded_is_a_drop_with_its_cause() -> None:
    body = gzip.compress(event(1, 1))
    driven = Driven().tell(0, GZIP).tell(1, body[:-8]).tell(2, b"\0" * 8)
    assert isinstance(driven.error, StreamDropped)
    assert isinstance(driven.error.__cause__, zlib.error)
    assert str(driven.error).startswith("The body cannot be decoded 2.0 s in, after 1 reading: ")
    assert powers(driven) == [1]
    assert driven.end == StreamEnd("dropped", 2, 1, 0)


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        pytest.param(ENVELOPE, GatewayNotReportingError),
        (OVER, EventTooLarge),
    ],
    ids=["envelope", "oversized"],
)
def test_a_failure_within_a_compressed_chunk_ends_the_stream_there(
    last: bytes, kind: type[Exception]
) -> None:
    body = gzip.compress(event(1, 1) + last + b"\n\n" + event(1, 2) * MANY)
    driven = Driven().tell(0, GZIP).tell(1, body)
    assert type(driven.error) is kind
    assert powers(driven) == [1]


@pytest.mark.parametrize(
    ("last", "kind"), [(ENVELOPE, GatewayNotReportingError), (OVER, EventTooLarge)]
)
def test_readings_come_before_a_failure_that_a_later_piece_of_the_chunk_holds(
    last: bytes, kind: type[Exception]
) -> None:
    driven = Driven().tell(0, GZIP).tell(1, gzip.compress(event(1) * MANY + last))
    assert type(driven.error) is kind
    assert len(driven.readings) == MANY
