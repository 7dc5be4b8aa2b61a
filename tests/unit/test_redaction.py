"""Masking what names a site, whole event by whole event."""

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
    ],
)
@pytest.mark.parametrize("end", [b'"}\n\n', b""])
def test_an_event_costs_no_more_than_its_bytes(begin: bytes, unit: bytes, end: bytes) -> None:
    # To look at each byte once for every other would take minutes or hours: nothing is timed here.
    stream = begin + unit * (MANY // len(unit)) + end
    assert len(redacted(stream)) == len(stream)


def test_a_power_that_happens_to_read_like_the_id_stays() -> None:
    [found] = decoded(redacted(event(pv_power=1765)))
    assert found["pv_power"] == 1765


def test_the_same_value_has_the_same_mask_in_every_form() -> None:
    first, second = decoded(redacted(event() + event(system_id="1765", serials=SERIAL)))
    assert str(first["system_id"]) == second["system_id"]
    assert first["envoy_serial_number"] == [second["envoy_serial_number"]]


def test_another_recording_has_other_masks() -> None:
    assert redacted(event(), b"one") != redacted(event(), b"two")


def test_number_forms_survive() -> None:
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
        ('["1219"},"7788"]', ["1219", "7788"]),
        ('[{"a":["1219"}],"7788"],"9900"]', ["1219", "7788", "9900"]),
        ('"山田太郎"', ["山", "田", "太", "郎"]),
        (r'"\u5c71\u7530\ud83d\ude00"', [r"\u5c71", r"\u7530", r"\ud83d\ude00"]),
        (r'"a\"Jane\\"', ["Jane"]),
        ('"Jane', ["Jane"]),
        ("Jane", ["Jane"]),
        ("1219:7788 truest nullify", ["1219", "7788", "truest", "nullify"]),
        ('\ndata:\r\n:pv\rdata:"Jane"', ["Jane"]),
        ('"Jane\ndata: Doe"', ["Jane", "Doe"]),
    ],
)
@pytest.mark.parametrize("name", ["owner", "user_2", "the Address", r"own\u0065r", r"a\"serial"])
def test_no_value_of_a_field_that_names_is_left(value: str, gone: list[str], name: str) -> None:
    stream = f'data:{{"pv_power":4210,"{name}"  :{value}}}\n\n'.encode()
    masked = redacted(stream)
    assert len(masked) == len(stream)
    text = masked.decode()
    assert text.startswith(f'data:{{"pv_power":4210,"{name}"  :')
    assert [each for each in gone if each in text.partition("  :")[2]] == []
    assert re.sub("[^\r\n]", "", text) == re.sub("[^\r\n]", "", stream.decode())


@pytest.mark.parametrize(
    "value", ["null", "[true,false]", "[]", '{"":[],"-":{}}', "", "-", '[{}, [":,]}\\n"]]']
)
@pytest.mark.parametrize(
    "around",
    ['{"owner":%s,"pv":"a1"}', '[{"x":{"owner" : %s\r\n},"pv":"a1"}]', '{"owner":%s}\n\ndata:"a1"'],
)
def test_what_is_no_name_in_the_value_and_what_comes_after_it_stay(value: str, around: str) -> None:
    stream = f"data:{around % value}\n\n".encode()
    assert redacted(stream) == stream


def test_the_end_of_an_event_ends_a_value_that_does_not_end() -> None:
    masked = redacted(b'data:{"owner":["Jane"\r\n\r\ndata:["a1"]\r\n\r\n')
    assert b"Jane" not in masked
    assert masked.endswith(b'data:["a1"]\r\n\r\n')


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        (b"M\xfcller", rb"[A-Z]\xff[a-z]{4}"),
        (b"\xe5\xb1 \xe5\xb1\xb1\xb1", rb"\xff\xff \xff\xff\xff\xff"),
        (rb"\u \q \u12 \uD800x", rb"\\u \\q \\u[1-9]{2} \\u4e[0-7][0-9a-f][a-z]"),
        (rb"\u0030\u0041\u0022", rb"\\u003[1-9]\\u00(4[2-9a-f]|5[0-9a])\\u0022"),
        (rb"\ud83d\ude00\u00e4", rb"\\ud840\\udc[0-7].\\u01[0-7]."),
    ],
)
def test_what_is_no_ascii_takes_as_many_bytes(value: bytes, mask: bytes) -> None:
    masked = redacted(b'data:{"owner":"%b"}\n\n' % value)
    assert re.fullmatch(rb'data:{"owner":"%b"}\n\n' % mask, masked)
    assert len(masked) == len(value) + 19


def test_a_line_may_begin_with_a_name() -> None:
    assert b"Jane" not in redacted(b'"owner":"Jane"\n\n')


def test_a_quote_that_is_missing_lets_no_name_through() -> None:
    masked = redacted(b'data:{"note":"abc, "owner":"Jane"}\n\ndata:{"note":"owner","pv":"a"}\n\n')
    assert masked.startswith(b'data:{"note":"abc, "owner":"')
    assert b"Jane" not in masked
    assert masked.endswith(b'"}\n\ndata:{"note":"owner","pv":"a"}\n\n')


def test_a_name_in_a_text_is_none() -> None:
    stream = rb'data:{"note":"the \"owner\": I","email-free":,"x\\":"user","y":["owner",":"]}'
    assert redacted(stream + b"\n\n") == stream + b"\n\n"


def test_other_lines_than_data_are_masked_each_by_itself() -> None:
    stream = (
        b'\xef\xbb\xbfdata:{"owner":\n:{"user":"Jo"\nid:a\ndatabase: "a"\ndata:"Jane","a":"b"}\n\n'
    )
    masked = redacted(stream)
    assert re.fullmatch(
        rb'\xef\xbb\xbfdata:{"owner":\n:{"user":"[A-Z][a-z]"\nid:a\ndatabase: "a"\n'
        rb'data:"[A-Z][a-z]{3}","a":"b"}\n\n',
        masked,
    )
    assert b"Jo" not in masked
    assert b"Jane" not in masked


class Number(str):
    """A number as it was written."""


def leaves(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


def parsed(masked: bytes) -> Any:
    text = re.sub(rb"(?m)^data:", b"", masked.replace(b"\r", b"\n"))
    return json.loads(text, object_pairs_hook=list, parse_int=Number, parse_float=Number)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["pv", "x", "y"]), JSON),
    st.sampled_from(["system_id", "Serials", "e_mail_or_EMAIL", "user", "owner", "address"]),
    JSON,
    st.booleans(),
    st.sampled_from([None, 1]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_every_character_under_a_field_that_names_is_another(
    others: dict[str, Any],
    name: str,
    value: object,
    is_ascii: bool,
    indent: int | None,
    newline: str,
) -> None:
    text = json.dumps([others, {name: value}, others], ensure_ascii=is_ascii, indent=indent)
    stream = ("data:" + text.replace("\n", f"{newline}data:") + newline * 2).encode()
    masked = redacted(stream)
    assert len(masked) == len(stream)
    [before, [[same_name, hidden]], after] = parsed(masked)
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
            else:
                assert old_char == new_char


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
    redactor.hold(b'{"code":1765,"was":"s3cret-', 1.0)
    redactor.hold(b'Token"}', 2.0)
    (first, begin), (second, end) = redactor.held()
    assert (first, second) == (1.0, 2.0)
    assert begin.startswith(b'{"code":1765,"was":"')
    assert not begin.endswith(b"s3cret-")
    assert (len(begin), len(end)) == (27, 7)
    assert end.endswith(b'"}')
    assert redactor.held() == []


def test_a_name_in_an_answer_that_is_no_stream_is_masked() -> None:
    redactor = Redactor(b"key", secrets)
    redactor.hold(b'{"code":1765,\n\n"system_id":\n1765}', 1.0)
    [(_, answer)] = redactor.held()
    assert answer.startswith(b'{"code":1765,\n\n"system_id":\n')
    assert answer.endswith(b"}")
    assert answer.count(b"1765") == 1


def test_what_never_became_an_event_keeps_no_digit_of_a_name() -> None:
    assert b"1219" not in redacted(event() + b'data:{"envoy_serial_number":["1219')


@pytest.mark.parametrize("end", [b"s3cret-T", b"s3", b"s"])
def test_nor_the_beginning_of_a_secret(end: bytes) -> None:
    stream = b'data:{"a":"token of:' + end
    masked = redacted(stream)
    assert len(masked) == len(stream)
    assert masked.startswith(b'data:{"a":"token of:')
    assert not masked.endswith(end.replace(b"3", b"0"))
    redactor = Redactor(b"key", secrets)
    redactor.hold(stream, 0.0)
    [(_, answer)] = redactor.held()
    assert answer.startswith(b'data:{"a":"token of:')
    assert not answer.endswith(end)


LIMIT = 40


def small() -> Redactor:
    return Redactor(b"key", secrets, LIMIT)


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_an_event_that_is_too_large_is_given_up(newline: bytes) -> None:
    event = b'data:{"pv_power":4210,"Note":"a\xc3\xa4 1234"}'
    assert len(event) == LIMIT
    assert redacted_by(small(), event + newline * 2) == event + newline * 2
    given_up = b'xxxx:{"xx_xxxxx":0000,"xxxx":"xxx 0000", }'
    stream = event[:-1] + b", }" + newline + b":9" + newline * 2
    assert redacted_by(small(), stream + event + newline * 2) == (
        given_up + newline + b":0" + newline * 2 + event + newline * 2
    )


def test_one_that_never_ends_is_not_held() -> None:
    redactor = small()
    written = b""
    for number in range(1000):
        written += b"".join(piece for _, piece in redactor.feed(b":keep alive\r\n", number))
        assert len(written) >= 13 * (number + 1) - LIMIT - 4
    assert written.startswith(b":xxxx xxxxx\r\n:xxxx")
    assert redactor.rest() == [(999.0, b"\r\n")]
    assert redacted_by(redactor, b'data:"a1"\n\n') == b'data:"a1"\n\n'


def test_the_end_of_one_that_was_given_up_is_given_up_however_large() -> None:
    redactor = small()
    redactor.feed(b":" * (LIMIT + 1) + b"\n", 1.0)
    end = b'data:{"owner":"Jane"' + b" " * (LIMIT - 20) + b"\n\n"
    assert redacted_by(redactor, end).endswith(b'xxxx:{"xxxxx":"xxxx"' + b" " * 20 + b"\n\n")


def test_the_rest_of_one_that_was_given_up_is_given_up() -> None:
    redactor = small()
    redactor.feed(b'data:{"owner":["' + b"7" * LIMIT, 1.0)
    assert redacted_by(redactor, b'Jane","Joe"]}') == b'xxxx","xxx"]}'
    assert redacted_by(redactor, b'data:"a1"\n\n') == b'data:"a1"\n\n'


def test_up_to_a_mebibyte_is_held_where_nothing_else_is_asked_for() -> None:
    largest = b"data:" + b"a" * (1_048_576 - 5)
    assert redacted(largest + b"\n\n") == largest + b"\n\n"
    assert redacted(largest + b"a\n\n") == b"xxxx:" + b"x" * (1_048_576 - 4) + b"\n\n"


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
def test_it_does_not_matter_how_the_bytes_were_cut(stream: bytes, cuts: list[int]) -> None:
    redactor, pieces, start = small(), [], 0
    for at, cut in enumerate([*cuts, len(stream)]):
        chunk, start = stream[start : start + cut], start + cut
        pieces += redactor.feed(chunk, float(at))
    pieces += redactor.rest()
    masked = b"".join(piece for _, piece in pieces)
    assert masked == redacted_by(small(), stream)
    assert len(masked) == len(stream)
    assert b"s3cret-Token" not in masked
    assert [at for at, _ in pieces] == sorted(at for at, _ in pieces)


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
