"""The life of one stream, told to its core moment by moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from enphase_streaming import (
    ConnectionFailed,
    EventTooLarge,
    GatewayNotReportingError,
    MalformedEvent,
    NotAnEventStream,
    Reading,
    StreamDropped,
    StreamEndedEarly,
    StreamStalled,
)
from enphase_streaming.core.arguments import DEFAULT_DURATION
from enphase_streaming.core.recovery import Recovery
from enphase_streaming.core.watch import StreamEnd, Watch
from stepping import (
    Authorize,
    Begin,
    Failed,
    HangUp,
    Head,
    Open,
    Opened,
    Receive,
    Result,
    Signal,
    Step,
    Stopped,
    make_options,
    of_watch,
)

SENT_AT = 1000.0
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
STREAM = Head(200, "text/event-stream", None, None)
CLOSED, OVERDUE = Signal.CLOSED, Signal.OVERDUE
BREAK = Failed(OSError("connection reset"))
ENVELOPE = b'data:{"error":{"code":473}}\n\n'


def event(at: float | None, pv_power: int = 0) -> bytes:
    """An event measured `at` seconds after the request, or without a time."""
    about: dict[str, Any] = {"data": {"pv_power": pv_power}}
    if at is not None:
        about["timestamp_epoch"] = round((NOON.timestamp() + at) * 1000)
    return b"data:" + json.dumps(about).encode() + b"\n\n"


def events(first: int, last: int) -> bytes:
    """One event a second, both ends included."""
    return b"".join(event(at) for at in range(first, last + 1))


class Driven:
    """A watch of one window whose test is the exchange; moments are seconds after the request."""

    def __init__(self, duration: int = DEFAULT_DURATION, **options: Any) -> None:
        callbacks = {name: options.pop(name) for name in ("on_malformed",) if name in options}
        self.watch, self._core = of_watch(
            lambda asking: Watch(
                asking,
                make_options(**options),
                name="Site 1765",
                duration=duration,
                budget=None,
                recovery=Recovery(once=True),
                **callbacks,
            )
        )
        self.readings: list[Reading] = []
        self.error: BaseException | None = None
        self.step: Step | None = next(self._core)
        while isinstance(self.step, Begin | Authorize):
            self._advance(lambda: self._core.send(self._result(0, None)))
        assert isinstance(self.step, Open)

    def open(self, at: float = 0) -> Driven:
        self.tell(at, STREAM)
        assert isinstance(self.step, Opened)
        return self.tell(at, None)

    def tell(self, at: float, what: Any, *, away: float = 0) -> Driven:
        """Answer the core's step; the caller stays `away` seconds at each reading."""
        self._advance(lambda: self._core.send(self._result(at, what)))
        while isinstance(self.step, Reading | HangUp):
            if isinstance(self.step, Reading):
                self.readings.append(self.step)
                at += away
            self._advance(partial(self._core.send, self._result(at, None)))
        return self

    def tell_up_to_a_reading(self, at: float, what: bytes) -> Driven:
        self._advance(lambda: self._core.send(self._result(at, what)))
        assert isinstance(self.step, Reading)
        return self

    def stop(self, at: float) -> Driven:
        self._advance(lambda: self._core.throw(Stopped(SENT_AT + at)))
        return self

    def _advance(self, step: Callable[[], Step]) -> None:
        assert self.step is not None, "the core has ended"
        try:
            self.step = step()
        except StopIteration:
            self.step = None
        except BaseException as error:  # noqa: BLE001 - what the tests are about
            self.step, self.error = None, error

    def _result(self, at: float, what: Any) -> Result:
        return Result(what, SENT_AT + at, NOON + timedelta(seconds=at))

    @property
    def deadline(self) -> float:
        """Until when the core waits."""
        assert isinstance(self.step, Open | Receive)
        return self.step.deadline - SENT_AT

    @property
    def end(self) -> StreamEnd:
        assert self.step is None, "the core goes on"
        assert self.watch.end is not None
        return self.watch.end

    @property
    def reason(self) -> str:
        return self.end.reason


# A clean close


def test_a_stream_without_a_duration_is_one_of_thirty_seconds() -> None:
    assert DEFAULT_DURATION == 30


@pytest.mark.parametrize("duration", [30, 60, 300])
def test_a_close_two_seconds_before_the_duration_is_planned(duration: int) -> None:
    driven = Driven(duration, first_reading_timeout=300.0).open()
    driven.tell(duration - 5, event(duration - 5)).tell(duration - 2, CLOSED)
    assert driven.error is None
    assert driven.end == StreamEnd("planned", duration - 2, 1, 0)


@pytest.mark.parametrize("duration", [30, 60, 300])
def test_a_close_just_before_that_is_early(duration: int) -> None:
    driven = Driven(duration).open().tell(duration - 5, event(duration - 5))
    missing = 2 + 1 / 1024
    driven.tell(duration - missing, CLOSED)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == missing
    assert driven.end == StreamEnd("early", duration - missing, 1, 0)


@pytest.mark.parametrize("at", [1, 27.5, 28, 30, 34])
def test_a_close_without_a_reading_is_a_stall_whenever_it_comes(at: float) -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(at, CLOSED)
    assert isinstance(driven.error, StreamStalled)
    assert driven.end == StreamEnd("stalled", at, 0, 0)


def test_a_reading_in_the_same_bytes_as_the_close_counts() -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(28, event(28)).tell(28, CLOSED)
    assert driven.end == StreamEnd("planned", 28, 1, 0)


def test_half_an_event_at_the_close_is_no_reading() -> None:
    driven = Driven(stall_timeout=30.0).open()
    driven.tell(1, event(1)).tell(20, event(20)[:-1]).tell(30, CLOSED)
    assert driven.end == StreamEnd("planned", 30, 1, 0)


# Hanging up


@pytest.mark.parametrize("duration", [30, 300])
def test_a_stream_still_open_is_waited_for_until_five_seconds_past_its_duration(
    duration: int,
) -> None:
    driven = Driven(duration).open().tell(duration - 1, event(duration - 1))
    assert driven.deadline == duration + 5
    driven.tell(duration + 5, OVERDUE)
    assert driven.error is None
    assert driven.end == StreamEnd("planned", duration + 5, 1, 0)


def test_readings_past_the_duration_are_delivered_until_then() -> None:
    driven = Driven().open()
    for at in range(35):
        driven.tell(at, event(at))
    driven.tell(34.875, event(34)).tell(35, OVERDUE)
    assert driven.end == StreamEnd("planned", 35, 36, 0)


def test_a_server_that_never_pauses_is_hung_up_on_all_the_same() -> None:
    # Its bytes are always there already, so that the shell never reports a deadline as passed.
    driven = Driven().open()
    at = 0.0
    while driven.step is not None and at < 60:
        driven.tell(at, event(at))
        at += 0.25
    assert driven.reason == "planned"
    assert 35 <= driven.end.elapsed <= 37


def test_what_was_there_already_is_read_for_a_second_past_the_hang_up() -> None:
    driven = Driven().open().tell(19, event(19)).tell(35, event(35)).tell(36, event(36))
    assert driven.step is not None
    driven.tell(36.125, event(37))
    assert driven.end == StreamEnd("planned", 36.125, 4, 0)


def test_a_stream_without_a_reading_is_read_for_that_second_too() -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(35.5, b": hello\n\n")
    assert driven.step is not None


def test_readings_whose_own_times_run_ahead_end_nothing() -> None:
    driven = Driven().open().tell(1, event(0)).tell(2, event(600)).tell(3, event(1200))
    assert driven.step is not None


# The watchdogs


def test_the_first_reading_s_time_out_runs_from_the_request() -> None:
    driven = Driven(300, first_reading_timeout=12.5)
    assert driven.deadline == 12.5
    driven.open(at=10)
    assert driven.deadline == 12.5
    driven.tell(12.5, OVERDUE)
    assert isinstance(driven.error, StreamStalled)
    assert driven.end == StreamEnd("stalled", 12.5, 0, 0)


def test_a_first_reading_just_in_time_starts_the_stall_time_out() -> None:
    driven = Driven(300, first_reading_timeout=12.5, stall_timeout=7.0).open()
    driven.tell(12.375, event(12))
    assert driven.deadline == 19.375


def test_a_stall_is_the_time_out_after_the_last_reading() -> None:
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
def test_only_a_reading_feeds_the_watchdogs(nothing: bytes) -> None:
    driven = Driven(300).open().tell(5, nothing)
    assert driven.deadline == 20
    driven = Driven(300).open().tell(5, event(5)).tell(15, nothing)
    assert driven.deadline == 25


def test_comments_that_never_pause_do_not_keep_a_stream_alive() -> None:
    driven = Driven(300).open().tell(5, event(5))
    at = 5.0
    while driven.step is not None and at < 60:
        at += 0.25
        driven.tell(at, b": hello\n\n")
    assert isinstance(driven.error, StreamStalled)
    assert 25 <= driven.end.elapsed <= 27


@pytest.mark.parametrize("first", [event(5), b""])
def test_a_reading_among_bytes_that_were_there_already_is_no_stall(first: bytes) -> None:
    # A machine that slept sees the deadline pass first, and then what arrived meanwhile.
    driven = Driven(300).open().tell(5, first + b": hello\n\n")
    driven.tell(200, b": hello\n\n").tell(200, event(6))
    assert driven.deadline == 220
    assert driven.readings[-1].epoch == (NOON.timestamp() + 6) * 1000


def test_what_was_there_already_is_read_for_a_second_past_the_time_out() -> None:
    driven = Driven(300).open().tell(20, b": hello\n\n").tell(21, b": hello\n\n")
    assert driven.step is not None
    driven.tell(21.125, b": hello\n\n")
    assert isinstance(driven.error, StreamStalled)
    assert driven.end == StreamEnd("stalled", 21.125, 0, 0)


# A caller who is away


def test_the_caller_s_time_is_taken_out_of_the_stall_time_out() -> None:
    driven = Driven(300).open().tell(5, event(5), away=60)
    assert driven.deadline == 85


def test_the_time_between_entering_and_reading_is_the_caller_s() -> None:
    driven = Driven(300)
    driven.tell(2, STREAM).tell(62, None)
    assert driven.deadline == 80


def test_a_burst_is_delivered_whole_however_slow_the_caller() -> None:
    driven = Driven().open().tell(1, events(1, 8), away=10)
    assert len(driven.readings) == 8
    assert driven.step is not None


def test_time_away_before_the_duration_is_over_does_not_move_the_hang_up() -> None:
    driven = Driven().open().tell(5, event(5), away=20)
    assert driven.deadline == 35


def test_time_away_after_it_does() -> None:
    driven = Driven().open().tell(5, event(5), away=45)
    assert driven.deadline == 55


BACK_AT = 100.0


def back_after(first: bytes, rest: bytes, *, back_at: float = BACK_AT, wait: float = 0) -> Driven:
    """The caller is away at the first reading; all the rest is there `wait` seconds later."""
    driven = Driven().open().tell(0, first, away=back_at)
    if rest:
        driven.tell(back_at + wait, rest)
    return driven.tell(back_at + wait, CLOSED)


@pytest.mark.parametrize("last", [27, 29, 30])
def test_if_the_caller_was_away_the_readings_own_times_show_a_planned_end(last: int) -> None:
    # One interval after the last reading is part of the stream: 27 s and one more are 28.
    driven = back_after(event(0), events(1, last))
    assert (driven.error, driven.reason) == (None, "planned")
    assert len(driven.readings) == last + 1


@pytest.mark.parametrize("back_at", [28, BACK_AT])
@pytest.mark.parametrize("last", [26, 9])
def test_if_the_caller_was_away_the_readings_own_times_show_an_early_end(
    last: int, back_at: float
) -> None:
    driven = back_after(event(0), events(1, last), back_at=back_at)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == 30 - (last + 1)
    assert len(driven.readings) == last + 1


@pytest.mark.parametrize(("last", "missing"), [(27, None), (9, 18)])
def test_that_holds_for_a_caller_who_was_away_before_the_first_reading(
    last: int, missing: int | None
) -> None:
    driven = Driven().tell(2, STREAM).tell(62, None)
    driven.tell(62, events(2, 2 + last)).tell(62, CLOSED)
    if missing is None:
        assert (driven.error, driven.reason) == (None, "planned")
    else:
        assert isinstance(driven.error, StreamEndedEarly)
        assert driven.error.missing == missing


@pytest.mark.parametrize("wait", [0.0625, 0.25, 3])
def test_a_wait_of_up_to_a_tenth_of_the_time_away_does_not_show_a_stream_still_open(
    wait: float,
) -> None:
    driven = back_after(event(0), events(1, 9), back_at=30, wait=wait)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == 20


def test_a_longer_wait_does() -> None:
    driven = back_after(event(0), events(1, 9), back_at=30, wait=3.0625)
    assert (driven.error, driven.reason) == (None, "planned")


@pytest.mark.parametrize(("away", "last"), [(60, 35), (5, 36)])
def test_what_the_caller_missed_is_delivered_up_to_five_seconds_past_the_duration(
    away: float, last: int
) -> None:
    driven = Driven().open().tell(0, event(0)).tell(19, event(19)).tell(30, event(30), away=away)
    driven.tell(30 + away, event(last))
    assert driven.step is not None
    driven.tell(30 + away + 0.0625, event(37))
    assert (driven.error, driven.reason) == (None, "planned")


def test_an_end_that_nothing_dates_is_early() -> None:
    driven = back_after(event(None), event(None) * 29)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == 30
    assert len(driven.readings) == 30


@pytest.mark.parametrize(("first", "last"), [(event(0), event(None)), (event(None), event(30))])
def test_it_takes_two_times_to_date_an_end(first: bytes, last: bytes) -> None:
    assert isinstance(back_after(first, last).error, StreamEndedEarly)


def test_two_readings_date_an_end() -> None:
    # 14 s and one interval more, which is as long.
    driven = back_after(event(0), event(14))
    assert (driven.error, driven.reason) == (None, "planned")


def test_a_single_reading_dates_no_end() -> None:
    assert isinstance(back_after(event(0), b"").error, StreamEndedEarly)


def test_an_end_that_the_caller_waited_for_needs_no_times() -> None:
    driven = Driven().open().tell(0, event(None), away=5)
    driven.tell(20, event(None)).tell(28, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")


def test_a_caller_who_was_never_away_needs_no_times() -> None:
    driven = Driven(first_reading_timeout=100.0).open(at=27.96875)
    driven.tell(27.96875, event(None)).tell(28, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")


def test_a_caller_who_left_after_the_duration_needs_no_times() -> None:
    driven = Driven().open().tell(19, event(None)).tell(28, event(None), away=60)
    driven.tell(88, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")


# What ends it otherwise


def test_no_response_is_a_failed_connection_with_its_cause() -> None:
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
def test_how_a_stream_failed_is_said_in_one_sentence(
    readings: int, what: Any, at: float, text: str
) -> None:
    driven = Driven().open()
    for second in range(readings):
        driven.tell(second, event(second))
    assert str(driven.tell(at, what).error) == text


def test_a_duration_that_ends_before_the_first_time_out_is_what_is_named() -> None:
    driven = Driven(first_reading_timeout=100.0).open().tell(35, OVERDUE)
    assert isinstance(driven.error, StreamStalled)
    assert str(driven.error) == (
        "The 30 s of the stream are over without a reading: 35.0 s in, after 0 readings."
    )


def test_a_host_that_did_not_answer_is_named() -> None:
    driven = Driven().tell(1, Failed(OSError("refused")))
    assert str(driven.error) == "No response from api.example: OSError: refused"


@pytest.mark.parametrize("is_open", [False, True])
def test_a_secret_in_what_broke_the_connection_is_masked(is_open: bool) -> None:
    driven = Driven()
    if is_open:
        driven.open()
    driven.tell(1, Failed(OSError("hush")))
    assert driven.error is not None
    assert "OSError: ***" in str(driven.error)
    assert str(driven.error.__cause__) == "***"


def test_a_drop_after_the_duration_is_still_a_drop() -> None:
    driven = Driven().open().tell(29, event(29)).tell(31, BREAK)
    assert isinstance(driven.error, StreamDropped)


def test_an_error_status_is_its_exception() -> None:
    driven = Driven().tell(1, Head(473, "application/json", None, None)).tell(1, b"{}")
    driven.tell(1, CLOSED)
    assert isinstance(driven.error, GatewayNotReportingError)
    assert driven.end == StreamEnd("error", 1, 0, 0)


@pytest.mark.parametrize(
    "head",
    [
        Head(200, "application/json", None, None),
        Head(200, "text/html; charset=utf-8", None, None),
        Head(200, "text/event-stream", "br", None),
    ],
)
def test_a_200_of_another_kind_is_no_stream(head: Head) -> None:
    driven = Driven().tell(1, head).tell(1, b"hello").tell(1, CLOSED)
    assert isinstance(driven.error, NotAnEventStream)
    assert driven.error.body == "hello"
    assert driven.reason == "not_a_stream"


@pytest.mark.parametrize(
    "head",
    [
        Head(200, None, None, None),
        Head(200, "text/event-stream;charset=utf-8", None, None),
        Head(200, "Text/Event-Stream ; x=y", "identity", None),
    ],
)
def test_a_200_that_may_be_a_stream_is_read_as_one(head: Head) -> None:
    driven = Driven().tell(1, head).tell(1, None).tell(1, event(1))
    assert len(driven.readings) == 1


# Readings that came before a failure were delivered, in order, and what came after was not.

OVER = b"data:" + b"x" * 1000


def powers(driven: Driven) -> list[int | None]:
    return [reading.pv_power for reading in driven.readings]


def test_readings_before_an_overflow_are_delivered() -> None:
    driven = Driven().open()
    driven.tell(1, event(1, 1) + b"data:bad\n\n" + event(1, 2) + OVER + b"\n\n" + event(1, 3))
    assert isinstance(driven.error, EventTooLarge)
    assert powers(driven) == [1, 2]
    assert driven.end == StreamEnd("too_large", 1, 2, 1)


def test_readings_before_an_error_envelope_are_delivered() -> None:
    driven = Driven().open().tell(1, event(1, 1) + event(1, 2) + ENVELOPE + event(1, 3))
    assert isinstance(driven.error, GatewayNotReportingError)
    assert powers(driven) == [1, 2]
    assert driven.end == StreamEnd("error", 1, 2, 0)


def test_an_envelope_before_an_overflow_is_the_one_that_counts() -> None:
    driven = Driven().open().tell(1, ENVELOPE + OVER)
    assert isinstance(driven.error, GatewayNotReportingError)


def test_readings_before_a_malformed_event_are_delivered_if_that_raises() -> None:
    driven = Driven(on_malformed="raise").open()
    driven.tell(1, event(1, 1) + b"data:bad\n\n" + event(1, 2))
    assert isinstance(driven.error, MalformedEvent)
    assert driven.error.data == "bad"
    assert powers(driven) == [1]
    assert driven.end == StreamEnd("error", 1, 1, 1)


def test_malformed_events_are_skipped_and_counted() -> None:
    driven = Driven().open().tell(1, b"data:bad\n\n" + event(1, 1) + b"data:[]\n\n" + event(1, 2))
    assert powers(driven) == [1, 2]
    driven.tell(29, event(29)).tell(30, CLOSED)
    assert driven.end == StreamEnd("planned", 30, 3, 2)


def test_a_callable_is_given_malformed_events_in_their_place() -> None:
    given: list[tuple[str, int]] = []

    def on_malformed(malformed: MalformedEvent) -> None:
        given.append((malformed.data, len(driven.readings)))

    driven = Driven(on_malformed=on_malformed).open()
    driven.tell(1, b"data:a\n\n" + event(1) + b"data:b\n\n" + event(1))
    assert given == [("a", 0), ("b", 1)]


def test_what_that_callable_raises_goes_to_the_caller() -> None:
    class Own(Exception):
        pass

    def on_malformed(malformed: MalformedEvent) -> None:
        raise Own

    driven = Driven(on_malformed=on_malformed).open().tell(1, b"data:a\n\n")
    assert isinstance(driven.error, Own)
    assert driven.end == StreamEnd("error", 1, 0, 1)


def test_an_object_that_is_no_reading_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    Driven().open().tell(1, b"data:{}\n\n" * 3).tell(2, b"data:{}\n\n")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_of_many_malformed_events_one_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "enphase_streaming")
    Driven().open().tell(1, b"data:bad\n\n" * 3)
    levels = [record.levelname for record in caplog.records if "no JSON object" in record.message]
    assert levels == ["WARNING", "DEBUG", "DEBUG"]


# A caller who stops


def test_stopped_while_the_request_is_under_way() -> None:
    driven = Driven().stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 0, 0)


def test_stopped_when_the_stream_is_open() -> None:
    driven = Driven().tell(1, STREAM).stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 0, 0)


def test_stopped_while_waiting_for_bytes() -> None:
    driven = Driven().open().tell(1, event(1)).stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 1, 0)


def test_stopped_in_the_middle_of_a_burst_counts_what_was_handed_over() -> None:
    driven = Driven().open().tell_up_to_a_reading(1, events(1, 8)).stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 1, 0)


def test_stopped_while_an_error_body_is_read() -> None:
    driven = Driven().tell(1, Head(500, None, None, None)).tell(2, b"x").stop(2.5)
    assert driven.end == StreamEnd("stopped", 2.5, 0, 0)


def test_stopped_after_the_duration_is_still_stopped() -> None:
    driven = Driven().open().tell(29, event(29)).stop(33)
    assert driven.end == StreamEnd("stopped", 33, 1, 0)
