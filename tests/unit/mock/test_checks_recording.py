"""Recordings of the suite: in the format, and with the masks, of the library's own."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enphase_streaming.recording.redaction import Redactor as OverlayRedactor
from enphase_streaming_mock import Recording
from enphase_streaming_mock.checks.recording import reserve, write
from enphase_streaming_mock.checks.redaction import Redactor
from enphase_streaming_mock.checks.window import Window

STARTED = datetime(2026, 6, 21, 12, tzinfo=UTC)
NAMING = {
    "system_id": 8_901_765,
    "envoy_serial_number": ["121900000001", "121900000002"],
    "owner_email": "jo.doe@home.example",
    "Address": "7 Hill Road",
    "user": "jo",
}
KEPT = {"pv_power": 4_210, "battery_mode": "Savings Mode", "grid_power": -8_901_765}
EVENT = b"data:" + json.dumps({"data": NAMING | KEPT}).encode() + b"\n\n"


def window(**fields: Any) -> Window:
    made = Window(45, 1765, status=200, kind="text/event-stream", content_type="text/event-stream")
    for name, value in {"answered": 0.25, "elapsed": 45.0, "end": "closed", **fields}.items():
        setattr(made, name, value)
    return made


def masked(body: bytes, *secrets: str, is_stream: bool = True) -> bytes:
    return b"".join(
        data for _, data in Redactor(secrets).masked([(0.0, body)], is_stream=is_stream)
    )


def test_what_names_a_site_is_masked_in_its_length_and_the_rest_is_kept() -> None:
    body = masked(EVENT)
    assert len(body) == len(EVENT)
    reading = json.loads(body.removeprefix(b"data:"))["data"]
    assert {name: reading[name] for name in KEPT} == KEPT
    for name, value in NAMING.items():
        assert reading[name] != value
        assert re.sub(r"\w", "x", str(reading[name])) == re.sub(r"\w", "x", str(value))


def test_the_same_value_has_the_same_mask_in_one_recording_and_another_in_the_next() -> None:
    twice = masked(EVENT * 2)
    assert twice == twice[: len(EVENT)] * 2
    assert twice[: len(EVENT)] != masked(EVENT)
    redactor = Redactor([])
    assert redactor.mask(b"8901765") == redactor.mask(b'"8901765"').strip(b'"')


def test_secrets_are_masked_wherever_they_stand() -> None:
    body = b'data:{"note":"planted-token"}\n\n: planted-token\n\n'
    assert b"planted" not in masked(body, "planted-token")
    assert b"planted" not in masked(b"<p>planted-token", "planted-token", is_stream=False)


def test_what_never_became_an_event_keeps_no_digit_and_an_error_keeps_its_own() -> None:
    assert masked(EVENT + b'data:{"system_i": 176')[len(EVENT) :] == b'data:{"system_i": 000'
    assert masked(b'{"code":461}', is_stream=False) == b'{"code":461}'


def test_pieces_and_times_stay_what_they_were() -> None:
    cuts = [(1.0, EVENT[:40]), (1.5, EVENT[40:41]), (2.0, EVENT[41:])]
    found = Redactor([]).masked(cuts, is_stream=True)
    assert [(at, len(data)) for at, data in found] == [(at, len(data)) for at, data in cuts]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('a1\\ é山"'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a1é"), inner, max_size=3),
    max_leaves=6,
)


def characters(body: bytes) -> list[bytes]:
    return re.findall(rb"\\u.{4}|\\.|[\x80-\xff]+|.", body, re.DOTALL)


def hidden(body: bytes, masked: bytes) -> list[bool]:
    pairs = zip(characters(body), characters(masked), strict=True)
    return [here != there for here, there in pairs]


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from([*NAMING, *KEPT, "x"]), JSON),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.booleans(),
)
def test_the_library_masks_the_same_characters(
    reading: dict[str, Any], newline: bytes, is_ascii: bool
) -> None:
    text = json.dumps(reading, indent=1, ensure_ascii=is_ascii).encode()
    body = b"data: " + text.replace(b"\n", newline + b"data:") + newline * 2
    pieces = OverlayRedactor(bytes(32), lambda: ()).feed(body, 0.0)
    assert hidden(body, masked(body)) == hidden(body, b"".join(piece for _, piece in pieces))


def test_a_window_is_written_as_it_is_played(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    with reserve(path) as file:
        write(file, window(chunks=[(0.5, EVENT), (1.5, EVENT[:9])]), STARTED)
    (played,) = Recording.load(path).windows
    assert (played.status, played.content_type) == (200, "text/event-stream")
    steps = [(step.due, step.data, step.end) for step in played.steps]
    assert [(due, data) for due, data, _ in steps[:2]] == [(0.25, EVENT), (1.25, EVENT[:9])]
    assert steps[2][0] == 44.75


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "planned"),
        ({"elapsed": 43.0}, "planned"),
        ({"elapsed": 42.9}, "early"),
        ({"end": "open", "elapsed": 50.0}, "planned"),
        ({"end": "broken"}, "dropped"),
        ({"end": "silent"}, "stalled"),
        ({"end": "stopped"}, "stopped"),
        ({"chunks": []}, "stalled"),
        ({"status": 461}, "error"),
        ({"kind": "text/html"}, "not_a_stream"),
    ],
)
def test_its_end_is_told_in_the_words_of_the_format(
    tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    with reserve(tmp_path / "site.jsonl") as file:
        write(file, window(**{"chunks": [(0.5, EVENT)], **fields}), STARTED)
    *_, last = (tmp_path / "site.jsonl").read_text("utf-8").splitlines()
    assert json.loads(last)["end"] == reason


def test_in_a_folder_the_file_is_named_after_the_time(tmp_path: Path) -> None:
    with reserve(tmp_path) as file:
        assert re.fullmatch(r"live_data-\d{8}T\d{6}Z\.jsonl", Path(file.name).name)


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"--record: .*none/site\.jsonl cannot be written: No such"
    ):
        reserve(tmp_path / "none" / "site.jsonl")
