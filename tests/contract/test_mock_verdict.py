"""One client written wrong for each finding of the verdict, in plain httpx, and good ones."""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import httpx
import pytest

from enphase_streaming import StreamingClient
from enphase_streaming_mock import HandClock, Mock, MockServer, Request
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.faults import FaultName
from enphase_streaming_mock.gateway.responses import AGAIN
from enphase_streaming_mock.verdict import Judge

# A 401 names a token, which is a test of its own.
FINAL = sorted({code for code in load_contract().refusals if AGAIN.get(code) == "never"} - {401})
LATER = sorted(code for code in load_contract().refusals if AGAIN.get(code) == "later")
START = datetime(2026, 6, 21, 12, 0, 50, tzinfo=UTC)


@pytest.fixture
def mock() -> Mock:
    return Mock(clock=HandClock(START))


class BadClient:
    """Asks as it is told, and thinks nothing of it."""

    def __init__(self, mock: Mock) -> None:
        self.mock = mock
        self.http = httpx.Client(transport=mock.transport(), base_url=mock.base_url, timeout=None)

    def ask(self, system_id: int | None = None, **changes: Any) -> httpx.Response:
        headers = {"key": self.mock.api_key, "Authorization": f"Bearer {self.mock.access_token}"}
        headers |= changes.pop("headers", {})
        path = f"systems/{system_id or self.mock.system_id}/live_data"
        request = self.http.build_request("GET", path, headers=headers, **changes)
        return self.http.send(request, stream=True)

    def read(self, **changes: Any) -> bytes:
        """Read one window to its end."""
        body = b""
        try:
            response = self.ask(**changes)
            for chunk in response.iter_raw():
                body += chunk
        except httpx.TransportError:
            pass  # the next one will do
        return body


def rules(mock: Mock) -> list[str]:
    return [finding.rule for finding in mock.verdict()]


@pytest.mark.parametrize("code", FINAL)
def test_retrying_a_final_error_is_found(mock: Mock, code: int) -> None:
    mock.fault("error", code=code, always=True)
    client = BadClient(mock)
    for _ in range(2):
        client.read()
        mock.advance(3600)
    (finding,) = mock.verdict()
    assert (finding.rule, finding.requests) == ("retried-final", (1, 2))
    assert finding.moments == (START, START.replace(hour=13))
    assert str(finding) == (
        f"retried-final: asked again for what was refused for good with {code} (#1, #2)"
    )


def test_retrying_with_a_refused_token_is_found(mock: Mock) -> None:
    mock.expire_token()
    for _ in range(2):
        BadClient(mock).read()
    assert rules(mock) == ["retried-final"]


def test_retrying_with_another_token_or_duration_is_no_finding(mock: Mock) -> None:
    client = BadClient(mock)
    for change in ({"Authorization": "Bearer a"}, {"Authorization": "Bearer b"}):
        assert client.ask(headers=change).status_code == 401
    for duration in ("1", "2"):
        assert client.ask(headers={"duration": duration}).status_code == 461
    assert mock.verdict() == []


def test_ignoring_the_end_of_a_month_is_found(mock: Mock) -> None:
    mock.set_plan("kilowatt")
    mock.use_up("month")
    client = BadClient(mock)
    client.read()
    mock.advance(120)
    client.read()
    assert set(rules(mock)) == {"ignored-period-end", "retried-final"}


def test_asking_before_the_period_ends_is_found(mock: Mock) -> None:
    mock.set_plan("kilowatt")
    mock.use_up("minute")
    client = BadClient(mock)
    client.read()
    mock.advance(4)
    client.read()
    finding = mock.verdict()[0]
    assert (finding.rule, finding.requests) == ("ignored-period-end", (1, 2))
    assert finding.message == "asked 6.0 s before the moment that the 429 had named"


def test_waiting_for_the_end_of_the_period_is_no_finding(mock: Mock) -> None:
    mock.set_plan("kilowatt")
    mock.use_up("minute")
    client = BadClient(mock)
    client.read()
    mock.advance(10)
    assert client.read().count(b"data:") == 30
    assert mock.verdict() == []


@pytest.mark.parametrize(
    ("fault", "options"),
    [*(("error", {"code": code}) for code in LATER), ("gateway", {}), ("hang-up", {})],
)
def test_reconnecting_without_a_pause_is_found(
    mock: Mock, fault: FaultName, options: dict[str, Any]
) -> None:
    mock.fault(fault, **options, always=True)
    client = BadClient(mock)
    for _ in range(4):
        client.read()
    assert mock.verdict() == []  # three might be chance
    client.read()
    (finding,) = mock.verdict()
    assert (finding.rule, finding.requests) == ("no-pause", (1, 2, 3, 4, 5))


def test_pausing_between_failures_is_no_finding(mock: Mock) -> None:
    mock.fault("error", code=551, always=True)
    client = BadClient(mock)
    for _ in range(10):
        client.read()
        mock.advance(0.5)
    assert mock.verdict() == []


@pytest.mark.parametrize("fault", ["close", "drop", "reset", "incomplete-chunk", "bad-chunk-size"])
def test_taking_a_truncated_stream_for_a_whole_one_is_found(mock: Mock, fault: FaultName) -> None:
    mock.fault(fault, after_events=3, always=True)
    client = BadClient(mock)
    for _ in range(5):
        client.read()
    (finding,) = mock.verdict()
    assert (finding.rule, finding.requests) == ("took-truncated-for-whole", (1, 2, 3, 4, 5))


def test_whole_windows_may_follow_each_other_at_once(mock: Mock) -> None:
    client = BadClient(mock)
    for _ in range(5):
        client.read()
    assert mock.verdict() == []


def test_two_windows_for_one_site_are_found(mock: Mock) -> None:
    client = BadClient(mock)
    first, second = client.ask(), client.ask()
    for response in (second, first):
        list(response.iter_raw())
    (finding,) = mock.verdict()
    assert (finding.rule, finding.requests) == ("two-windows", (1, 2))


def test_hanging_up_before_the_next_window_is_no_finding(mock: Mock) -> None:
    client = BadClient(mock)
    for _ in range(3):
        response = client.ask()
        next(response.iter_raw())
        response.close()
    assert mock.verdict() == []


@pytest.mark.parametrize(
    "parameters", [{"key": "mock-api-key"}, {"key": "wrong"}, {"access_token": "mock-access-token"}]
)
def test_a_secret_in_the_url_is_found(mock: Mock, parameters: dict[str, str]) -> None:
    response = BadClient(mock).ask(params=parameters)
    response.close()
    (finding,) = mock.verdict()
    assert (finding.rule, finding.requests) == ("leaked-secret", (1,))
    assert next(iter(parameters)) in finding.message
    assert "mock-" not in str(finding)


def test_a_token_request_as_published_is_no_leak(mock: Mock) -> None:
    with httpx.Client(transport=mock.transport()) as client:
        parameters = {"grant_type": "refresh_token", "refresh_token": mock.refresh_token}
        access = (mock.client_id, mock.client_secret)
        assert client.post(mock.token_url, params=parameters, auth=access).status_code == 200
    assert mock.verdict() == []


def test_exceeding_the_plan_is_found(mock: Mock) -> None:
    mock.set_plan("kilowatt")
    client = BadClient(mock)
    for _ in range(51):
        client.ask().close()
    findings = [finding for finding in mock.verdict() if finding.rule == "exceeded-plan"]
    assert [finding.requests for finding in findings] == [(1, 51)]
    assert findings[0].message == "51 calls in a minute, of which the plan allows 50"


def test_calls_within_the_plan_are_no_finding(mock: Mock) -> None:
    mock.set_plan("kilowatt")
    client = BadClient(mock)
    for _ in range(2):
        for _ in range(50):
            client.ask().close()
        mock.advance(60)
    assert mock.verdict() == []


def test_assert_well_behaved_fails_with_the_findings(mock: Mock) -> None:
    mock.assert_well_behaved()
    BadClient(mock).ask(params={"key": "x"}).close()
    with pytest.raises(AssertionError, match=r"leaked-secret: a secret stands in the URL \(key\)"):
        mock.assert_well_behaved()


@pytest.mark.parametrize(("status", "body"), [(200, b""), (429, b'{"period_end": 0}')])
def test_a_long_journal_is_judged_in_linear_time(status: int, body: bytes) -> None:
    def lines(calls: int) -> int:
        """Count the lines of Python that judging a journal executes."""
        journal = Mock(clock=HandClock(START)).journal
        request = Request("GET", "/api/v4/systems/1765/live_data", (("key", "a"),))
        for number in range(calls):
            moment = START + timedelta(seconds=40 * number)
            entry = journal.record(request, moment, status, "stream", (), body)
            entry.close("server", moment + timedelta(seconds=30))
        count = 0

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            found = Judge(30, 0.0, START + timedelta(days=30)).findings(journal.requests)
        finally:
            sys.settrace(before)
        assert found == []
        return count

    assert lines(400) < 4.2 * lines(100)


def test_a_hasty_client_is_found_over_a_socket() -> None:
    with MockServer(speed=1) as mock:
        mock.fault("error", code=551, always=True)
        url = f"{mock.base_url}/systems/{mock.system_id}/live_data"
        access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
        with httpx.Client(headers=access, trust_env=False, verify=False) as client:
            for _ in range(100):
                client.get(url)
        assert "no-pause" in rules(mock)


def test_two_windows_are_found_over_a_socket() -> None:
    with MockServer(speed=1) as mock:
        url = f"{mock.base_url}/systems/{mock.system_id}/live_data"
        access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
        seen = threading.Barrier(2, timeout=5)

        def read() -> None:
            with (
                httpx.Client(headers=access, trust_env=False, verify=False) as client,
                client.stream("GET", url) as response,
            ):
                chunks = response.iter_raw()
                for _ in range(2):
                    next(chunks)
                seen.wait()

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert rules(mock) == ["two-windows"]


@pytest.mark.parametrize("ask", ["live_data", "snapshot"])
def test_our_client_has_no_findings(mock: Mock, ask: str) -> None:
    with StreamingClient(
        api_key=mock.api_key,
        access_token=mock.access_token,
        base_url=mock.base_url,
        transport=mock.transport(),
        monotonic=mock.monotonic,
        now=mock.now,
    ) as client:
        calls: dict[str, Callable[[], object]] = {
            "live_data": lambda: list(client.live_data(mock.system_id)),
            "snapshot": lambda: client.snapshot(mock.system_id),
        }
        for _ in range(3):
            calls[ask]()
    mock.assert_calls(3)
    mock.assert_all_closed()
    mock.assert_well_behaved()
