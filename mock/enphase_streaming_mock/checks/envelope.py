"""Where an answer departs from the error that the document has for it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from enphase_streaming_mock.checks.door import EVENT_STREAM, JSON, Answer
from enphase_streaming_mock.checks.temporal import in_seconds, is_number
from enphase_streaming_mock.contract import Contract, Refusal

Departures = Callable[..., list[str]]
"""`departures(answer, "tooShort")`: `refusal_faults` by the names of the document's examples."""


def refusal_faults(answer: Answer, *documented: Refusal, exact: bool = True) -> list[str]:
    """Say where an answer departs from a documented error; with several, from the nearest.

    The timestamps are its own, in the unit of the example. Unless it has to be `exact`, so are that
    unit and the message: the publisher has changed some, and says to match the code.
    """
    return min((_faults(answer, each, exact) for each in documented), key=len)


def pair_faults(answer: Answer, contract: Contract) -> list[str]:
    """Say where an answer departs from a pair of tokens."""
    return _head_faults(answer, 200) + contract.faults("TokenResponse", answer.json)


def token_faults(answer: Answer, contract: Contract, *statuses: int) -> list[str]:
    """Say where an answer departs from a refusal of tokens with one of the statuses."""
    faults = _head_faults(answer, *statuses)
    if not (isinstance(answer.json, dict) and answer.json.get("error")):
        faults.append(f"there is no `error` in {answer.body[:200]!r}")
    return faults + contract.faults("TokenError", answer.json)


def stream_faults(answer: Answer) -> list[str]:
    """Say where the head of an answer departs from that of a stream."""
    return _head_faults(answer, 200, kind=EVENT_STREAM)


def status_faults(answer: Answer, status: int) -> list[str]:
    """Say if an answer has another status; of such a one nothing else is documented."""
    return _head_faults(answer, status, kind=None)


def moment_faults(event: Any) -> list[str]:
    """Say where the two timestamps of an event or an envelope do not name the same moment."""
    try:
        epoch, text = event["timestamp_epoch"], event["timestamp_utc"]
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError) as error:
        return [f"a timestamp cannot be read: {type(error).__name__}: {error}"]
    milliseconds = round(moment.timestamp() * 1000)
    # A timestamp in seconds is cut off.
    if epoch in (milliseconds, milliseconds // 1000):
        return []
    return [f"timestamp_epoch is {epoch!r}, and timestamp_utc {text!r}"]


def _faults(answer: Answer, documented: Refusal, exact: bool) -> list[str]:
    faults = _head_faults(answer, documented.status)
    said = answer.json
    if not (isinstance(said, dict) and isinstance(said.get("error"), dict)):
        return [*faults, f"the body is no envelope: {answer.body[:200]!r}"]
    free = {name: said.get(name) for name in ("timestamp_epoch", "timestamp_utc")}
    wanted = {**documented.envelope, **free}
    if not exact:
        wanted["error"] = {**wanted["error"], "message": said["error"].get("message")}
    elif _unit(said) != _unit(documented.envelope):
        faults.append(f"timestamp_epoch is {said.get('timestamp_epoch')!r}, in another unit")
    if said != wanted:
        faults.append(f"the envelope is {said}, documented is {wanted}")
    return faults + moment_faults(said)


def _head_faults(answer: Answer, *statuses: int, kind: str | None = JSON) -> list[str]:
    faults = []
    if answer.status not in statuses:
        documented = " or ".join(map(str, statuses))
        faults.append(f"the status is {answer.status}, documented is {documented}")
    if kind is not None and answer.kind != kind:
        faults.append(f"the media type is {answer.kind!r}, documented is {kind}")
    return faults


def _unit(envelope: Any) -> bool:
    epoch = envelope.get("timestamp_epoch")
    return is_number(epoch) and in_seconds(epoch) == epoch
