"""Assertions that an answer is what the document says."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from enphase_streaming_mock.checks.client import EVENT_STREAM, JSON, Answer
from enphase_streaming_mock.checks.document import CONTRACT
from enphase_streaming_mock.checks.temporal import in_seconds, is_number
from enphase_streaming_mock.contract import Refusal

_MOST_LINES = 10


def fail_on(faults: Sequence[str], answer: Answer | None = None) -> None:
    """Fail the check with a line for each fault, and what was asked and answered; else pass."""
    if not faults:
        return
    lines = [*faults[:_MOST_LINES]]
    if len(faults) > _MOST_LINES:
        lines.append(f"and {len(faults) - _MOST_LINES} more")
    if answer is not None:
        is_shown = answer.body and answer.media_type != EVENT_STREAM
        body = f"the body begins {answer.body[:200]!r}" if is_shown else ""
        lines = [line for line in (answer.request, *lines, body, answer.trouble) if line]
    pytest.fail("\n".join(lines), pytrace=False)


def expect_status(answer: Answer, status: int) -> None:
    """Fail unless an answer has a status; nothing else about it is documented."""
    fail_on(_head_faults(answer, status, media_type=None), answer)


def expect_stream(answer: Answer) -> None:
    """Fail unless an answer opens an event stream."""
    fail_on(_head_faults(answer, 200, media_type=EVENT_STREAM), answer)


def expect_error(answer: Answer, *documented: Refusal, exact: bool = False) -> None:
    """Fail unless an answer is one of the documented errors.

    The timestamps may differ. Unless `exact`, so may their unit and the message: Enphase has
    changed messages, and says to match the code.
    """
    fail_on(min((error_faults(answer, each, exact) for each in documented), key=len), answer)


def expect_tokens(answer: Answer) -> None:
    """Fail unless an answer is a pair of tokens."""
    fail_on(_head_faults(answer, 200) or CONTRACT.faults("TokenResponse", answer.json), answer)


def expect_token_error(answer: Answer, *statuses: int) -> None:
    """Fail unless an answer refuses tokens with one of the statuses, as RFC 6749 says."""
    faults = _head_faults(answer, *statuses) or CONTRACT.faults("TokenError", answer.json)
    if not faults and not answer.json.get("error"):
        faults = ["the body names no `error`"]
    fail_on(faults, answer)


def error_faults(answer: Answer, documented: Refusal, exact: bool) -> list[str]:
    """Return where an answer differs from a documented error."""
    faults = _head_faults(answer, documented.status)
    found = answer.json
    if not (isinstance(found, dict) and isinstance(found.get("error"), dict)):
        return faults or ["the body is not an error envelope"]
    times = {name: found.get(name) for name in ("timestamp_epoch", "timestamp_utc")}
    expected = {**documented.envelope, **times}
    if not exact:
        expected["error"] = {**expected["error"], "message": found["error"].get("message")}
    elif _is_in_seconds(found) != _is_in_seconds(documented.envelope):
        faults.append(f"timestamp_epoch is in another unit: {found.get('timestamp_epoch')!r}")
    return [*faults, *_differences(found, expected), *timestamp_faults(found)]


def timestamp_faults(event: Mapping[str, Any]) -> list[str]:
    """Return why the two timestamps of an event or envelope are not the same moment."""
    epoch, text = event.get("timestamp_epoch"), event.get("timestamp_utc")
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return [f"timestamp_utc is {text!r}, not of the form YYYY-MM-DD HH:MM:SS.mmm"]
    milliseconds = round(moment.timestamp() * 1000)
    # A timestamp in seconds is truncated.
    if epoch in (milliseconds, milliseconds // 1000):
        return []
    return [f"timestamp_epoch is {epoch!r}, but timestamp_utc is {text!r}"]


def _head_faults(answer: Answer, *statuses: int, media_type: str | None = JSON) -> list[str]:
    if answer.status == 0:
        return ["there was no answer"]
    faults = []
    if answer.status not in statuses:
        documented = " or ".join(map(str, statuses))
        faults.append(f"the status is {answer.status}, documented is {documented}")
    if media_type is not None and answer.media_type != media_type:
        faults.append(f"the media type is {answer.media_type!r}, documented is {media_type}")
    if (encoding := answer.headers.get("content-encoding", "identity")) != "identity":
        faults.append(f"the body is encoded as {encoding!r}, which was not accepted")
    return faults


def _differences(found: Any, expected: Any, path: str = "") -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in expected | found:
            yield from _differences(found.get(name), expected.get(name), f"{path}.{name}")
    elif found != expected:
        yield f"{path.removeprefix('.')} is {found!r}, documented is {expected!r}"


def _is_in_seconds(envelope: Any) -> bool:
    epoch = envelope.get("timestamp_epoch")
    return is_number(epoch) and in_seconds(epoch) == epoch
