"""How long a 429 pauses a budget, with any local clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming import RateLimitError
from enphase_streaming.core.answers import error_from_answer
from enphase_streaming.core.exchange import Head
from enphase_streaming.core.recovery import Outcome, Pause, Recovery

SERVER_NOW = datetime(2026, 6, 21, 12, 0, 20, tzinfo=UTC)
START = int(SERVER_NOW.timestamp()) - 20
LIMIT = {"code": 429, "period": "minute", "period_start": START, "period_end": START + 60}
CLOCK_ERRORS = [timedelta(0), timedelta(minutes=10), timedelta(hours=-8), timedelta(days=-20_000)]


def limited(
    body: dict[str, object], clock_error: timedelta, *, date: bool, retry_after: str | None = None
) -> RateLimitError:
    sent = format_datetime(SERVER_NOW, usegmt=True) if date else None
    head = Head(429, retry_after=retry_after, date=sent)
    error = error_from_answer(head, json.dumps(body).encode(), now=SERVER_NOW + clock_error)
    assert isinstance(error, RateLimitError)
    return error


@pytest.mark.parametrize("clock_error", CLOCK_ERRORS, ids=str)
def test_the_answers_date_measures_the_wait(clock_error: timedelta) -> None:
    error = limited(LIMIT, clock_error, date=True)
    assert error.retry_in == 40
    assert error.retry_at == SERVER_NOW + clock_error + timedelta(seconds=40)
    assert Recovery().decide(Outcome(error)) == Pause(41, shared=True)


@pytest.mark.parametrize("clock_error", CLOCK_ERRORS[1:], ids=str)
def test_without_a_date_a_wrong_clock_waits_the_whole_period(clock_error: timedelta) -> None:
    assert limited(LIMIT, clock_error, date=False).retry_in == 60


def test_without_a_date_a_plausible_clock_measures_the_wait() -> None:
    assert limited(LIMIT, timedelta(0), date=False).retry_in == 40


@pytest.mark.parametrize("clock_error", CLOCK_ERRORS, ids=str)
def test_a_retry_after_date_is_measured_by_the_answers_date(clock_error: timedelta) -> None:
    later = format_datetime(SERVER_NOW + timedelta(seconds=25), usegmt=True)
    assert limited({}, clock_error, date=True, retry_after=later).retry_in == 25
    assert limited({}, clock_error, date=False, retry_after=later).retry_in is None


@given(
    end=st.integers(-(2**35), 2**40),
    period=st.sampled_from(["minute", "hour", "day", "fortnight", "month"]),
    clock_error=st.integers(-(10**9), 10**9),
    date=st.booleans(),
)
def test_no_wait_is_negative_or_longer_than_its_period(
    end: int, period: str, clock_error: int, date: bool
) -> None:
    body = {"period": period, "period_end": end}
    error = limited(body, timedelta(seconds=clock_error), date=date)
    longest = {"minute": 60, "hour": 3_600, "month": 31 * 86_400}.get(period, 86_400)
    assert error.retry_in is not None
    assert 0 <= error.retry_in <= longest
