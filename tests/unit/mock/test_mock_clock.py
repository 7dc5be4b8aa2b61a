import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from enphase_streaming_mock import HandClock, MockServer, ScaledClock

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


def test_a_clock_at_speed_1000_passes_a_second_in_a_millisecond() -> None:
    clock = ScaledClock(1000)
    before, real = clock.monotonic(), time.monotonic()
    time.sleep(0.01)
    after, elapsed = clock.monotonic(), time.monotonic() - real
    assert 10 <= after - before <= 1000 * elapsed + 1


def test_both_readings_of_the_clock_advance_together() -> None:
    clock = ScaledClock(1000, NOON)
    before = clock.monotonic()
    between = (clock.now() - NOON).total_seconds()
    assert before <= between + 1e-6
    assert between <= clock.monotonic() + 1e-6


def test_a_clock_starts_at_the_present_by_default() -> None:
    assert abs(ScaledClock().now() - datetime.now(UTC)) < timedelta(seconds=1)


def test_a_start_in_another_zone_is_converted_to_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-7)))
    now = ScaledClock(start=there).now()
    assert now.tzinfo is UTC
    assert NOON <= now < NOON + timedelta(seconds=1)


def test_the_delay_until_a_moment_is_in_real_seconds() -> None:
    clock = ScaledClock(100)
    assert 0.2 < clock.delay(clock.monotonic() + 30) <= 0.3


def test_the_delay_until_a_past_moment_is_negative() -> None:
    assert ScaledClock(10).delay(-1) < 0


@pytest.mark.parametrize("speed", [0, -1, 1001, float("nan"), float("inf"), True, "fast", None])
def test_a_speed_out_of_range_is_refused(speed: Any) -> None:
    with pytest.raises(ValueError, match=r"speed must be a number from 0\.001 to 1,000, got "):
        ScaledClock(speed)


@pytest.mark.parametrize("start", [datetime(2026, 6, 21), "2026-06-21", 0])
def test_a_start_without_a_zone_is_refused(start: Any) -> None:
    with pytest.raises(ValueError, match="start must be a datetime with a time zone, got "):
        ScaledClock(start=start)


def test_a_hand_clock_stands_still_until_it_is_moved() -> None:
    clock = HandClock(NOON)
    assert (clock.monotonic(), clock.now()) == (0.0, NOON)
    time.sleep(0.01)
    assert clock.monotonic() == 0.0
    clock.advance(90.5)
    assert (clock.monotonic(), clock.now()) == (90.5, NOON + timedelta(seconds=90.5))


def test_a_pull_moves_it_to_the_moment_and_never_back() -> None:
    clock = HandClock()
    assert clock.pull(3.0) == 0.0
    assert clock.monotonic() == 3.0
    assert clock.pull(1.0) == 0.0
    assert clock.monotonic() == 3.0


def test_a_pull_crosses_a_long_gap_in_strides_and_ends_exactly() -> None:
    clock = HandClock()
    moments = []
    while clock.pull(30.25) > 0:
        moments.append(clock.monotonic())  # which is a look at it
    assert moments == [float(second) for second in range(2, 24, 2)]
    assert clock.monotonic() == 30.25


def test_the_next_stride_waits_until_the_clock_is_read() -> None:
    clock = HandClock(NOON)
    for _ in range(5):
        assert clock.pull(30.0) > 0
    assert clock.now() == NOON + timedelta(seconds=2)
    time.sleep(0.11)  # without a look
    clock.pull(30.0)
    assert clock.now() == NOON + timedelta(seconds=4)


def test_without_pulls_only_advance_moves_it() -> None:
    clock = HandClock(pulled=False)
    assert clock.pull(3.0) == float("inf")
    assert clock.monotonic() == 0.0
    clock.advance(3.0)
    assert clock.pull(3.0) == 0.0


def test_passing_lets_time_pass_inside_the_block() -> None:
    clock = HandClock()
    with clock.passing():
        deadline = time.monotonic() + 5
        while clock.monotonic() < 10 and time.monotonic() < deadline:
            time.sleep(0.001)
    stopped = clock.monotonic()
    assert stopped >= 10
    time.sleep(0.02)
    assert clock.monotonic() == stopped


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), True, "1", None])
def test_advance_refuses_anything_but_seconds_from_0(seconds: Any) -> None:
    with pytest.raises(ValueError, match="seconds must be a number from 0 to 1,000,000,000, got "):
        HandClock().advance(seconds)


def test_pulled_must_be_a_bool() -> None:
    with pytest.raises(ValueError, match="pulled must be one of False, True, got 1"):
        HandClock(pulled=1)  # type: ignore[arg-type]


def test_set_speed_goes_on_from_the_present_time() -> None:
    clock = ScaledClock(1000)
    time.sleep(0.01)
    before = clock.monotonic()
    clock.set_speed(0.001)
    assert before <= clock.monotonic() < before + 1000
    assert clock.monotonic() - clock.monotonic() < 0.01


def test_a_server_refuses_a_hand_clock() -> None:
    with pytest.raises(ValueError, match="A clock moved by hand cannot pace a socket: use Mock"):
        MockServer(clock=HandClock())
    with pytest.raises(ValueError, match="clock contradicts speed and start: pass it or those"):
        MockServer(clock=ScaledClock(2), speed=3)
    assert MockServer(clock=ScaledClock(2)).clock.speed == 2
