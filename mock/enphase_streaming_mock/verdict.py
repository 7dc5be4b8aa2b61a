"""What the journal says about the client under test: only what is certain, each with its evidence.

A server sees requests and their times, no more. So a rule that needs a client's intent asks for
proof: one reconnect without a pause may be a short random pause, four of them in a row are none.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from enphase_streaming_mock.journal import MASK, RecordedRequest

Rule = Literal[
    "retried-final",
    "ignored-period-end",
    "no-pause",
    "took-truncated-for-whole",
    "two-windows",
    "leaked-secret",
    "exceeded-plan",
]

# Answers that the same request would get again; a 401 is one, because it names the same token.
_FINAL = {401, 403, 461, 462, 463, 466, 468, 472}
# Failures after which a client may try again, but not at once.
_LATER = {429, 473, 500, 502, 503, 504, 550, 551, 552}
# Reconnects in a row that follow at once: fewer can happen to a client that pauses at random.
_PROOF = 4
# A clean close at most this many seconds before the duration is over is a planned end.
_PLANNED = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the client did wrong.

    `requests` are the numbers of the requests that show it, and `moments` when they came.
    """

    rule: Rule
    message: str
    requests: tuple[int, ...]
    moments: tuple[datetime, ...]

    def __str__(self) -> str:
        numbers = ", ".join(f"#{number}" for number in self.requests)
        return f"{self.rule}: {self.message} ({numbers})"


@dataclass(frozen=True, slots=True)
class Court:
    """What the rules need to know besides the journal.

    `default` is the duration of a call that names none, in seconds. `speed` is that of the clock, 0
    if it is moved by hand: what takes the client's machine a few milliseconds is no pause and no
    overlap, and these milliseconds are longer by a faster clock. `per_minute` is the most calls
    that the plan allows in a minute, and None if nothing limits them.
    """

    stream: tuple[str, str]
    token_path: str
    default: int
    speed: float
    now: datetime
    per_minute: int | None = None

    def judge(self, requests: Sequence[RecordedRequest]) -> list[Finding]:
        """Return every finding, in the order of the requests that show them."""
        before, after = self.stream
        sites = defaultdict(list)
        for request in requests:
            if request.path.startswith(before) and request.path.endswith(after):
                sites[request.path].append(request)
        found = [*self._leaks(requests), *self._period_ends(requests), *self._plan(requests)]
        for calls in sites.values():
            found += [
                *self._retries(calls),
                *self._impatience(calls),
                *self._truncated(calls),
                *self._overlaps(calls),
            ]
        return sorted(found, key=lambda finding: finding.requests)

    def _leaks(self, requests: Sequence[RecordedRequest]) -> Iterator[Finding]:
        for request in requests:
            # The publisher documents the parameters of the token request in the query string.
            documented = set()
            if request.path == self.token_path:
                documented = {"code", "password", "refresh_token"}
            names = [name for name, value in request.query if MASK in value]
            names = [name for name in names if name not in documented]
            if MASK in request.path:
                names.append("the path")
            if names:
                what = f"a secret stands in the URL ({', '.join(names)}), which logs keep"
                yield _finding("leaked-secret", what, request)

    def _retries(self, calls: Sequence[RecordedRequest]) -> Iterator[Finding]:
        refused: dict[object, RecordedRequest] = {}
        for call in calls:
            asked = (call.header("duration"), call.key_mark, call.token_mark, call.query)
            question = repr(asked)
            earlier = refused.get(question)
            if earlier is not None:
                what = f"asked again for what was refused for good with {earlier.status}"
                yield _finding("retried-final", what, earlier, call)
            if call.status in _FINAL or _limit(call).get("period") == "month":
                refused.setdefault(question, call)

    def _period_ends(self, requests: Sequence[RecordedRequest]) -> Iterator[Finding]:
        for position, refused in enumerate(requests):
            allowed = _allowed_at(refused)
            if allowed is None:
                continue
            for later in requests[position + 1 :]:
                # What was under way to another site when the refusal came, was sent before it.
                slack = timedelta(0) if later.path == refused.path else self._moment(0.1)
                if later.key_mark != refused.key_mark or later.path == self.token_path:
                    continue
                if refused.received + slack <= later.received < allowed:
                    early = (allowed - later.received).total_seconds()
                    what = f"asked {early:.1f} s before the moment that the 429 had named"
                    yield _finding("ignored-period-end", what, refused, later)

    def _impatience(self, calls: Sequence[RecordedRequest]) -> Iterator[Finding]:
        failed = [self._at_once(a, b) and self._failed(a) for a, b in pairwise(calls)]
        what = "connected again without a pause after failures, four times running"
        yield from self._in_a_row("no-pause", what, calls, failed)

    def _truncated(self, calls: Sequence[RecordedRequest]) -> Iterator[Finding]:
        cut = [self._at_once(a, b) and self._was_truncated(a) for a, b in pairwise(calls)]
        what = "opened the next window at once after truncated streams, as if they had been whole"
        yield from self._in_a_row("took-truncated-for-whole", what, calls, cut)

    def _overlaps(self, calls: Sequence[RecordedRequest]) -> Iterator[Finding]:
        streams = [call for call in calls if call.status == 200]
        for position, later in enumerate(streams):
            for earlier in streams[:position]:
                ended = min(earlier.ended or self.now, later.ended or self.now)
                if ended - later.received > self._moment(0.1):
                    what = "opened a second window while the site's first was open"
                    yield _finding("two-windows", what, earlier, later)
                    break

    def _plan(self, requests: Sequence[RecordedRequest]) -> Iterator[Finding]:
        if self.per_minute is None:
            return
        minutes = defaultdict(list)
        for request in requests:
            if request.key_mark and request.path != self.token_path:
                minutes[request.key_mark, request.received.timestamp() // 60].append(request)
        for calls in minutes.values():
            if len(calls) > self.per_minute:
                what = f"{len(calls)} calls in a minute, of which the plan allows {self.per_minute}"
                yield _finding("exceeded-plan", what, calls[0], calls[-1])

    def _failed(self, call: RecordedRequest) -> bool:
        return call.status in _LATER or (call.broken and not call.events_sent)

    def _was_truncated(self, call: RecordedRequest) -> bool:
        if call.status != 200 or call.closed_by != "server" or call.ended is None:
            return False
        (duration,) = call.header("duration") or [str(self.default)]
        whole = timedelta(seconds=int(duration)) - _PLANNED
        return bool(call.events_sent) and (call.broken or call.ended - call.received < whole)

    def _at_once(self, earlier: RecordedRequest, later: RecordedRequest) -> bool:
        ended = earlier.ended
        return ended is not None and later.received - ended <= self._moment(0.003)

    def _in_a_row(
        self,
        rule: Rule,
        what: str,
        calls: Sequence[RecordedRequest],
        steps: Sequence[bool],
    ) -> Iterator[Finding]:
        run = 0
        for position, step in enumerate(steps, 1):
            run = run + 1 if step else 0
            if run == _PROOF:
                yield _finding(rule, what, *calls[position - _PROOF : position + 1])

    def _moment(self, real: float) -> timedelta:
        """What may pass by the clock in `real` seconds, in which the machine was merely busy."""
        return timedelta(seconds=0.01 + real * self.speed)


def _allowed_at(refused: RecordedRequest) -> datetime | None:
    """When the answer allows the next request; None unless it says so."""
    if refused.status != 429:
        return None
    moments = []
    ends = _limit(refused).get("period_end")
    if isinstance(ends, int):
        moments.append(datetime.fromtimestamp(ends, UTC))
    for name, value in refused.reply_headers:
        if name.lower() == "retry-after" and value.isdecimal():
            moments.append(refused.received + timedelta(seconds=int(value)))
    return max(moments, default=None)


def _limit(refused: RecordedRequest) -> dict[str, Any]:
    if refused.status != 429:
        return {}
    try:
        body = json.loads(refused.reply_body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _finding(rule: Rule, message: str, *shown: RecordedRequest) -> Finding:
    return Finding(
        rule,
        message,
        tuple(request.number for request in shown),
        tuple(request.received for request in shown),
    )
