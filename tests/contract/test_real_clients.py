"""Other clients read the mock on a socket and see what our own client sees.

Where one of them is known to be wrong, `DEPARTURES` says exactly how: if it fails, that client
has changed.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from httpx_sse import SSEError

from enphase_streaming import APIStatusError, StreamingClient
from enphase_streaming.core.sse import SSEDecoder
from enphase_streaming_mock import HandClock, Mock, MockServer, ScaledClock, Wire
from foreign import ClientIsMissing, EventSource, curl, httpx_sse

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


class Event(NamedTuple):
    """An event as every client sees it."""

    name: str
    id: str
    data: str


class SameDate(ScaledClock):
    """Runs, but tells one date for ever: streams opened one after the other begin alike."""

    def now(self) -> datetime:
        return self.start


FORMS = {
    "plain": ("sunny-day", Wire()),
    "outer nesting": ("outage", Wire(nesting="outer", colon_space=True)),
    "CRLF": ("night", Wire(newline="\r\n")),
    "CR": ("no-battery-nulls", Wire(newline="\r")),
    "BOM": ("spelling-drift", Wire(bom=True)),
    "comments": ("several-gateways", Wire(comments=True)),
    "ids and names": ("grid-services", Wire(ids=True, event_name="live_data")),
    "keep-alives": ("storm-guard", Wire(keep_alive=0.7)),
    "ids and keep-alives": ("passing-clouds", Wire(ids=True, keep_alive=10)),
    "retry": ("evening-peak", Wire(retry=3_000)),
    "retry, then a keep-alive": ("generator-backup", Wire(retry=0, warm_up=3, keep_alive=2)),
    "texts, unknown fields": ("no-battery-absent", Wire(numbers="strings", unknown_fields=True)),
    "bursts": ("outage", Wire(stall_after=8, stall=8, jitter=0.5)),
    "every byte alone": ("spelling-drift", Wire(newline="\r\n", ids=True, cut_every=1)),
    "all of it": (
        "night",
        Wire(newline="\r\n", bom=True, ids=True, event_name="live data", comments=True, retry=9),
    ),
}


def without_the_first(events: list[Event]) -> list[Event]:
    return events[1:]


def without_the_last(events: list[Event]) -> list[Event]:
    return events[:-1]


def with_one_for_a_comment(*places: int) -> Callable[[list[Event]], list[Event]]:
    """An event without data, with the last id, before each of these places."""

    def change(events: list[Event]) -> list[Event]:
        for place in reversed(places):
            last = events[place - 1].id if place else ""
            events = [*events[:place], Event("message", last, ""), *events[place:]]
        return events

    return change


DEPARTURES = {
    # A byte order mark counts as part of the first field's name.
    ("httpx-sse", "BOM"): without_the_first,
    # The blank line behind a comment dispatches what there was, an id or a retry time.
    ("httpx-sse", "ids and keep-alives"): with_one_for_a_comment(11, 21),
    ("httpx-sse", "retry, then a keep-alive"): with_one_for_a_comment(0),
    # A CR is held back until what comes next shows that no LF does, and at the end nothing comes.
    ("eventsource", "CR"): without_the_last,
}


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock=SameDate(1000, NOON)) as server:
        yield server


@pytest.fixture(scope="module")
def eventsource() -> Iterator[EventSource]:
    try:
        source = EventSource()
    except ClientIsMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    yield source
    source.close()


@pytest.mark.parametrize("form", FORMS)
def test_every_client_reads_the_same_events(
    mock: MockServer, eventsource: EventSource, form: str
) -> None:
    scenario, wire = FORMS[form]
    mock.use(scenario, seed=7, wire=wire)
    # Ours through the transport, whose time is exact: at this speed a busy machine is a stall.
    exact = Mock(scenario=scenario, seed=7, clock=HandClock(NOON), wire=wire)
    with StreamingClient(**exact.client_options) as client:
        ours = [reading.raw for reading in client.live_data(exact.system_id)]
    assert len(ours) == 30 - wire.warm_up

    printed = curl(mock)
    assert (printed.code, printed.status, printed.message) == (0, 200, "")
    lines = printed.body.decode("utf-8-sig").split(wire.newline)
    data = [line.removeprefix("data:") for line in lines if line.startswith("data:")]
    assert [line.removeprefix(" ") for line in data] == ours

    name = wire.event_name or "message"
    expected = [Event(name, epoch(text) if wire.ids else "", text) for text in ours]
    decoded = SSEDecoder().feed(printed.body)
    assert [Event(each.event, each.id, each.data) for each in decoded] == expected

    with httpx_sse(mock) as (_, events):
        seen = [Event(each.event, each.id, each.data) for each in events]
    assert seen == DEPARTURES.get(("httpx-sse", form), list)(expected)

    read = eventsource.read(mock, name)
    seen = [Event(*each) for each in read["events"]]
    assert seen == DEPARTURES.get(("eventsource", form), list)(expected)
    # The end of a window is an error to it like any other, after which it would connect again.
    assert "code" not in read
    assert not read["final"]


def test_httpx_sse_is_an_event_late_where_a_cr_ends_a_line() -> None:
    with MockServer(speed=20, wire=Wire(newline="\r")) as mock, httpx_sse(mock) as (_, events):
        next(events)
        assert mock.requests[0].events_sent >= 2


@pytest.mark.parametrize(("code", "retried"), [(401, False), (461, False), (551, True)])
def test_every_client_reports_an_error_in_its_own_way(
    mock: MockServer, eventsource: EventSource, code: int, retried: bool
) -> None:
    mock.reset()
    mock.fault("error", code=code, always=True)
    ours = StreamingClient(
        api_key=mock.api_key, access_token=mock.access_token, base_url=mock.base_url
    )
    with ours, pytest.raises(APIStatusError) as raised:
        ours.snapshot(mock.system_id)
    assert (raised.value.status_code, raised.value.retryable) == (code, retried)

    # curl takes a refusal for a success, unless it is told not to.
    printed = curl(mock)
    assert (printed.code, printed.status) == (0, code)
    assert printed.body.decode() == raised.value.body
    strict = curl(mock, "--fail-with-body")
    assert (strict.code, strict.status, strict.body) == (22, code, printed.body)
    assert strict.message == f"curl: (22) The requested URL returned error: {code}"

    # httpx-sse names the type of the body and not the status, which the response has.
    with httpx_sse(mock) as (response, events):
        with pytest.raises(
            SSEError, match="to contain 'text/event-stream', got 'application/json'"
        ):
            next(events)
        assert response.status_code == code

    # eventsource names the status, never the body, and does not ask again.
    assert eventsource.read(mock) == {
        "events": [],
        "code": code,
        "message": f"Non-200 status code ({code})",
        "final": True,
    }
    assert len(mock.requests) == 5


def test_a_missing_client_is_reported_with_what_to_install(
    mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClientIsMissing, match="`make test` does that"):
        EventSource(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ClientIsMissing, match=r"needs Node\.js 20 or newer"):
        EventSource()
    with pytest.raises(ClientIsMissing, match="system's package is called curl"):
        curl(mock)


def epoch(text: str) -> str:
    """The id of an event on the mock's wires, from its JSON."""
    return str(json.loads(text)["timestamp_epoch"])
