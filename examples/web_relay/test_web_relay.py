"""The relay with uvicorn on loopback: viewers over HTTP, and a mock that counts the streams."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from enphase_streaming.sse import SSEDecoder
from enphase_streaming_mock import MockServer
from examples.conftest import Program, Start, eventually


class Viewer:
    """A browser: keeps the events of a site until it leaves, or the server ends them."""

    def __init__(self, url: str, site: int) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ended = False
        self._leaving = False
        self._url = f"{url}sites/{site}/events"
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        decoder = SSEDecoder()
        # A relay that is killed ends in the middle of an answer.
        with (
            suppress(httpx.RemoteProtocolError),
            httpx.stream("GET", self._url, timeout=20) as answer,
        ):
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            for chunk in answer.iter_bytes():
                self.events += [(each.event, json.loads(each.data)) for each in decoder.feed(chunk)]
                if self._leaving:
                    return
            self.ended = True

    def leave(self) -> None:
        self._leaving = True
        self._thread.join(20)

    @property
    def readings(self) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == "reading"]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == "status"]

    def has(self, readings: int) -> bool:
        return len(self.readings) >= readings

    def is_told(self, status: str) -> bool:
        return any(each["status"] == status for each in self.statuses)


View = Callable[[str, int], Viewer]


@pytest.fixture
def view() -> Iterator[View]:
    viewers: list[Viewer] = []

    def started(url: str, site: int) -> Viewer:
        viewers.append(Viewer(url, site))
        return viewers[-1]

    yield started
    for viewer in viewers:
        viewer.leave()


@pytest.fixture
def relay(start: Start, enphase_mock: MockServer) -> Callable[..., tuple[Program, str]]:
    """Start the relay of two sites; return it, and its address."""
    site = enphase_mock.system_id
    enphase_mock.account.add_sites(site + 1)

    def started(**others: str) -> tuple[Program, str]:
        given = {"SITES": f"{site},{site + 1}", "CALLS_PER_DAY": "5", "LINGER_SECONDS": "0"}
        program = start("web_relay", **given | {"PORT": "0"} | others)
        address = re.search(r"http://\S+", program.line("http://"))
        assert address is not None
        return program, address[0]

    return started


Relay = Callable[..., tuple[Program, str]]


@pytest.mark.enphase_mock(speed=10)
def test_viewers_share_one_stream_of_a_site(
    relay: Relay, view: View, enphase_mock: MockServer
) -> None:
    site = enphase_mock.system_id
    _, url = relay()
    assert httpx.get(f"{url}sites").json() == [site, site + 1]
    enphase_mock.assert_calls(0)
    viewers = [view(url, site) for _ in range(5)]
    for viewer in viewers:
        eventually(partial(viewer.has, 10))
    late = view(url, site)
    eventually(partial(late.has, 1))
    began = late.readings[0]["timestamp"]
    assert began in [each["timestamp"] for each in viewers[0].readings]  # it did not wait for one
    eventually(partial(late.has, 5))
    moments = [each["timestamp"] for each in viewers[0].readings]
    for viewer in (*viewers, late):
        own = [each["timestamp"] for each in viewer.readings]
        first = moments.index(own[0])
        assert own[: len(moments) - first] == moments[first : first + len(own)]
    enphase_mock.assert_calls(1)
    other = view(url, site + 1)
    eventually(partial(other.has, 2))
    assert [call.path.split("/")[-2] for call in enphase_mock.calls] == [str(site), str(site + 1)]
    for viewer in viewers:
        viewer.leave()
    before = len(late.readings)
    eventually(partial(late.has, before + 5))
    assert enphase_mock.calls[0].closed_by is None
    late.leave()
    eventually(lambda: enphase_mock.calls[0].closed_by == "client")
    assert enphase_mock.calls[1].closed_by is None


@pytest.mark.enphase_mock(speed=10)
def test_a_page_that_is_loaded_again_costs_no_second_stream(
    relay: Relay, view: View, enphase_mock: MockServer
) -> None:
    _, url = relay(LINGER_SECONDS="30")
    for _ in range(3):
        viewer = view(url, enphase_mock.system_id)
        eventually(partial(viewer.has, 2))
        viewer.leave()
    enphase_mock.assert_calls(1)
    assert enphase_mock.calls[0].closed_by is None


@pytest.mark.enphase_mock(speed=10)
def test_viewers_who_come_and_go_never_open_two_streams(
    relay: Relay, view: View, enphase_mock: MockServer
) -> None:
    _, url = relay()
    for _ in range(4):
        viewer = view(url, enphase_mock.system_id)
        eventually(partial(viewer.has, 1))
        viewer.leave()
    enphase_mock.assert_well_behaved()


@pytest.mark.enphase_mock(speed=10)
def test_the_allowance_holds_when_the_relay_is_killed(
    relay: Relay, view: View, enphase_mock: MockServer
) -> None:
    site = enphase_mock.system_id
    for _ in range(2):
        program, url = relay(CALLS_PER_DAY="2")
        eventually(partial(view(url, site).has, 3))
        program.end(signal.SIGKILL)
    _, url = relay(CALLS_PER_DAY="2")
    viewer = view(url, site)
    eventually(partial(viewer.is_told, "waiting"))
    assert viewer.statuses[-1]["calls_left"] == 0
    assert "used up" in viewer.statuses[-1]["message"]
    assert viewer.readings == []
    enphase_mock.assert_calls(2)


@pytest.mark.enphase_mock(speed=10)
def test_a_refused_site_is_not_asked_again_and_others_go_on(
    relay: Relay, view: View, enphase_mock: MockServer
) -> None:
    site = enphase_mock.system_id
    enphase_mock.fault("error", code=466)
    program, url = relay()
    eventually(partial(view(url, site).is_told, "stopped"))
    program.line(f"site {site}")
    again = view(url, site)
    eventually(partial(again.is_told, "stopped"))
    assert "Envoy" in again.statuses[-1]["message"]
    eventually(partial(view(url, site + 1).has, 2))
    enphase_mock.assert_calls(2)


def test_another_site_is_not_found(relay: Relay, enphase_mock: MockServer) -> None:
    _, url = relay()
    assert httpx.get(f"{url}sites/1/events").status_code == 404
    assert httpx.get(f"{url}sites/roof/events").status_code == 422
    enphase_mock.assert_calls(0)


@pytest.mark.enphase_mock(speed=10)
def test_sigterm_ends_viewers_and_streams(
    relay: Relay, view: View, enphase_mock: MockServer
) -> None:
    program, url = relay()
    viewer = view(url, enphase_mock.system_id)
    eventually(partial(viewer.has, 2))
    program.stop()
    assert program.lines[1:] == ["web_relay: stopped"]
    eventually(lambda: viewer.ended)
    eventually(lambda: enphase_mock.calls[0].closed_by == "client")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"SITES": ""}, "SITES"),
        ({"SITES": "1765;1766"}, "SITES"),
        ({"CALLS_PER_DAY": "0"}, "CALLS_PER_DAY"),
        ({"PORT": "http"}, "PORT"),
        ({"LINGER_SECONDS": "-1"}, "LINGER_SECONDS"),
        ({"ENPHASE_API_KEY": ""}, "ENPHASE_API_KEY"),
    ],
)
def test_one_line_names_a_wrong_variable(
    start: Start, enphase_mock: MockServer, given: dict[str, str], named: str
) -> None:
    usual = {"SITES": "1765", "CALLS_PER_DAY": "5", "PORT": "0"}
    program = start("web_relay", **usual | given)
    assert program.end() == 2
    (line,) = program.lines
    assert named in line
    enphase_mock.assert_calls(0)


def test_a_port_that_is_taken_is_named(relay: Relay, start: Start, tmp_path: Path) -> None:
    _, url = relay()
    port = httpx.URL(url).port
    program = start("web_relay", SITES="1765", CALLS_PER_DAY="5", PORT=str(port))
    assert program.end() == 2
    (line,) = program.lines
    assert "PORT" in line
