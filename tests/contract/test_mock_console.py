"""The console's server: its files, its events, and who may have them. tests/browser looks at it."""

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from enphase_streaming_mock import MockServer, Request
from enphase_streaming_mock.console import FILES
from enphase_streaming_mock.control import document
from enphase_streaming_mock.faults import Fault

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = files("enphase_streaming_mock") / "page"
NOTHING_ASKED = {"afresh": True, "open": 0, "gone": [], "entries": []}
RECORDING = Path(__file__).parents[1] / "golden" / "recording.jsonl"
PARTS = {"clock", "scenario", "wire", "account", "site", "chart", "faults", "requests", "verdict"}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(speed=100) as server:
        yield server


def connect(mock: MockServer, path: str, **headers: str) -> http.client.HTTPConnection:
    address = urlsplit(mock.base_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
    connection.request("GET", f"/_mock/{path}", headers=headers)
    return connection


def get(mock: MockServer, path: str, **headers: str) -> tuple[int, Message, bytes]:
    with closing(connect(mock, path, **headers)) as connection:
        response = connection.getresponse()
        return response.status, response.headers, response.read()


class Events:
    """The latest of each part that the console was sent."""

    def __init__(self, mock: MockServer) -> None:
        self.connection = connect(mock, "events")
        self.response = self.connection.getresponse()
        assert self.response.headers["Content-Type"] == "text/event-stream"
        self.parts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()

    def read(self, name: str) -> Any:
        """Read up to the next event of a name, and return its data."""
        while True:
            line = self.response.readline().decode()
            assert line, "the stream ended"
            if line.startswith("event: "):
                event = line.removeprefix("event: ").strip()
                self.parts[event] = json.loads(self.response.readline()[6:])
                if event == name:
                    return self.parts[event]


@pytest.fixture
def events(mock: MockServer) -> Iterator[Events]:
    with Events(mock) as found:
        yield found


def stream(mock: MockServer) -> Request:
    access = (("key", mock.api_key), ("Authorization", f"Bearer {mock.access_token}"))
    return Request("GET", f"/api/v4/systems/{mock.system_id}/live_data", headers=access)


def test_a_browser_gets_the_page_and_a_program_what_it_always_got(mock: MockServer) -> None:
    status, headers, body = get(mock, "", **HTML)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert body.startswith(b"<!doctype html>")
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        status, _, body = get(mock, "", **accept)
        assert (status, json.loads(body)["error"][:10]) == (404, "Nothing at")


def test_an_address_typed_without_its_last_slash_leads_to_the_page(mock: MockServer) -> None:
    address = urlsplit(mock.base_url).netloc
    with closing(http.client.HTTPConnection(address, timeout=5)) as connection:
        connection.request("GET", "/_mock", headers=HTML)
        response = connection.getresponse()
        assert (response.status, response.headers["Location"]) == (308, "/_mock/")
    assert mock.requests == []


@pytest.mark.parametrize("path", FILES)
def test_every_file_comes_with_a_strict_policy(mock: MockServer, path: str) -> None:
    status, headers, _ = get(mock, path, **HTML)
    policy = str(headers["Content-Security-Policy"])
    assert status == 200
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert re.findall(r"(?:https?|data|blob):|\*", policy) == []
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert mock.requests == []


def test_the_files_are_few_short_and_load_nothing_from_elsewhere() -> None:
    texts = {path.name: path.read_text("utf-8") for path in PAGE.iterdir()}
    assert texts.keys() == {name for name, _ in FILES.values()}
    assert sum(text.count("\n") for text in texts.values()) < 1000
    for name, text in texts.items():
        assert max(map(len, text.splitlines())) <= 120, name
        assert set(re.findall(r"https?://[^\"']+", text)) <= {"http://www.w3.org/2000/svg"}
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_the_page_has_no_inline_script_style_or_handler() -> None:
    found = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = {name for name, _ in attrs}
            if tag == "style" or (tag == "script" and "src" not in names):
                found.append(tag)
            found.extend(name for name in names if name == "style" or name.startswith("on"))

    Parser().feed((PAGE / "index.html").read_text("utf-8"))
    assert found == []


def test_the_first_events_show_everything(mock: MockServer, events: Events) -> None:
    events.read("verdict")
    assert events.parts.keys() == PARTS
    assert set(document()["components"]["schemas"]["Event"]["properties"]["event"]["enum"]) == PARTS
    assert events.parts["requests"] == NOTHING_ASKED
    site = events.parts["site"]
    supplied = site["pv_power"] + site["battery_power"] + site["grid_power"]
    assert supplied + site["generator_power"] == site["consumption_power"]
    assert events.parts["account"]["limits"]["minute"] == {"used": 0, "limit": None}


def test_a_request_shows_as_it_goes_on_and_after_a_reset_no_more(
    mock: MockServer, events: Events
) -> None:
    record = mock.engine.answer(stream(mock), mock.now()).record
    while not (found := events.read("requests"))["entries"]:
        pass
    (entry,) = found["entries"]
    assert (found["open"], entry["number"], entry["ended"]) == (1, 1, None)
    record.close("client", mock.now())
    found = events.read("requests")
    assert (found["open"], found["entries"][0]["closed_by"]) == (0, "client")
    mock.reset()
    assert events.read("requests") == NOTHING_ASKED


def test_an_old_stream_ends_and_is_listed_no_more(mock: MockServer) -> None:
    old = [mock.engine.answer(stream(mock), mock.now()).record for _ in range(60)]
    for number in range(300):
        mock.engine.answer(Request("GET", f"/{number}"), mock.now())
    with Events(mock) as events:
        found = events.read("requests")
        assert [each["number"] for each in found["entries"]][:51] == [*range(11, 61), 161]
        old[-1].close("client", mock.now())
        found = events.read("requests")
        assert (found["open"], found["gone"]) == (59, [60])
        assert [each["number"] for each in found["entries"]] == [10]
        old[0].close("client", mock.now())  # which was not listed
        assert events.read("requests")["open"] == 58


def test_the_chart_is_that_of_the_scenario(mock: MockServer, events: Events) -> None:
    assert events.read("chart")[-1][0] > 0
    mock.use("night")
    while (rows := events.read("chart"))[-1][0]:
        pass
    assert all(pv == 0 for pv, *_ in rows)
    assert len(rows) <= 121


def test_faults_that_are_to_come_are_listed(mock: MockServer, events: Events) -> None:
    mock.fault(Fault("html", on="tokens", always=True))
    mock.fault("drop", after_events=3, requests=2)
    while len(found := events.read("faults")) < 2:
        pass
    assert found == [
        {"name": "html", "options": {"always": True, "code": 200, "on": "tokens"}, "left": None},
        {"name": "drop", "options": {"requests": 2, "after_events": 3}, "left": 2},
    ]


def test_the_events_hold_no_secret_and_few_requests(mock: MockServer) -> None:
    for number in range(10_000):
        query = (("key", mock.api_key), ("n", str(number)))
        mock.engine.answer(Request("GET", f"/{mock.access_token}", query=query), mock.now())
    with Events(mock) as events:
        events.read("requests")
        events.read("verdict")
    text = json.dumps(events.parts)
    assert len(events.parts["verdict"]["latest"]) == 50
    assert len(events.parts["requests"]["entries"]) == 200
    assert mock.api_key not in text
    assert mock.access_token not in text


def test_a_replay_shows_no_site_that_it_does_not_play() -> None:
    with MockServer(recording=RECORDING) as mock, Events(mock) as events:
        events.read("requests")
    assert (events.parts["site"], events.parts["chart"]) == (None, [])


def test_the_server_stops_at_once_although_a_console_is_open() -> None:
    mock = MockServer()
    with mock:
        events = Events(mock)
        events.read("requests")
        began = time.monotonic()
    assert time.monotonic() - began < 2
    with events, pytest.raises((AssertionError, ConnectionError, http.client.HTTPException)):
        events.read("nothing")
