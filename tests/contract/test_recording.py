"""Recording real streams, on both clients."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callers import CREDENTIALS
from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    ConnectionFailed,
    EventTooLarge,
    InvalidArgument,
    Reading,
    StreamEnd,
    StreamingClient,
)
from scripted import PATIENCE, STREAM_HEAD, HandClock, Peer, scripted

Watch = Callable[..., tuple[list[Reading], StreamEnd | None]]


def sync_watch(options: dict[str, Any], path: Path, calls: int) -> tuple[list[Reading], Any]:
    with (
        StreamingClient(**CREDENTIALS | options) as client,
        client.watch(1765, budget=Budget(calls=calls), duration=30).record(path) as readings,
    ):
        return list(readings), readings.end


def async_watch(options: dict[str, Any], path: Path, calls: int) -> tuple[list[Reading], Any]:
    async def run() -> tuple[list[Reading], Any]:
        async with AsyncStreamingClient(**CREDENTIALS | options) as client:
            watch = client.watch(1765, budget=Budget(calls=calls), duration=30)
            async with watch.record(path) as readings:
                return [reading async for reading in readings], readings.end

    return asyncio.run(run())


@pytest.mark.parametrize("watch", [sync_watch, async_watch])
def test_record_a_watch_window_by_window(watch: Watch, clock: HandClock, tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        for _ in range(3):
            peer.chunk(clock.event(system_id=1765))
            clock.time += 10
        peer.end()

    path = tmp_path / "site.jsonl"
    with scripted(script) as server:
        options = {
            "base_url": server.base_url,
            "monotonic": clock.monotonic,
            "now": clock.now,
            # The script moves the clock without a look at how far the client is.
            "first_reading_timeout": 600,
            "stall_timeout": 600,
        }
        readings, end = watch(options, path, 2)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(readings) == 6
    assert end is not None
    assert end.reason == "budget"
    kinds = [next(iter(line.keys() - {"at"})) for line in lines[1:]]
    assert [kind for kind in kinds if kind != "bytes"] == ["open", "end", "open", "end"]
    assert [line["end"] for line in lines if "end" in line] == ["planned", "planned"]
    recorded = b"".join(base64.b64decode(line["bytes"]) for line in lines if "bytes" in line)
    assert recorded.count(b'"pv_power": 30') == 6
    assert b"1765" not in recorded
    ats = [line["at"] for line in lines[1:]]
    assert ats == sorted(ats)


@pytest.mark.parametrize("watch", [sync_watch, async_watch])
def test_spend_no_call_if_the_file_cannot_be_made(
    watch: Watch, clock: HandClock, tmp_path: Path
) -> None:
    path = tmp_path / "site.jsonl"
    path.touch()
    with (
        scripted(lambda peer: None) as server,
        pytest.raises(InvalidArgument, match="exists"),
    ):
        watch({"base_url": server.base_url}, path, 2)
    assert server.peers == []


def test_record_leaving_early_as_stopped(clock: HandClock, tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        peer.wait_for_hang_up()

    path = tmp_path / "site.jsonl"
    with (
        scripted(script) as server,
        StreamingClient(**CREDENTIALS, base_url=server.base_url) as client,
        client.live_data(1765).record(path) as stream,
    ):
        next(stream)
    assert json.loads(path.read_bytes().splitlines()[-1])["end"] == "stopped"


# Python warns of forks beside threads, which is what this is about.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_record_nothing_in_a_forked_child(clock: HandClock, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows cannot fork")

    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(clock.event())
        assert has_forked.wait(PATIENCE)
        peer.chunk(clock.event())
        peer.wait_for_hang_up()

    has_forked = threading.Event()
    path = tmp_path / "site.jsonl"
    with (
        scripted(script) as server,
        StreamingClient(**CREDENTIALS, base_url=server.base_url) as client,
        client.live_data(1765).record(path) as stream,
    ):
        next(stream)
        before = path.read_bytes()
        child = os.fork()
        if not child:
            try:
                stream.close()
                stream.__del__()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert path.read_bytes() == before
        has_forked.set()
        next(stream)
    assert [next(iter(line.keys() - {"at"})) for line in recorded(path)] == [
        "open",
        "bytes",
        "bytes",
        "end",
    ]


def recorded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()][1:]


def test_record_no_end_without_an_answer(clock: HandClock, tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    with (
        scripted(lambda peer: None) as server,
        StreamingClient(**CREDENTIALS, base_url=server.base_url) as client,
        pytest.raises(ConnectionFailed),
        client.live_data(1765).record(path) as stream,
    ):
        next(stream)
    assert recorded(path) == []


def test_record_a_large_event_illegible(clock: HandClock, tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.chunk(b"data:" + b"a" * 96)
        peer.wait_for_hang_up()

    path = tmp_path / "site.jsonl"
    with (
        scripted(script) as server,
        StreamingClient(**CREDENTIALS, base_url=server.base_url, max_event_bytes=100) as client,
        pytest.raises(EventTooLarge),
        client.live_data(1765).record(path) as stream,
    ):
        next(stream)
    body = b"".join(base64.b64decode(line.get("bytes", "")) for line in recorded(path))
    assert body == b"xxxx:" + b"x" * 96


def test_refuse_to_record_a_stream_that_has_begun(clock: HandClock, tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        peer.wait_for_hang_up()

    with (
        scripted(script) as server,
        StreamingClient(**CREDENTIALS, base_url=server.base_url) as client,
        client.live_data(1765) as stream,
        pytest.raises(InvalidArgument, match="before the stream begins"),
    ):
        stream.record(tmp_path / "site.jsonl")
    assert not (tmp_path / "site.jsonl").exists()
