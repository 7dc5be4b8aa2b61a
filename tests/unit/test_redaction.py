"""Masking what names a site, whole event by whole event."""

from __future__ import annotations

import json
import re
import string
import time
from typing import Any

import pytest
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


def test_escapes_keep_their_place_and_their_form() -> None:
    stream = b'data:{"owner":"a\\nb\\"c\\\\d\\u00e4e"}\n\n'
    masked = redacted(stream)
    assert re.fullmatch(
        rb'data:\{"owner":"[a-z]\\n[a-z]\\"[a-z]\\\\[a-z]\\u00e4[a-z]"\}\n\n', masked
    )
    assert masked != stream


@given(st.text(string.ascii_letters + string.digits + "-_. äß☃", min_size=200, max_size=400))
def test_a_mask_has_the_length_and_the_kinds_of_what_it_hides(owner: str) -> None:
    stream = "data:" + json.dumps({"owner": owner}, ensure_ascii=False) + "\n\n"
    [mask] = [json.loads(redacted(stream.encode())[5:])["owner"]]
    kinds = [string.ascii_lowercase, string.ascii_uppercase, "123456789"]
    assert len(mask) == len(owner)
    for old, new in zip(owner, mask, strict=True):
        kind = [each for each in kinds if old in each + "0"]
        assert new in kind[-1] if kind else new == old


def test_a_letter_can_become_any_letter() -> None:
    [mask] = re.findall(rb'"owner":"(.*)"', redacted(b'data:{"owner":"%b"}\n\n' % (b"aB" * 1000)))
    assert set(mask[::2]) == set(string.ascii_lowercase.encode())
    assert set(mask[1::2]) == set(string.ascii_uppercase.encode())


def test_nothing_waits_for_more_once_a_blank_line_is_there() -> None:
    redactor = Redactor(b"key", secrets)
    assert redactor.feed(b"\n\n", 1.0) == [(1.0, b"\n\n")]
    assert redactor.feed(b"id:a\n", 2.0) == []
    assert redactor.feed(b"\nid:b", 3.0) == [(2.0, b"id:a\n"), (3.0, b"\n")]
    assert redactor.rest() == [(3.0, b"id:b")]
    assert redactor.rest() == []


def test_a_value_spread_over_data_lines_is_masked() -> None:
    stream = b'data:{"data":{"envoy_serial_number":\ndata: ["121900000001"]}}\n\n'
    assert SERIAL.encode() not in redacted(stream)
    assert len(redacted(stream)) == len(stream)


def test_an_echoed_secret_is_masked_anywhere() -> None:
    stream = b'data:{"error":{"message":"s3cret-Token is invalid"}}\n\n'
    assert b"s3cret-Token" not in redacted(stream)
    assert b" is invalid" in redacted(stream)


@pytest.mark.parametrize(
    "spelled", [b"s3cret/T\xc3\xb6ken", b"s3cret%2FT%c3%b6ken", rb"s3cret\/T\u00f6ken"]
)
def test_it_is_masked_however_it_is_spelled(spelled: bytes) -> None:
    redactor = Redactor(b"key", lambda: ("", "s3cret/T\xf6ken", "half\udc80"))
    masked = redactor.plain(b"<%b> & <%b>" % (spelled, spelled))
    first, second = masked.split(b" & ")
    assert first == second
    assert len(first) == len(spelled) + 2
    assert b"s3cret" not in masked
    assert b"ken" not in masked
    assert redactor.plain(b"<half\xed\xb2\x80>")[:5] != b"<half"


@pytest.mark.parametrize("longer", ["tokens", "my.token", "a.token.b"])
@pytest.mark.parametrize("order", [1, -1])
def test_nothing_is_left_of_a_secret_that_holds_another(longer: str, order: int) -> None:
    known = (longer, "token")[::order]
    alone = Redactor(b"key", lambda: (longer,))
    assert Redactor(b"key", lambda: known).plain(longer.encode()) == alone.plain(longer.encode())


def test_an_answer_that_is_no_stream_comes_whole_and_only_once() -> None:
    redactor = Redactor(b"key", secrets)
    redactor.hold(b'{"system_id":1765,"was":"s3cret-', 1.0)
    redactor.hold(b'Token"}', 2.0)
    (first, begin), (second, end) = redactor.held()
    assert (first, second) == (1.0, 2.0)
    assert begin.startswith(b'{"system_id":1765,"was":"')
    assert not begin.endswith(b"s3cret-")
    assert (len(begin), len(end)) == (32, 7)
    assert end.endswith(b'"}')
    assert redactor.held() == []


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
