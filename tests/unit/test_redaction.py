"""Redacting the bytes of a response, whole event by whole event."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming.recording.redaction import Redactor

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
    return redacted_by(Redactor(key, secrets), stream)


def redacted_by(redactor: Redactor, stream: bytes) -> bytes:
    pieces = redactor.feed(stream, 0.0) + redactor.end()
    return b"".join(piece for _, piece in pieces)


def body_redacted(body: bytes, *known: str) -> bytes:
    """Redact a response that is no event stream."""
    redactor = Redactor(b"key", lambda: known)
    redactor.begin(is_stream=False)
    return redacted_by(redactor, body)


def illegible(text: bytes) -> bytes:
    return re.sub(rb"[a-zA-Z\x80-\xff]", b"x", re.sub(rb"[0-9]", b"0", text))


def decoded(stream: bytes) -> list[dict[str, Any]]:
    texts = [line.removeprefix(b"data:") for line in stream.splitlines() if line]
    return [json.loads(text)["data"] for text in texts]


# --- identifying values ---------------------------------------------------------------------------


def test_replace_ids_and_serials_and_nothing_else() -> None:
    [found] = decoded(redacted(event()))
    [serial] = found["envoy_serial_number"]
    assert found["pv_power"] == 4210
    assert found["system_id"] != 1765
    assert len(str(found["system_id"])) == 4
    assert serial != SERIAL
    assert len(serial) == 12


def test_keep_a_power_that_equals_the_id() -> None:
    [found] = decoded(redacted(event(pv_power=1765)))
    assert found["pv_power"] == 1765


def test_give_the_same_value_the_same_pseudonym_in_every_form() -> None:
    first, second = decoded(redacted(event() + event(system_id="1765", serials=SERIAL)))
    assert str(first["system_id"]) == second["system_id"]
    assert first["envoy_serial_number"] == [second["envoy_serial_number"]]


def test_give_another_recording_other_pseudonyms() -> None:
    assert redacted(event(), b"one") != redacted(event(), b"two")


def test_keep_the_form_of_a_number() -> None:
    [found] = decoded(redacted(b'data:{"data":{"system_id":-1.5e3}}\n\n'))
    assert isinstance(found["system_id"], float)
    assert found["system_id"] != -1500.0


@pytest.mark.parametrize(
    ("value", "gone"),
    [
        ('{"name":"Jane Doe","phone":"5551234"}', ["Jane", "Doe", "5551234", "name", "phone"]),
        ('{"5551234":{"pv":1765}}', ["5551234", "1765"]),
        ('[["11112222"],["33334444"]]', ["11112222", "33334444"]),
        ('["12]345678","99887766"]', ["12", "345678", "99887766"]),
        ('[{"a":["1219"]},"7788"],"x":[{"address":"9900"}]', ["1219", "7788", "9900"]),
        ('"山田太郎"', ["山", "田", "太", "郎"]),
        (r'"\u5c71\u7530\ud83d\ude00"', [r"\u5c71", r"\u7530", r"\ud83d\ude00"]),
        (r'"a\"Jane\\"', ["Jane"]),
        ('\ndata:\r\n:pv\rdata:"Jane"', ["Jane"]),
    ],
)
@pytest.mark.parametrize("name", ["owner", "user_2", "the Address", r"own\u0065r", r"a\"serial"])
def test_replace_everything_under_an_identifying_field(
    value: str, gone: list[str], name: str
) -> None:
    stream = f'data:{{"pv_power":4210,"{name}"  :{value}}}\n\n'.encode()
    found = redacted(stream)
    assert len(found) == len(stream)
    text = found.decode()
    assert text.startswith(f'data:{{"pv_power":4210,"{name}"  :')
    assert [each for each in gone if each in text.partition("  :")[2]] == []
    assert re.sub("[^\r\n]", "", text) == re.sub("[^\r\n]", "", stream.decode())


@pytest.mark.parametrize(
    "value", ["null", "[true,false]", "[]", '{"":[],"-":{}}', "NaN", '[{}, [":,]}\\n"]]']
)
@pytest.mark.parametrize(
    "around",
    ['{"owner":%s,"pv":"a1"}', '[{"x":{"owner" : %s\r\n},"pv":"a1"}]', '{"owner":%s}\n\ndata:"a1"'],
)
def test_keep_punctuation_and_what_comes_after(value: str, around: str) -> None:
    stream = f"data:{around % value}\n\n".replace("\r\n}", "\r\ndata:}").encode()
    assert redacted(stream) == stream


def test_keep_a_field_whose_value_looks_like_an_identifying_name() -> None:
    stream = rb'data:{"note":"the \"owner\": I","x\\":"user","y":["owner",":"]}'
    assert redacted(stream + b"\n\n") == stream + b"\n\n"


@pytest.mark.parametrize(
    ("value", "pseudonym"),
    [
        (b"M\xfcller", rb"[A-Z]\xff[a-z]{4}"),
        (b"\xe5\xb1\xb1 \xc3\xa4\xf0\x9f\x98\x80", rb"[\xe4\xe5].. [\xc4\xc5].\xf0..."),
        (rb"\n\u0041\u0022\/", rb"\\n\\u4e[0-9a-f]{2}\\u4e[0-9a-f]{2}\\/"),
        (rb"\ud83d\ude00\u00E4", rb"(\\u4e[0-9a-f]{2}){3}"),
    ],
)
def test_replace_characters_beyond_ascii_in_as_many_bytes(value: bytes, pseudonym: bytes) -> None:
    found = redacted(b'data:{"owner":"%b"}\n\n' % value)
    assert re.fullmatch(rb'data:{"owner":"%b"}\n\n' % pseudonym, found, re.DOTALL)
    assert len(found) == len(value) + 19


class Number(str):
    """A number as it was written."""


def leaves(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


def parsed(stream: bytes) -> Any:
    text = re.sub(rb"(?m)^data:", b"", stream.replace(b"\r", b"\n"))
    return json.loads(text, object_pairs_hook=list, parse_int=Number, parse_float=Number)


IDENTIFYING = re.compile("serial|system_?id|email|user|owner|address", re.IGNORECASE)
NAMES = st.text().filter(lambda name: not IDENTIFYING.search(name))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["pv", "x", "y"]), JSON),
    st.sampled_from(["system_id", "Serials", "e_mail_or_EMAIL", "user", "owner", "address"]),
    JSON,
    st.sampled_from([None, 1]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_replace_each_character_by_one_of_its_kind(
    others: dict[str, Any], name: str, value: object, indent: int | None, newline: str
) -> None:
    text = json.dumps([others, {name: value}, others], ensure_ascii=False, indent=indent)
    stream = ("data:" + text.replace("\n", f"{newline}data:") + newline * 2).encode()
    found = redacted(stream)
    assert len(found) == len(stream)
    [before, [[same_name, hidden]], after] = parsed(found)
    [others_before, [[_, old]], _] = parsed(stream)
    assert before == after == others_before
    assert same_name == name
    for was, now in zip(leaves(old), leaves(hidden), strict=True):
        assert type(was) is type(now)
        if not isinstance(was, str):
            assert was is now
            continue
        for old_char, new_char in zip(was, now, strict=True):
            is_hidden = old_char.isdigit() if isinstance(was, Number) else old_char.isalnum()
            if is_hidden or not old_char.isascii():
                assert old_char != new_char
                assert len(old_char.encode()) == len(new_char.encode())
                assert old_char.isascii() or new_char.isalpha()
            elif old_char >= " ":  # others are escape sequences
                assert old_char == new_char


@given(st.dictionaries(st.sampled_from(["owner", "pv"]), JSON))
def test_keep_an_event_with_escape_sequences_readable(data: dict[str, Any]) -> None:
    stream = b"data:" + json.dumps(data).encode() + b"\n\n"
    found = redacted(stream)
    assert len(found) == len(stream)
    read = json.loads(found.removeprefix(b"data:"))
    assert read.keys() == data.keys()
    assert read.get("pv") == data.get("pv")


def test_replace_a_value_that_spans_data_lines() -> None:
    stream = b'data:{"data":{"envoy_serial_number":\ndata: ["121900000001"]}}\n\n'
    assert SERIAL.encode() not in redacted(stream)
    assert len(redacted(stream)) == len(stream)
    assert redacted(stream).startswith(b'data:{"data":{"envoy_serial_number":\ndata: ["')


# --- what cannot be parsed ------------------------------------------------------------------------

BROKEN = [
    b'data:{"pv_power":1,"envoy_serial_number":["7777","8888"\n\n',
    b'data:{"note":"abc, "owner":"Jane"}\n\n',
    b'data:{"owner":Jane}\n\n',
    b"data:[DONE] 12\n\n",
    b'data:{"owner":"Jane\ndata:Doe"}\n\n',
    b'data:{"owner":["Jane"\r\n\r\n',
    b'"owner":"Jane"\n\n',
    b"<p>Jane</p>\n\n",
    b'data:"a1"\nJane: Doe\n\n',
    b'data:"a1"\n: owner Jane\n\n',
    b'data:"a1"\nid:system_id=1765\n\n',
    b"data:" + b"[" * 100_000 + b"\n\n",
    b"data:" + b"9" * 10_000 + b"\n\n",
]


@pytest.mark.parametrize("broken", BROKEN)
def test_make_an_event_illegible_that_cannot_be_parsed(broken: bytes) -> None:
    assert redacted(event() + broken + event()) == (
        redacted(event()) + illegible(broken) + redacted(event())
    )


def test_make_an_event_illegible_that_the_end_cuts_off() -> None:
    rest = b'data:{"envoy_serial_number":["1219'
    assert redacted(event() + rest) == redacted(event()) + illegible(rest)


@pytest.mark.parametrize(
    "whole",
    [b"\xef\xbb\xbf: still here\n\n", b"data:\n\n", b'id:4\nevent:a\nretry:5\ndata:"b"\n\n'],
)
def test_keep_comments_and_known_fields(whole: bytes) -> None:
    assert redacted(whole) == whole


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "around",
    [
        b'data:{"error":{"message":"%b is invalid"}}\n\n',
        b'data:{"%b":1}\n\n',
        b": hello %b\n\n",
        b'event: %b\nid: %b\ndata:"a1"\n\n',
    ],
)
@pytest.mark.parametrize(
    "spelled", [b"s3cret-Token", b"s3cret%2DToken", rb"\u0073\u0033cret-Token"]
)
def test_replace_an_echoed_secret_anywhere(around: bytes, spelled: bytes) -> None:
    stream = around.replace(b"%b", spelled)
    found = redacted(stream)
    pattern = re.escape(around).replace(b"%b", b".{%d}" % len(spelled))
    assert re.fullmatch(pattern, found)
    assert spelled not in found


@pytest.mark.parametrize(
    "spelled", ["s3cret/T\xf6ken", "s3cret%2FT%c3%b6ken", r"s3cret\/T\u00f6ken", "s3cret/T\xf6k"]
)
def test_replace_a_secret_however_it_is_spelled(spelled: str) -> None:
    redactor = Redactor(b"key", lambda: ("", "s3cret/T\xf6ken", "half-way\udc80"))
    found = redactor.text(f"<{spelled}")
    assert found[0] == "<"
    assert len(found.encode()) == len(spelled.encode()) + 1
    assert "s3cret" not in found
    assert "ken" not in found


@pytest.mark.parametrize("longer", ["the-tokens", "my.the-token", "a.the-token.b"])
@pytest.mark.parametrize("order", [1, -1])
def test_leave_nothing_of_a_secret_that_holds_another(longer: str, order: int) -> None:
    known = (longer, "the-token")[::order]
    found = Redactor(b"key", lambda: known).text(longer)
    assert all(was != now for was, now in zip(longer, found, strict=True) if was.isalnum())


def test_keep_text_of_less_than_eight_characters() -> None:
    body = b'{"message":"API key is missing"}'
    assert body_redacted(body, "key", "missing", "") == body
    assert body_redacted(body, "API key is missing") != body


# --- error bodies ---------------------------------------------------------------------------------


def test_redact_a_body_as_a_whole_at_its_end() -> None:
    redactor = Redactor(b"key", secrets)
    redactor.begin(is_stream=False)
    assert redactor.feed(b'{"code":1765,\n\n"was":"s3cret-', 1.0) == []
    assert redactor.feed(b'Token","system_id":1765}', 2.0) == []
    (first, begin), (second, end) = redactor.end()
    assert (first, second) == (1.0, 2.0)
    assert re.fullmatch(rb'{"code":1765,\n\n"was":"[a-z][1-9][a-z]{4}-', begin)
    assert re.fullmatch(rb'[A-Z][a-z]{4}","system_id":[1-9]{4}}', end)
    assert b"1765" not in end
    assert redactor.end() == []
    redactor.begin(is_stream=True)
    assert redacted_by(redactor, b'data:"a1"\n\n') == b'data:"a1"\n\n'


@pytest.mark.parametrize(
    "body", [b"<p>Jane, 1765</p>", b'{"owner":"Jane"', b'data:{"code":473}\n\n']
)
def test_make_a_body_illegible_that_cannot_be_parsed(body: bytes) -> None:
    assert body_redacted(body, "Jane") == illegible(body)


def test_keep_a_body_without_identifying_values() -> None:
    for body in (b'{"error":{"code":461,"details":[{}]}}', b"", b" \r\n"):
        assert body_redacted(body) == body


# --- sizes and cuts -------------------------------------------------------------------------------


def test_return_an_event_as_soon_as_its_blank_line_is_there() -> None:
    redactor = Redactor(b"key", secrets)
    assert redactor.feed(b"\n\n", 1.0) == [(1.0, b"\n\n")]
    assert redactor.feed(b"id:a\n", 2.0) == []
    assert redactor.feed(b"\nid:b", 3.0) == [(2.0, b"id:a\n"), (3.0, b"\n")]
    assert redactor.end() == [(3.0, b"xx:x")]
    assert redactor.end() == []


MANY = 500_000


@pytest.mark.parametrize(
    ("begin", "unit"),
    [
        (b'data:{"x":"', b"serial"),
        (b'data:{"x":"', b"\\u"),
        (b'data:{"x":"', b'\\"'),
        (b"data:{", b'"serial":['),
        (b"data:{", b'"serial" '),
        (b'data:{"serial"', b" "),
        (b'data:{"serial":', b"["),
        (b'data:{"serial":"', b"a"),
        (b'data:{"serial":', b"1e"),
        (b"data:", b"\n:"),
        (b"", b"a"),
        (b"", b"\r\n:"),
        (b'data:{"x":"', b"\\n"),
        (b'data:{"x":"', b"%41"),
        (b'data:{"x":"', b"s3cret-T"),
        (b'data:{"x":"', b"s3cret-Token"),
        (b"data:[", b'"\\n",'),
        (b"data:{", b'"serial":"a",'),
    ],
)
@pytest.mark.parametrize("end", [b'"}\n\n', b""])
def test_redact_hostile_events_in_linear_time(begin: bytes, unit: bytes, end: bytes) -> None:
    # Quadratic time would be minutes or hours, so nothing is measured.
    stream = begin + unit * (MANY // len(unit)) + end
    assert len(redacted(stream)) == len(stream)


def test_redact_an_event_that_comes_byte_by_byte_in_linear_time() -> None:
    redactor = Redactor(b"key", secrets)
    stream = b'data:{"x":"' + b"a" * 200_000 + b'"}\n\n'
    pieces = [piece for byte in stream for piece in redactor.feed(bytes([byte]), 0.0)]
    assert b"".join(piece for _, piece in pieces) == stream


LIMIT = 40


def small() -> Redactor:
    return Redactor(b"key", secrets, LIMIT)


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_make_an_event_illegible_that_is_too_large(newline: bytes) -> None:
    event = b'data:{"pv_power":4210,"Note":"a\xc3\xa4 1234"}'
    assert len(event) == LIMIT
    assert redacted_by(small(), event + newline * 2) == event + newline * 2
    larger = event[:-1] + b", }" + newline + b":9" + newline * 2
    assert redacted_by(small(), larger + event + newline * 2) == (
        illegible(larger) + event + newline * 2
    )


def test_hold_no_event_that_never_ends() -> None:
    redactor = small()
    written = b""
    for number in range(1000):
        written += b"".join(piece for _, piece in redactor.feed(b":keep alive\r\n", number))
        assert len(written) >= 13 * (number + 1) - LIMIT - 4
    assert written.startswith(b":xxxx xxxxx\r\n:xxxx")
    assert redactor.end() == [(999.0, b"\r\n")]
    assert redacted_by(redactor, b'data:"a1"\n\n') == b'data:"a1"\n\n'


def test_make_the_rest_of_a_large_event_illegible_however_large() -> None:
    redactor = small()
    redactor.feed(b":" * (LIMIT + 1) + b"\n", 1.0)
    end = b'data:{"owner":"Jane"' + b" " * (LIMIT - 20) + b"\n\n"
    assert redacted_by(redactor, end).endswith(b'xxxx:{"xxxxx":"xxxx"' + b" " * 20 + b"\n\n")


def test_make_the_rest_of_a_large_event_illegible_at_the_end() -> None:
    redactor = small()
    redactor.feed(b'data:{"owner":["' + b"7" * LIMIT, 1.0)
    assert redacted_by(redactor, b'Jane","Joe"]}') == b'xxxx","xxx"]}'
    assert redacted_by(redactor, b'data:"a1"\n\n') == b'data:"a1"\n\n'


def test_hold_up_to_a_mebibyte_by_default() -> None:
    largest = b'data:"' + b"a" * (1_048_576 - 7) + b'"'
    assert redacted(largest + b"\n\n") == largest + b"\n\n"
    assert redacted(largest + b" \n\n") == illegible(largest) + b" \n\n"


WIRE = st.lists(
    st.sampled_from(
        [
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"data:",
            b":",
            b'{"owner":',
            b'["Jane"',
            b'"pv":"a1"',
            b",",
            b"]}",
            b"s3cret-Token",
            b"s3cret",
            b"\xe5\xb1\xb1",
            b"\xef\xbb\xbf",
            b"\\",
        ]
    ),
    max_size=40,
).map(b"".join)


@given(WIRE, st.lists(st.integers(1, 9), max_size=60))
def test_redact_alike_however_the_bytes_were_cut(stream: bytes, cuts: list[int]) -> None:
    redactor, pieces, start = small(), [], 0
    for at, cut in enumerate([*cuts, len(stream)]):
        chunk, start = stream[start : start + cut], start + cut
        pieces += redactor.feed(chunk, float(at))
    pieces += redactor.end()
    found = b"".join(piece for _, piece in pieces)
    assert found == redacted_by(small(), stream)
    assert len(found) == len(stream)
    assert b"s3cret-Token" not in found
    assert [at for at, _ in pieces] == sorted(at for at, _ in pieces)


@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=1, max_size=6),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_keep_the_pieces_in_which_bytes_arrived(newlines: list[bytes], cuts: list[int]) -> None:
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
    pieces += redactor.end()
    assert b"".join(piece for _, piece in pieces) == redacted(stream)
    assert SERIAL.encode() not in redacted(stream)
    lengths: dict[float, int] = {}
    for at_, piece in pieces:
        lengths[at_] = lengths.get(at_, 0) + len(piece)
    assert lengths == {at_: length for at_, length in sent if length}
