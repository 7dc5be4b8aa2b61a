"""Masking what names a site, whole event by whole event."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming.redaction import Redactor

SERIAL = "121900000001"


def secrets() -> tuple[str, ...]:
    return ("s3cret-Token",)


def event(pv_power: int = 4210, system_id: object = 1765, serials: object = None) -> bytes:
    data = {
        "system_id": system_id,
        "envoy_serial_number": [SERIAL] if serials is None else serials,
        "pv_power": pv_power,
    }
    return b"data:" + json.dumps({"data": data, "type": "response"}).encode() + b"\n\n"


def redacted(stream: bytes, key: bytes = b"key") -> bytes:
    redactor = Redactor(key, secrets)
    pieces = redactor.feed(stream, 0.0) + redactor.rest()
    return b"".join(piece for _, piece in pieces)


def decoded(stream: bytes) -> list[dict[str, Any]]:
    texts = [line.removeprefix(b"data:") for line in stream.splitlines() if line]
    return [json.loads(text)["data"] for text in texts]


def test_ids_and_serials_are_masked_and_nothing_else() -> None:
    [found] = decoded(redacted(event()))
    [serial] = found["envoy_serial_number"]
    assert found["pv_power"] == 4210
    assert found["system_id"] != 1765
    assert len(str(found["system_id"])) == 4
    assert serial != SERIAL
    assert len(serial) == 12


def test_serials_are_masked_where_their_array_never_ends() -> None:
    masked = redacted(
        b'data:{"pv_power":1,"envoy_serial_number":["%b","%b"\n\n' % ((b"7" * 12,) * 2)
    )
    assert b"7" * 12 not in masked
    assert masked.startswith(b'data:{"pv_power":1,"envoy_serial_number":["')


def test_arrays_that_never_end_cost_no_more_than_their_bytes() -> None:
    # Looking for the end of each of them anew would take a minute.
    stream = b"data:{" + b'"serial":[' * 60_000 + b"\n\n"
    began = time.process_time()
    assert len(redacted(stream)) == len(stream)
    assert time.process_time() - began < 3


def test_a_power_that_happens_to_read_like_the_id_stays() -> None:
    [found] = decoded(redacted(event(pv_power=1765)))
    assert found["pv_power"] == 1765


def test_the_same_value_has_the_same_mask_in_every_form() -> None:
    first, second = decoded(redacted(event() + event(system_id="1765", serials=SERIAL)))
    assert str(first["system_id"]) == second["system_id"]
    assert first["envoy_serial_number"] == [second["envoy_serial_number"]]


def test_another_recording_has_other_masks() -> None:
    assert redacted(event(), b"one") != redacted(event(), b"two")


def test_escapes_and_number_forms_survive() -> None:
    stream = b'data:{"data":{"owner":"J\\u00fcrg \\"x\\"","system_id":-1.5e3}}\n\n'
    [found] = decoded(redacted(stream))
    assert isinstance(found["owner"], str)
    assert "\u00fc" in found["owner"]
    assert isinstance(found["system_id"], float)
    assert found["system_id"] != -1500.0


def test_a_value_spread_over_data_lines_is_masked() -> None:
    stream = b'data:{"data":{"envoy_serial_number":\ndata: ["121900000001"]}}\n\n'
    assert SERIAL.encode() not in redacted(stream)
    assert len(redacted(stream)) == len(stream)


def test_an_echoed_secret_is_masked_anywhere() -> None:
    stream = b'data:{"error":{"message":"s3cret-Token is invalid"}}\n\n'
    assert b"s3cret-Token" not in redacted(stream)
    assert b" is invalid" in redacted(stream)


def test_what_never_became_an_event_keeps_no_digit_of_a_name() -> None:
    assert b"1219" not in redacted(event() + b'data:{"envoy_serial_number":["1219')


@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=1, max_size=6),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_any_chunking_gives_the_same_bytes_in_the_same_pieces(
    newlines: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(
        event(pv_power=index).replace(b"\n", newline) for index, newline in enumerate(newlines)
    )
    redactor = Redactor(b"key", secrets)
    sent, pieces = [], []
    start = 0
    for at, cut in enumerate([*cuts, len(stream)]):
        chunk, start = stream[start : start + cut], start + cut
        sent.append((float(at), len(chunk)))
        pieces += redactor.feed(chunk, float(at))
    pieces += redactor.rest()
    assert b"".join(piece for _, piece in pieces) == redacted(stream)
    assert SERIAL.encode() not in redacted(stream)
    lengths: dict[float, int] = {}
    for at_, piece in pieces:
        lengths[at_] = lengths.get(at_, 0) + len(piece)
    assert lengths == {at_: length for at_, length in sent if length}
