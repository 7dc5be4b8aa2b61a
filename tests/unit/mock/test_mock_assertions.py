"""What a test says about calls, and what it is told when it is wrong."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from enphase_streaming_mock import HandClock, Mock

START = datetime(2026, 6, 21, 12, tzinfo=UTC)


@pytest.fixture
def mock() -> Mock:
    return Mock(clock=HandClock(START))


def ask(mock: Mock, path: str = "systems/1765/live_data", **headers: str) -> None:
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    with httpx.Client(transport=mock.transport(), base_url=mock.base_url) as client:
        client.get(path, headers=access | headers)


def test_refused_calls_are_counted_other_requests_are_not(mock: Mock) -> None:
    mock.assert_calls(0)
    ask(mock)
    ask(mock, duration="1")
    ask(mock, "systems")
    mock.assert_calls(2)


def test_assert_calls_lists_every_call(mock: Mock) -> None:
    ask(mock)
    ask(mock, duration="1")
    ask(mock, "systems")
    with pytest.raises(AssertionError) as failed:
        mock.assert_calls(1)
    assert str(failed.value) == (
        "expected 1 call, and there were 2\n"
        "  #1 at 0.00 s: GET /api/v4/systems/1765/live_data"
        " -> 200, 30 events, closed by the server at 30.00 s\n"
        "  #2 at 30.00 s: GET /api/v4/systems/1765/live_data duration=1"
        " -> 461, closed by the server at 30.00 s\n"
        "not counted, because they ask for no stream:\n"
        "  #3 at 30.00 s: GET /api/v4/systems -> 404, closed by the server at 30.00 s"
    )


def test_assert_call_returns_the_first_that_fits(mock: Mock) -> None:
    ask(mock)
    ask(mock, duration="60")
    assert mock.assert_call(duration=30).number == 1
    assert mock.assert_call(duration=60, status=200, events=60, closed_by="server").number == 2
    assert mock.assert_call(system_id=1765).number == 1


def test_assert_call_lists_the_nearest_miss_first(mock: Mock) -> None:
    ask(mock, duration="29")
    ask(mock, duration="60")
    with pytest.raises(AssertionError) as failed:
        mock.assert_call(duration=61, status=200)
    assert str(failed.value) == (
        "no call with duration=61, status=200\n"
        "  #2 at 0.00 s: GET /api/v4/systems/1765/live_data duration=60"
        " -> 200, 60 events, closed by the server at 60.00 s\n"
        "    duration is 60, not 61\n"
        "  #1 at 0.00 s: GET /api/v4/systems/1765/live_data duration=29"
        " -> 461, closed by the server at 0.00 s\n"
        "    duration is 29, not 61\n"
        "    status is 461, not 200"
    )


def test_assert_call_says_that_nothing_was_asked(mock: Mock) -> None:
    with pytest.raises(AssertionError, match="nothing was asked at all"):
        mock.assert_call(status=200)


def test_assert_all_closed_names_open_streams(mock: Mock) -> None:
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    with httpx.Client(transport=mock.transport(), base_url=mock.base_url) as client:
        request = client.build_request("GET", "systems/1765/live_data", headers=access)
        response = client.send(request, stream=True)
        next(response.iter_raw())
        with pytest.raises(AssertionError, match=r"left open: 1 call\n .* 1 event, still open"):
            mock.assert_all_closed()
        response.close()
    mock.assert_all_closed()


def test_a_broken_stream_is_told_from_a_closed_one(mock: Mock) -> None:
    mock.fault("hang-up")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(mock)
    with pytest.raises(AssertionError, match=r"-> 0, broken off by the server at 0\.00 s"):
        mock.assert_calls(0)


@pytest.mark.parametrize("expected", [-1, True, 1.0, "1", None])
def test_assert_calls_takes_an_int_only(mock: Mock, expected: Any) -> None:
    with pytest.raises(ValueError, match="expected must be an int from 0, got "):
        mock.assert_calls(expected)


def test_assert_call_needs_a_description(mock: Mock) -> None:
    with pytest.raises(ValueError, match="assert_call needs one of duration, system_id"):
        mock.assert_call()
