"""A recording read back: its readings, how each window ended, and where it breaks off."""

from __future__ import annotations

import base64
import json
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from enphase_streaming import (
    Budget,
    InvalidArgument,
    Reading,
    RecordedReadings,
    StreamingClient,
    read_recording,
)
from enphase_streaming.core.exchange import Head
from enphase_streaming_mock import HandClock, Mock
from enphase_streaming_mock.wire import WIRES
from recorded import START, STREAM, event, make_site, new_recording, record_site

GOLDEN = Path(__file__).parent.parent / "golden" / "recording.jsonl"
FIRST = {"format": "enphase-streaming-recording", "version": 1, "started": START.isoformat()}
OPEN = {"at": 0.5, "open": {"status": 200, "content_type": "text/event-stream"}}


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def chunk(data: bytes, at: float = 1.0) -> dict[str, Any]:
    return {"at": at, "bytes": base64.b64encode(data).decode()}


def read(path: Path) -> tuple[list[Reading], RecordedReadings]:
    with read_recording(path) as recording:
        return list(recording), recording


def measured(reading: Reading) -> tuple[object, ...]:
    """Return what a recording keeps: everything but what identifies the site."""
    values = reading.to_dict()
    for name in ("system_id", "envoy_serial_number"):
        values.pop(name)
    return values, reading.arrived, reading.epoch, reading.utc, len(reading.drift)


@pytest.mark.parametrize("wire", sorted(WIRES))
def test_return_what_the_stream_delivered(wire: str, tmp_path: Path) -> None:
    mock = Mock(clock=HandClock(START), wire=wire, scenario="spelling-drift")
    path = tmp_path / "site.jsonl"
    with (
        StreamingClient(**mock.client_options) as client,
        client.watch(mock.system_id, budget=Budget(calls=2), duration=30).record(path) as readings,
    ):
        delivered = list(readings)
    returned, recording = read(path)
    assert len(delivered) > 10
    assert [measured(each) for each in returned] == [measured(each) for each in delivered]
    assert [window.reason for window in recording.windows] == ["planned", "planned"]
    assert not recording.truncated


def test_say_how_each_window_ended(tmp_path: Path) -> None:
    site, path = make_site(), tmp_path / "site.jsonl"
    recording = new_recording(path)
    recording.opened(STREAM, 0.25)
    recording.received(event(site, 0) + event(site, 1), 1.0)
    recording.ended("dropped", 2.5)
    recording.opened(Head(429, "application/json"), 3.0)
    recording.received(b'{"message": "Too Many Requests"}', 3.0)
    recording.ended("error", 3.0)
    recording.opened(Head(200, "text/html"), 4.0)
    recording.received(event(site, 2), 4.0)
    recording.ended("not_a_stream", 4.0)
    recording.opened(STREAM, 5.0)
    recording.received(event(site, 5), 5.5)
    recording.received(b'data:{"error":{"code":473}}\n\n' + event(site, 6), 6.0)
    recording.ended("error", 6.0)
    recording.close()
    returned, found = read(path)
    assert [each.arrived for each in returned] == [
        START + timedelta(seconds=at) for at in (1.0, 1.0, 5.5)
    ]
    ends = [(each.status, each.reason, each.readings) for each in found.windows]
    assert ends == [
        (200, "dropped", 2),
        (429, "error", 0),
        (200, "not_a_stream", 0),
        (200, "error", 1),
    ]
    assert found.windows[0].opened == START + timedelta(seconds=0.25)
    assert found.windows[0].ended == START + timedelta(seconds=2.5)


def test_leave_out_what_the_next_window_repeats(tmp_path: Path) -> None:
    site, path = make_site(), tmp_path / "site.jsonl"
    recording = new_recording(path)
    for first in (0, 3):
        recording.opened(STREAM, first)
        for second in range(first, first + 5):
            recording.received(event(site, second), second)
        recording.ended("planned", first + 5)
    recording.close()
    times = [reading.timestamp for reading in read(path)[0]]
    assert times == [START + timedelta(seconds=second) for second in range(8)]


def test_a_file_cut_anywhere_gives_what_is_whole(tmp_path: Path) -> None:
    whole = GOLDEN.read_bytes()
    expected = [reading.raw for reading in read(GOLDEN)[0]]
    assert len(expected) == 1
    path = tmp_path / "cut.jsonl"
    beginning = whole.index(b"\n") + 1
    found = []
    for size in range(beginning, len(whole) + 1):
        path.write_bytes(whole[:size])
        returned, recording = read(path)
        assert [reading.raw for reading in returned] == expected[: len(returned)]
        # Where no window was open yet, nothing is missing that could be known.
        assert recording.truncated is (size not in (beginning, len(whole)))
        found.append(len(returned))
    assert found == sorted(found)
    assert found[-1] == 1


def test_say_in_the_log_where_a_file_breaks_off(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(GOLDEN.read_bytes()[:-5])
    assert read(path)[1].windows[-1].reason is None
    assert "cut.jsonl breaks off in line 7" in caplog.text


def test_read_only_as_far_as_readings_are_taken(tmp_path: Path) -> None:
    path = record_site(tmp_path / "site.jsonl", 600)
    with read_recording(path) as recording:
        next(recording)
        assert recording.position < 2_000 < path.stat().st_size
        list(recording)
        assert recording.position == path.stat().st_size
        assert next(recording, None) is None


def test_a_closed_recording_has_no_more_readings(tmp_path: Path) -> None:
    recording = read_recording(record_site(tmp_path / "site.jsonl", 60))
    next(recording)
    recording.close()
    assert list(recording) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n", "is no recording"),
        ("time,watts\n1,2\n", "is no recording"),
        ("[" * 100_000, "is no recording"),
        ('{"format": "enphase-streaming-recording"}\n', "version 1, got version None"),
        (json.dumps(FIRST | {"version": 2}) + "\n", "version 1, got version 2"),
        (json.dumps(FIRST | {"started": "2026-06-21T12:00:00"}) + "\n", "line 1"),
        (json.dumps(FIRST | {"started": "0001-01-01T00:00:00+23:00"}) + "\n", "line 1"),
    ],
)
def test_refuse_a_file_that_is_no_recording(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    path.write_text(content)
    with pytest.raises(InvalidArgument, match=said) as caught:
        read_recording(path)
    assert "site.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[1]",
        {"bytes": "AAAA"},
        {"at": -1, "end": "planned"},
        {"at": 1e300, "end": "planned"},
        {"at": 1.0, "bytes": "not base64"},
        {"at": 1.0, "open": {"status": "200"}},
    ],
    ids=str,
)
def test_name_the_line_that_is_no_line_of_a_recording(
    line: dict[str, Any] | str, tmp_path: Path
) -> None:
    path = write(tmp_path / "site.jsonl", FIRST, OPEN, chunk(event(make_site(), 0)), line)
    with read_recording(path) as recording:
        assert next(recording).pv_power
        with pytest.raises(InvalidArgument, match="line 4, is no line of a recording"):
            next(recording)


def test_refuse_bytes_outside_a_window(tmp_path: Path) -> None:
    end = {"at": 2.0, "end": "planned"}
    for lines in ([chunk(b"x")], [OPEN, end, chunk(b"x")]):
        path = write(tmp_path / "site.jsonl", FIRST, *lines)
        with pytest.raises(InvalidArgument, match="without an open window"):
            read(path)


def test_refuse_a_path_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.jsonl"):
        with pytest.raises(InvalidArgument, match="cannot be read"):
            read_recording(path)


def test_skip_what_the_stream_skipped(tmp_path: Path) -> None:
    odd = b'data:5\n\ndata:{"other":1}\n\n: comment\n\n'
    body, end = chunk(odd + event(make_site(), 0)), {"at": 2.0, "end": "planned"}
    returned, recording = read(write(tmp_path / "site.jsonl", FIRST, OPEN, body, "", end))
    assert len(returned) == recording.windows[0].readings == 1


def test_return_utc_for_a_file_in_another_zone(tmp_path: Path) -> None:
    path = write(tmp_path / "site.jsonl", FIRST | {"started": "2026-06-21T04:00:00+02:00"}, OPEN)
    with read_recording(path) as recording:
        assert recording.started == START + timedelta(hours=2)
        assert recording.started.tzinfo is UTC
