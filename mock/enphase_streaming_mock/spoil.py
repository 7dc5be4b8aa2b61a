"""Faults carried out: the steps of a stream become those of a bad one, or an answer another."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from enphase_streaming_mock.answers import SHAPES, Answer, page, refuse
from enphase_streaming_mock.contract import Refusal, load_contract
from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.faults import Fault
from enphase_streaming_mock.frames import error_body, frame, keep_alive
from enphase_streaming_mock.wire import Wire

# A large event goes out in pieces of this size, so that it is held up by a client that reads slowly
# and not kept in memory for it.
_PIECE = 64 * 1024
# Where an event can be spoiled without a look at its reading. In a recording it may have spaces.
_TYPE = re.compile(rb'"type"\s*:\s*"response"')
_IN_PLACE_OF_AN_EVENT = ("malformed-json", "invalid-utf8", "oversized-event")
# The others strike at the very byte; these put whole lines into the stream.
_AT_AN_EVENT = (*_IN_PLACE_OF_AN_EVENT, "error-event", "token-expiry", "comments")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault needs to know of the stream that it strikes.

    `opened` is when it was opened, `duration` how long it was to be, in seconds; `refusal` is the
    error that an event of the fault's own holds, and `expire` ends the life of the access token.
    """

    wire: Wire
    opened: datetime
    duration: float
    refusal: Refusal | None
    expire: Callable[[datetime], None]


def refusal_of(fault: Fault) -> Refusal | None:
    """The documented error that a fault sends, if it sends one."""
    contract = load_contract()
    if fault.name == "token-expiry":
        return contract.refusal("accessTokenExpired")
    if fault.name not in ("error", "error-event"):
        return None
    assert fault.code is not None
    examples = contract.refusals[fault.code]
    return examples[fault.example or next(iter(examples))]


def in_place_of_answer(fault: Fault, wire: Wire, now: datetime) -> Answer | End | None:
    """What is sent in place of an answer: another, or an end without a head, or nothing else."""
    match fault:
        case Fault(name="error", form=str(form)):
            refusal = refusal_of(fault)
            assert refusal is not None
            return refuse(refusal, now, form, wire)
        case Fault(name="gateway", shape=str(shape)):
            return SHAPES[shape](now)
        case Fault(name="json", code=int(code)):
            return Answer(code, b'{"systems":[],"total":0}')
        case Fault(name="html", code=int(code)):
            return page(code)
        case Fault(name="endless-error", code=int(code)):
            return Answer(code, b" " * 4_096)
        case Fault(name="hang-up"):
            return End(fault.how)
    return None


def endless(body: bytes) -> Iterator[Step]:
    """Yield a body over and over, fifty times a second, without an end."""
    return (Step(number / 50, body) for number in count())


def spoil(fault: Fault, steps: Iterator[Step], scene: Scene) -> Iterator[Step]:
    """Yield the steps up to where the fault strikes, and then what it makes of the rest."""
    events = sent = 0
    in_place = fault.name in _IN_PLACE_OF_AN_EVENT
    for step in steps:
        if fault.after_bytes is None:
            due = events >= (fault.after_events or 0) and (step.events > 0 or step.end is not None)
        else:
            left = fault.after_bytes - sent
            due = left <= 0
            if fault.name not in _AT_AN_EVENT and 0 < left < len(step.data):
                yield Step(step.due, step.data[:left])
                step, due = step._replace(data=step.data[left:]), True
        if due and (not in_place or _TYPE.search(step.data)):
            yield from _strike(fault, step, scene)
            if in_place:
                yield from steps
            return
        yield step
        events += step.events
        sent += len(step.data)


def _strike(fault: Fault, step: Step, scene: Scene) -> Iterator[Step]:
    """What happens in the place of `step`, and after it if the stream does not go on.

    Nothing does in silence: no step ends the stream.
    """
    due, data = step.due, step.data
    # At the very end of a stream no event is left to be spoiled.
    event = data or frame(scene.wire, "{}", scene.opened)
    match fault.name:
        case "reset":
            yield Step(due, end=End.RESET)
        case "drop":
            yield Step(due, end=End.CLOSE)
        case "close":
            yield Step(due, end=End.CLEAN)
        case "incomplete-chunk":
            size = b"%x\r\n" % len(event)
            yield Step(due, size + event[: len(event) // 2], end=End.CLOSE, raw=True)
        case "bad-chunk-size":
            yield Step(due, b"size?\r\n" + event + b"\r\n", end=End.CLOSE, raw=True)
        case "truncated-event":
            yield Step(due, event[: len(event) // 2], end=End.CLEAN)
        case "malformed-json":
            yield step._replace(data=_TYPE.sub(b'"type":', data, count=1))
        case "invalid-utf8":
            spoiled = b'"type":"resp\xff\xc3\xa9\xc3onse"'
            yield step._replace(data=_TYPE.sub(spoiled, data, count=1))
        case "oversized-event":
            yield from _oversized(fault, step)
        case "comments":
            yield from _comments(fault, due, scene)
        case "error-event" | "token-expiry":
            assert scene.refusal is not None
            moment = scene.opened + timedelta(seconds=due)
            if fault.name == "token-expiry":
                scene.expire(moment)
            text = error_body(scene.refusal.envelope, moment)
            yield Step(due, frame(scene.wire, text, moment), 1, End.CLEAN)


def _oversized(fault: Fault, step: Step) -> Iterator[Step]:
    assert fault.size is not None
    kind = _TYPE.search(step.data)
    assert kind is not None
    before, after = step.data[: kind.start()] + b'"padding":"', b'",' + step.data[kind.start() :]
    padding = max(0, fault.size - len(before + after))
    yield Step(step.due, before)
    for start in range(0, padding, _PIECE):
        yield Step(step.due, b"x" * min(_PIECE, padding - start))
    yield step._replace(data=after)


def _comments(fault: Fault, due: float, scene: Scene) -> Iterator[Step]:
    assert fault.seconds is not None
    while due < scene.duration:
        yield Step(due, keep_alive(scene.wire))
        due += fault.seconds
    yield Step(scene.duration, end=End.CLEAN)
