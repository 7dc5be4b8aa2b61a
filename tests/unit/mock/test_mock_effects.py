"""What each fault does, step by step; the contract tests see it from outside."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any

import pytest

from enphase_streaming_mock import Wire
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.faults import Fault, FaultName
from enphase_streaming_mock.faults.answer import AnswerFault, endless
from enphase_streaming_mock.faults.fault import DocumentedError
from enphase_streaming_mock.faults.stream import Scene, StreamFault
from enphase_streaming_mock.gateway.responses import EVENT_STREAM, HTML, JSON, Answer

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
DATA = b'data:{"data":{"pv_power":30},"timestamp_utc":"",'
EVENT = DATA + b'"type":"response"}\n\n'
COMMENT = b":keep-alive\n\n"
FIRST, KEPT_ALIVE, SECOND, THIRD = (
    Step(0, EVENT, 1),
    Step(0.5, COMMENT),
    Step(1, EVENT, 1),
    Step(2, EVENT, 1),
)
LAST = Step(3, end=End.CLEAN)
STREAM = [FIRST, KEPT_ALIVE, SECOND, THIRD, LAST]


def spoiled(name: FaultName, *stream: Step, wire: Wire | None = None, **told: Any) -> list[Step]:
    scene = Scene(wire or Wire(), NOON, 3.0, lambda moment: None)
    return list(islice(spoil(Fault(name, **told), iter(stream or STREAM), scene), 99))


def spoil(fault: Fault, steps: Iterator[Step], scene: Scene) -> Iterator[Step]:
    assert isinstance(fault.effect, StreamFault)
    return fault.effect.apply(steps, scene)


def answer_of(fault: Fault, wire: Wire | None = None) -> Answer | End | None:
    assert isinstance(fault.effect, AnswerFault)
    return fault.effect.answer(wire or Wire(), NOON)


@pytest.mark.parametrize(
    ("name", "told", "struck"),
    [
        ("reset", {}, [Step(1, end=End.RESET)]),
        ("drop", {}, [Step(1, end=End.CLOSE)]),
        ("close", {}, [Step(1, end=End.CLEAN)]),
        (
            "incomplete-chunk",
            {},
            [
                Step(
                    1, f"{len(EVENT):x}\r\n".encode() + EVENT[: len(EVENT) // 2], 0, End.CLOSE, True
                )
            ],
        ),
        ("bad-chunk-size", {}, [Step(1, b"size?\r\n" + EVENT + b"\r\n", 0, End.CLOSE, True)]),
        ("truncated-event", {}, [Step(1, EVENT[: len(EVENT) // 2], 0, End.CLEAN)]),
        ("silence", {}, []),
        (
            "comments",
            {"seconds": 0.5},
            [*(Step(due, COMMENT) for due in (1, 1.5, 2, 2.5)), LAST],
        ),
        ("malformed-json", {}, [Step(1, DATA + b'"type":}\n\n', 1), THIRD, LAST]),
        (
            "invalid-utf8",
            {},
            [Step(1, DATA + b'"type":"resp\xff\xc3\xa9\xc3onse"}\n\n', 1), THIRD, LAST],
        ),
    ],
)
def test_a_fault_strikes_when_the_next_event_would_be_sent(
    name: FaultName, told: dict[str, Any], struck: list[Step]
) -> None:
    assert spoiled(name, after_events=1, **told) == [FIRST, KEPT_ALIVE, *struck]


@pytest.mark.parametrize(
    ("name", "struck"),
    [
        ("drop", [Step(3, end=End.CLOSE)]),
        ("incomplete-chunk", [Step(3, b"9\r\ndata", 0, End.CLOSE, True)]),
        ("bad-chunk-size", [Step(3, b"size?\r\ndata:{}\n\n\r\n", 0, End.CLOSE, True)]),
        ("truncated-event", [Step(3, b"data", 0, End.CLEAN)]),
        ("malformed-json", [LAST]),
        ("oversized-event", [LAST]),
    ],
)
def test_at_the_end_of_a_stream_there_is_no_event_left_to_spoil(
    name: FaultName, struck: list[Step]
) -> None:
    assert spoiled(name, after_events=3) == [FIRST, KEPT_ALIVE, SECOND, THIRD, *struck]


def test_a_fault_strikes_at_once_by_default() -> None:
    assert spoiled("drop", KEPT_ALIVE, SECOND) == [KEPT_ALIVE, Step(1, end=End.CLOSE)]


@pytest.mark.parametrize(
    ("after_bytes", "steps"),
    [
        (1, [Step(0, EVENT[:1]), Step(0, end=End.CLOSE)]),
        (len(EVENT) - 1, [Step(0, EVENT[:-1]), Step(0, end=End.CLOSE)]),
        (len(EVENT), [FIRST, Step(0.5, end=End.CLOSE)]),
        (len(EVENT) + 1, [FIRST, Step(0.5, COMMENT[:1]), Step(0.5, end=End.CLOSE)]),
        (
            len(EVENT + COMMENT) + 1,
            [FIRST, KEPT_ALIVE, Step(1, EVENT[:1]), Step(1, end=End.CLOSE)],
        ),
        (len(3 * EVENT + COMMENT) + 1, STREAM),
    ],
)
def test_a_fault_may_strike_at_an_exact_byte(after_bytes: int, steps: list[Step]) -> None:
    assert spoiled("drop", after_bytes=after_bytes) == steps


@pytest.mark.parametrize("name", ["incomplete-chunk", "truncated-event"])
def test_the_rest_of_a_cut_event_is_cut_again(name: FaultName) -> None:
    first, second = spoiled(name, after_bytes=10)
    assert first == Step(0, EVENT[:10])
    assert second.data.endswith(EVENT[10:][: (len(EVENT) - 10) // 2])


@pytest.mark.parametrize(
    ("name", "after_bytes", "due"),
    [
        ("error-event", 0, 0),
        ("error-event", 1, 0.5),
        ("token-expiry", len(EVENT), 0.5),
        ("token-expiry", len(EVENT) + 1, 1),
        ("comments", len(EVENT) + 1, 1),
        ("malformed-json", 1, 1),
        ("invalid-utf8", len(EVENT + COMMENT), 1),
        ("oversized-event", len(EVENT + COMMENT) + 1, 2),
    ],
)
def test_faults_that_send_lines_wait_until_the_event_is_complete(
    name: FaultName, after_bytes: int, due: float
) -> None:
    steps = spoiled(name, after_bytes=after_bytes)
    before = list(takewhile(lambda step: step.due < due, STREAM))
    assert steps[: len(before)] == before
    assert steps[len(before)].data not in (EVENT, b"")
    assert steps[len(before)].due == due


@pytest.mark.parametrize("name", ["malformed-json", "invalid-utf8", "oversized-event"])
def test_of_two_events_in_one_chunk_the_first_is_spoiled(name: FaultName) -> None:
    body = b"".join(step.data for step in spoiled(name, Step(0, EVENT + EVENT, 2)))
    first, _, second = body.partition(b"\n\n")
    assert first != EVENT.removesuffix(b"\n\n")
    assert second == EVENT


def test_an_oversized_event_has_its_size_and_comes_in_pieces_that_are_never_large() -> None:
    *pieces, third, last = spoiled("oversized-event", SECOND, THIRD, LAST, size=200_000)
    body = b"".join(piece.data for piece in pieces)
    padding = json.loads(body.removeprefix(b"data:"))["padding"]
    assert (len(body), padding) == (200_000, "x" * len(padding))
    assert body.replace(f'"padding":"{padding}",'.encode(), b"") == EVENT
    assert [len(piece.data) for piece in pieces[1:4]] == [65_536] * 3
    assert [piece.events for piece in pieces] == [0] * 5 + [1]
    assert ({piece.due for piece in pieces}, third, last) == ({1}, THIRD, LAST)


def test_an_event_that_is_larger_already_is_not_padded() -> None:
    large = Step(0, EVENT.replace(b'""', b'"%b"' % (b"y" * 3_000)), 1)
    body = b"".join(step.data for step in spoiled("oversized-event", large, size=1_024))
    assert body.replace(b'"padding":"",', b"") == large.data


@pytest.mark.parametrize(("name", "told"), [("error-event", {"code": 461}), ("token-expiry", {})])
def test_an_error_is_an_event_of_the_wire_and_ends_the_stream(
    name: FaultName, told: dict[str, Any]
) -> None:
    wire = Wire(colon_space=True, ids=True)
    *before, error = spoiled(name, wire=wire, after_events=2, **told)
    stamp, body = error.data.decode().removeprefix("id: ").removesuffix("\n\n").split("\ndata: ")
    assert (before, error._replace(data=b"")) == (STREAM[:3], Step(2, b"", 1, End.CLEAN))
    assert json.loads(body)["timestamp_utc"] == "2026-06-21 12:00:02.000"
    assert json.loads(body)["timestamp_epoch"] == int(stamp)


@pytest.mark.parametrize(("name", "moments"), [("token-expiry", [1]), ("error-event", [])])
def test_only_token_expiry_expires_the_token(name: FaultName, moments: list[int]) -> None:
    fault, expired = Fault(name, after_events=1), list[datetime]()
    list(spoil(fault, iter(STREAM), Scene(Wire(), NOON, 3.0, expired.append)))
    assert expired == [NOON + timedelta(seconds=each) for each in moments]


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault("error-event", code=461), "tooShort"),
        (Fault("error", code=401), "apiKeyMissing"),
        (Fault("error", code=401, example="accessTokenInvalid"), "accessTokenInvalid"),
    ],
)
def test_a_fault_sends_the_chosen_example_or_the_first_of_its_code(fault: Fault, name: str) -> None:
    assert isinstance(fault.effect, DocumentedError)
    assert fault.effect.refusal == load_contract().refusal(name)


@pytest.mark.parametrize(
    ("form", "headers", "before", "after"),
    [
        ("json", JSON, b"{", b"}"),
        ("event-stream", EVENT_STREAM, b"{", b"}"),
        ("framed", EVENT_STREAM, b"data: {", b"}\r\r"),
    ],
)
def test_a_documented_error_replaces_the_answer(
    form: Any, headers: object, before: bytes, after: bytes
) -> None:
    wire = Wire(colon_space=True, newline="\r")
    answer = answer_of(Fault("error", code=461, form=form), wire)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers) == (461, headers)
    assert (answer.body[: len(before)], answer.body[-len(after) :]) == (before, after)
    assert b'"timestamp_utc":"2026-06-21 12:00:00.000"' in answer.body


@pytest.mark.parametrize(
    ("fault", "status", "headers", "holds"),
    [
        (Fault("error"), 551, JSON, b'"code":551'),
        (Fault("gateway"), 500, JSON, b'"errorCode": 7'),
        (Fault("gateway", shape="too-many-minute"), 429, JSON, b'"period_start": 1782043200,'),
        (Fault("json", code=503), 503, JSON, b'"total":0'),
        (Fault("html", code=503), 503, HTML, b"<title>Error 503</title>"),
        (Fault("endless-error", code=502), 502, JSON, b" "),
    ],
)
def test_an_undocumented_answer_replaces_the_answer(
    fault: Fault, status: int, headers: object, holds: bytes
) -> None:
    answer = answer_of(fault)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers) == (status, headers)
    assert holds in answer.body


def test_json_that_is_no_stream_is_valid_json() -> None:
    answer = answer_of(Fault("json"))
    assert isinstance(answer, Answer)
    assert json.loads(answer.body) == {"systems": [], "total": 0}


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        (Fault("hang-up"), End.CLOSE),
        (Fault("hang-up", how="reset"), End.RESET),
        (Fault("slow-head"), None),
    ],
)
def test_an_answer_may_be_missing_or_late(fault: Fault, end: End | None) -> None:
    assert answer_of(fault) is end


def test_an_endless_body_comes_at_two_hundred_kilobytes_a_second() -> None:
    answer = answer_of(Fault("endless-error"))
    assert isinstance(answer, Answer)
    second = list(takewhile(lambda step: step.due < 1, endless(answer.body)))
    assert [step.due for step in second] == [number / 50 for number in range(50)]
    assert b"".join(step.data for step in second) == b" " * 204_800
