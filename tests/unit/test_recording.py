"""The lines of a recording."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from enphase_streaming.core.exchange import Head
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.recording.recording import Recording
from scripted import HandClock

if sys.platform != "win32":
    import resource

GOLDEN = Path(__file__).parent.parent / "golden" / "recording.jsonl"
HEAD = Head(200, "text/event-stream", None, None)


def start(path: Path, *, overwrite: bool = False) -> Recording:
    return Recording(
        path,
        overwrite=overwrite,
        started=1000.0,
        now=datetime(2026, 6, 21, 12, tzinfo=UTC),
        hidden=lambda: ("the-token",),
        max_event_bytes=1000,
        key=bytes(32),
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


EVENT = (
    b'data:{"data":{"system_id":1765,"envoy_serial_number":["121900000001"],"pv_power":4210},'
    b'"timestamp_epoch":1782043200250,"type":"response"}\n\n'
)
PIECES = [EVENT[:60], EVENT[60:], b": still here\n\n", EVENT[:40]]


def write_the_golden_stream(path: Path) -> None:
    """One window: a reading in two pieces, a comment, and an event that the end cut off."""
    recording = start(path)
    recording.opened(HEAD, 1000.25)
    for piece, at in zip(PIECES, [1001.0, 1001.125, 1016.0, 1030.0], strict=True):
        recording.received(piece, at)
    recording.ended("dropped", 1030.5)
    recording.close()


def test_write_the_golden_file(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    write_the_golden_stream(path)
    assert lines(path)[1:] == lines(GOLDEN)[1:]
    head, golden_head = lines(path)[0], lines(GOLDEN)[0]
    assert head.pop("by").startswith("enphase-streaming ")
    assert golden_head.pop("by").startswith("enphase-streaming ")
    assert head == golden_head


def test_golden_file_follows_the_format() -> None:
    head, opened, *rest = lines(GOLDEN)
    assert (head["format"], head["version"]) == ("enphase-streaming-recording", 1)
    assert opened == {"at": 0.25, "open": {"status": 200, "content_type": "text/event-stream"}}
    assert [line["at"] for line in rest] == [1.0, 1.125, 16.0, 30.0, 30.5]
    received = [base64.b64decode(line["bytes"]) for line in rest[:-1]]
    assert [len(piece) for piece in received] == [len(piece) for piece in PIECES]
    assert b'"pv_power":4210' in b"".join(received)
    assert b"1765" not in b"".join(received)
    assert b"121900000001" not in b"".join(received)
    assert rest[-1] == {"at": 30.5, "end": "dropped"}


def test_refuse_an_existing_file_without_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    path.write_text("precious")
    with pytest.raises(InvalidArgument, match="exists"):
        start(path)
    assert path.read_text() == "precious"
    start(path, overwrite=True).close()
    assert lines(path)[0]["version"] == 1


def test_refuse_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be written"):
        start(tmp_path / "nowhere" / "site.jsonl")


def test_stop_recording_when_the_disk_is_full(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no limit of a file's size")
    recording = start(tmp_path / "site.jsonl")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
    try:
        for second in range(3):
            recording.opened(HEAD, 1000.5 + second)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    recording.close()
    assert recording.error is not None
    assert "stops here" in caplog.text


def forked(work: Callable[[], object]) -> int:
    """Do `work` in a forked child, and return the child's exit code."""
    if sys.platform == "win32":
        pytest.skip("Windows cannot fork")
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_write_nothing_in_a_forked_child(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    recording = start(path)
    recording.opened(HEAD, 1000.5)
    recording.received(EVENT[:60], 1000.75)

    def leave() -> None:
        recording.received(EVENT[60:], 1001.0)
        recording.ended("stopped", 1002.0)
        recording.opened(HEAD, 1003.0)
        recording.close()

    before = path.read_bytes()
    assert forked(leave) == 0
    assert path.read_bytes() == before
    recording.received(EVENT[60:], 1004.0)
    recording.ended("planned", 1005.0)
    recording.close()
    assert [line["at"] for line in lines(path)[1:]] == [0.5, 0.75, 4.0, 5.0]


def test_write_every_line_at_once(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "site.jsonl"
    recording = start(path)
    recording.opened(HEAD, 1000.5)
    for second in range(3):
        recording.received(clock.event(), 1001.0 + second)
        # Nothing was closed or flushed: this is what a crash at this moment leaves.
        assert len(lines(path)) == 3 + second
    recording.close()


def test_keep_the_digits_of_an_error_body(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    recording = start(path)
    recording.opened(Head(473, "application/json", None, None), 1000.5)
    recording.received(b'{"error":{"code":473,"message":"the-token"}}', 1000.6)
    recording.ended("error", 1000.7)
    recording.close()
    [body] = [base64.b64decode(line["bytes"]) for line in lines(path) if "bytes" in line]
    assert b'"code":473' in body
    assert b"the-token" not in body


def test_replace_a_secret_in_an_error_body_cut_anywhere(tmp_path: Path) -> None:
    body = b'{"code":473,"message":"the-token"}'
    for cut in range(1, len(body)):
        path = tmp_path / f"{cut}.jsonl"
        recording = start(path)
        recording.opened(HEAD, 1000.25)
        recording.ended("dropped", 1000.3)
        recording.opened(Head(473, "application/json", None, None), 1000.5)
        recording.received(body[:cut], 1000.6)
        recording.received(body[cut:], 1000.7)
        recording.ended("error", 1000.8)
        recording.close()
        pieces = {line["at"]: base64.b64decode(line["bytes"]) for line in lines(path)[4:-1]}
        assert {at: len(piece) for at, piece in pieces.items()} == {0.6: cut, 0.7: len(body) - cut}
        whole = b"".join(pieces.values())
        assert whole.startswith(b'{"code":473,"message":"')
        assert b"the-token" not in whole


def test_replace_a_secret_in_the_content_type(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    recording = start(path)
    recording.opened(Head(200, "text/the-token", None, None), 1000.5)
    recording.close()
    assert "the-token" not in path.read_text()
    assert lines(path)[1]["open"]["content_type"].startswith("text/")


def test_write_one_end_for_each_response(
    tmp_path: Path,
) -> None:
    path = tmp_path / "site.jsonl"
    recording = start(path)
    recording.ended("connection_failed", 1000.25)
    recording.opened(HEAD, 1000.5)
    recording.received(EVENT[:9], 1000.75)
    recording.ended("dropped", 1001.0)
    recording.ended("stopped", 1002.0)
    recording.opened(HEAD, 1003.0)
    recording.ended("planned", 1004.0)
    recording.close()
    kinds = [[*line][1] for line in lines(path)[1:]]
    assert kinds == ["open", "bytes", "end", "open", "end"]
    assert [line["end"] for line in lines(path) if "end" in line] == ["dropped", "planned"]


def test_redact_a_200_of_another_kind_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    recording = start(path)
    recording.opened(Head(200, "application/json", None, None), 1000.5)
    recording.received(b'{"pv":12,\n\n"owner":', 1000.6)
    recording.received(b'"Jane"}', 1000.7)
    recording.ended("not_a_stream", 1000.8)
    recording.close()
    first, second = (base64.b64decode(line["bytes"]) for line in lines(path) if "bytes" in line)
    assert first == b'{"pv":12,\n\n"owner":'
    assert re.fullmatch(rb'"[A-Z][a-z]{3}"}', second)
    assert b"Jane" not in second


def test_write_a_large_event_illegible(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    recording = start(path)
    recording.opened(HEAD, 1000.5)
    recording.received(b"data:" + b"a" * 996, 1000.75)
    recording.close()
    assert base64.b64decode(lines(path)[2]["bytes"]) == b"xxxx:" + b"x" * 996
