import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from enphase_streaming_mock import ScaledClock

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


def test_a_clock_without_a_start_begins_at_the_present() -> None:
    assert abs(ScaledClock().now() - datetime.now(UTC)) < timedelta(seconds=1)


def test_a_start_in_another_zone_is_the_same_moment_in_utc() -> None:
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
def test_a_speed_out_of_range_is_refused_with_the_range_or_the_way_out(speed: Any) -> None:
    with pytest.raises(ValueError, match=r"speed is .*(0\.001 and 1000|give a number)"):
        ScaledClock(speed)


@pytest.mark.parametrize("start", [datetime(2026, 6, 21), "2026-06-21", 0])
def test_a_start_without_a_zone_is_refused(start: Any) -> None:
    with pytest.raises(ValueError, match="give a datetime with its time zone"):
        ScaledClock(start=start)
