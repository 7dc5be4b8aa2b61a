import base64
import json
from pathlib import Path
from typing import Any

import pytest

from enphase_streaming_mock import Mock, Request
from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.faults import FaultName
from enphase_streaming_mock.replay import Recording

HEAD = {"format": "enphase-streaming-recording", "version": 1, "started": "2026-06-21"}
OPEN = {"at": 1.0, "open": {"status": 200, "content_type": "text/event-stream"}}


def data(at: float, what: bytes) -> dict[str, Any]:
    return {"at": at, "bytes": base64.b64encode(what).decode()}


def write(path: Path, *entries: object, tail: str = "") -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in entries) + tail, "utf-8")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.jsonl"


def test_a_window_has_its_bytes_at_their_times_after_the_head(path: Path) -> None:
    events = data(1.5, b"data:{}\n\ndata:"), data(4, b"{}\r\n\r\n:\n\n")
    (window,) = Recording.load(write(path, HEAD, OPEN, *events, {"at": 31, "end": "early"})).windows
    assert (window.status, window.content_type) == (200, "text/event-stream")
    assert window.steps == [
        Step(0.5, b"data:{}\n\n", 1),
        Step(0.5, b"data:"),
        Step(3.0, b"{}\r\n\r\n", 1),
        Step(3.0, b":\n\n", 1),
        Step(30.0, end=End.CLEAN),
    ]


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("planned", End.CLEAN),
        ("error", End.CLEAN),
        ("dropped", End.CLOSE),
        ("stalled", None),
        ("stopped", None),
    ],
)
def test_a_window_ends_as_recorded_unless_the_client_ended_it(
    path: Path, reason: str, end: End | None
) -> None:
    recording = write(path, HEAD, OPEN, data(2, b"x"), {"at": 3, "end": reason})
    *_, last = Recording.load(recording).windows[0].steps
    assert last.end is end


def test_windows_are_played_in_turn_and_repeat(path: Path) -> None:
    failed = {"at": 40, "open": {"status": 473, "content_type": None}}
    recording = write(
        path, HEAD, OPEN, {"at": 31, "end": "planned"}, failed, {"at": 40, "end": "error"}
    )
    mock = Mock(recording=recording)
    headers = (("key", mock.api_key), ("Authorization", f"Bearer {mock.access_token}"))
    request = Request("GET", "/api/v4/systems/1765/live_data", headers)
    replies = [mock.engine.answer(request, mock.now()) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 473, 200]
    mock.reset()
    assert mock.engine.answer(request, mock.now()).status == 200
    assert [reply.headers for reply in replies[:2]] == [
        (("Content-Type", "text/event-stream"),),
        (),
    ]


@pytest.mark.parametrize("name", ["malformed-json", "invalid-utf8", "oversized-event"])
def test_a_fault_strikes_the_chosen_event_of_a_recording(path: Path, name: FaultName) -> None:
    first, second, third = (
        b'data: {"data": {"pv_power": %d}, "type" : "response"}\r\n\r\n' % power
        for power in (1, 2, 3)
    )
    mock = Mock(recording=write(path, HEAD, OPEN, data(2, first + second), data(3, third)))
    mock.fault(name, after_events=1)
    headers = (("key", mock.api_key), ("Authorization", f"Bearer {mock.access_token}"))
    request = Request("GET", "/api/v4/systems/1765/live_data", headers)
    steps = mock.engine.answer(request, mock.now()).steps
    assert steps is not None
    body = b"".join(step.data for step in steps)
    assert body.startswith(first)
    assert body.endswith(third)
    struck = body.removeprefix(first).removesuffix(third)
    assert struck != second
    assert struck.startswith(b'data: {"data": {"pv_power": 2}, ')


def test_an_end_without_a_window_is_ignored(path: Path) -> None:
    ends = [{"at": 1.5, "end": reason} for reason in ("planned", "stopped")]
    recording = write(
        path, HEAD, ends[1], OPEN, *ends, {"at": 2, "open": OPEN["open"]}, ends[0] | {"at": 3}
    )
    first, second = Recording.load(recording).windows
    assert first.steps == [Step(0.5, end=End.CLEAN)]
    assert second.steps == [Step(1.0, end=End.CLEAN)]


def test_an_incomplete_last_line_is_ignored(path: Path) -> None:
    recording = write(path, HEAD, OPEN, data(2, b"x"), tail='{"at": 3, "by')
    assert len(Recording.load(recording).windows[0].steps) == 1


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "is no recording: its first line lacks the format"),
        ([{"format": "har"}], "is no recording"),
        ([{**HEAD, "version": 2}], "version 2; this mock reads version 1"),
        ([HEAD], "holds no window"),
        ([HEAD, data(1, b"x")], "line 2: no window is open here: an `open` line must come first"),
        ([HEAD, OPEN, []], "line 3: a line must be a JSON object"),
        ([HEAD, OPEN, {"at": "1"}], "line 3: at must be a number from 0 to .*, got '1'"),
        (
            [HEAD, OPEN, data(0.5, b"x")],
            "line 3: at must not be before that of the line above, got 0.5",
        ),
        ([HEAD, OPEN, {"at": 2, "bytes": "?"}], "line 3: bytes must be base64"),
        ([HEAD, OPEN, {"at": 2, "bytes": 7}], "line 3: bytes must be base64"),
        (
            [HEAD, {"at": 1, "open": {"status": 99}}],
            "line 2: status must be an int from 200 to 599, got 99",
        ),
        ([HEAD, {"at": 1, "open": 7}], "line 2: status must be an int from 200 to 599, got None"),
        (
            [HEAD, {"at": 1, "open": {"status": 200, "content_type": "a\r\nb"}}],
            "content_type must be printable ASCII or null",
        ),
        (
            [HEAD, OPEN, {"at": 2, "end": "planned"}, data(3, b"x")],
            "line 4: no window is open here",
        ),
    ],
)
def test_a_bad_recording_is_refused_with_the_line(
    path: Path, entries: list[object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Recording.load(write(path, *entries))


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([DEEP], "is no recording"),
        ([json.dumps(HEAD), DEEP], "line 2: a line must be a JSON object"),
        ([json.dumps(HEAD), f'{{"at": 1, "open": {DEEP}}}'], "line 2: a line must be a JSON obj"),
        ([json.dumps(HEAD), json.dumps(OPEN), '{"at": 2, "end": ["planned"]}'], "line 3: end must"),
        ([json.dumps(HEAD), json.dumps(OPEN), '{"at": 2, "end": {}}'], "line 3: end must be a str"),
        ([json.dumps(HEAD), f'{{"at": {"9" * 400}, "open": {{}}}}'], "line 2: at must be a number"),
        ([json.dumps(HEAD), f'{{"at": {"9" * 5000}, "open": {{}}}}'], "line 2: a line must be a"),
        ([json.dumps(HEAD), '{"at": 1e400, "open": {}}'], "line 2: at must be a number"),
        ([json.dumps(HEAD), '{"at": NaN, "open": {}}'], "line 2: at must be a number"),
        (
            [json.dumps(HEAD), '{"at": 1, "open": {"status": 200, "content_type": "te\u00fft"}}'],
            "line 2: content_type must be",
        ),
    ],
)
def test_a_hostile_recording_is_refused_with_the_line(
    path: Path, lines: list[str], said: str
) -> None:
    path.write_text("\n".join([*lines, ""]), "utf-8")
    with pytest.raises(ValueError, match=said):
        Recording.load(path)


def test_a_binary_file_is_no_recording(path: Path) -> None:
    path.write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="is no recording"):
        Mock(recording=path)
