"""What the journal shows that the client under test did wrong: only what is certain.

A server sees requests and their times, no more. So a rule about a client's intent asks for proof:
one reconnect without a pause may be a short random pause, four of them in a row are none.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from enphase_streaming_mock.gateway.responses import AGAIN
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

# Reconnects in a row that follow at once: fewer can happen to a client that pauses at random.
_PROOF = 4
# A clean close at most this many seconds before the duration is over is a planned end.
_PLANNED = timedelta(seconds=2)
# Parameters that the publisher documents in the query string of a token request.
_TOKEN_PARAMETERS = {"code", "password", "refresh_token"}


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
class Judge:
    """Finds what a client did wrong.

    A call without a duration lasts `default_duration` (s), and the plan allows `per_minute` calls.
    The clock stands at `now` and runs `speed` times as fast as real time, 0 if it is moved by hand:
    the few milliseconds in which a machine is merely busy are longer on a faster clock.
    """

    default_duration: int
    speed: float
    now: datetime
    per_minute: int | None = None

    def findings(self, requests: Sequence[RecordedRequest]) -> list[Finding]:
        """Return every finding, in the order of the requests that show them."""
        sites = defaultdict(list)
        for request in requests:
            if request.endpoint == "stream":
                sites[request.path].append(request)
        found = [*_leaks(requests), *self._period_ends(requests), *self._excesses(requests)]
        for calls in sites.values():
            found += [*_retries(calls), *self._hasty(calls), *self._overlaps(calls)]
        return sorted(found, key=lambda finding: finding.requests)

    def _period_ends(self, requests: Sequence[RecordedRequest]) -> Iterator[Finding]:
        waits: dict[str, tuple[datetime, RecordedRequest]] = {}
        for call in requests:
            if call.endpoint == "tokens":
                continue
            allowed, refused = waits.get(call.key_mark, (call.received, call))
            # A request to another site may have been under way when the refusal came.
            slack = timedelta(0) if call.path == refused.path else self._busy(0.1)
            if refused.received + slack <= call.received < allowed:
                early = (allowed - call.received).total_seconds()
                what = f"asked {early:.1f} s before the moment that the 429 had named"
                yield _finding("ignored-period-end", what, refused, call)
            if (named := _allowed_at(call)) is not None and named > allowed:
                waits[call.key_mark] = named, call

    def _excesses(self, requests: Sequence[RecordedRequest]) -> Iterator[Finding]:
        minutes = defaultdict(list)
        for request in requests:
            if request.key_mark and request.endpoint != "tokens":
                minutes[request.key_mark, request.received.timestamp() // 60].append(request)
        for calls in minutes.values():
            if self.per_minute is not None and len(calls) > self.per_minute:
                what = f"{len(calls)} calls in a minute, of which the plan allows {self.per_minute}"
                yield _finding("exceeded-plan", what, calls[0], calls[-1])

    def _hasty(self, calls: Sequence[RecordedRequest]) -> Iterator[Finding]:
        """Yield where calls follow at once after failures, or after truncated streams."""
        failed = truncated = 0
        for position, (call, later) in enumerate(pairwise(calls)):
            at_once = call.ended is not None and later.received - call.ended <= self._busy(0.003)
            failed = failed + 1 if at_once and _failed(call) else 0
            truncated = truncated + 1 if at_once and self._truncated(call) else 0
            shown = calls[max(0, position + 1 - _PROOF) : position + 2]
            if failed == _PROOF:
                what = "connected again without a pause after failures, four times running"
                yield _finding("no-pause", what, *shown)
            if truncated == _PROOF:
                what = "opened the next window at once after truncated streams, as if whole"
                yield _finding("took-truncated-for-whole", what, *shown)

    def _overlaps(self, calls: Sequence[RecordedRequest]) -> Iterator[Finding]:
        longest: RecordedRequest | None = None
        lasts = datetime.min.replace(tzinfo=UTC)
        for later in calls:
            if later.status != 200:
                continue
            ended = later.ended or self.now
            if longest and min(lasts, ended) - later.received > self._busy(0.1):
                what = "opened a second window while the site's first was open"
                yield _finding("two-windows", what, longest, later)
            if ended > lasts:
                longest, lasts = later, ended

    def _truncated(self, call: RecordedRequest) -> bool:
        if call.status != 200 or call.closed_by != "server" or call.ended is None:
            return False
        (duration,) = call.header("duration") or [str(self.default_duration)]
        whole = timedelta(seconds=int(duration)) - _PLANNED
        return bool(call.events_sent) and (call.broken or call.ended - call.received < whole)

    def _busy(self, real: float) -> timedelta:
        """Return what passes by the clock in `real` seconds, in which a machine is merely busy."""
        return timedelta(seconds=0.01 + real * self.speed)


def _failed(call: RecordedRequest) -> bool:
    return AGAIN.get(call.status) == "later" or (call.broken and not call.events_sent)


def _leaks(requests: Sequence[RecordedRequest]) -> Iterator[Finding]:
    for request in requests:
        documented = _TOKEN_PARAMETERS if request.endpoint == "tokens" else ()
        names = [n for n, value in request.query if MASK in value and n not in documented]
        if MASK in request.path:
            names.append("the path")
        if names:
            what = f"a secret stands in the URL ({', '.join(names)}), which logs keep"
            yield _finding("leaked-secret", what, request)


def _retries(calls: Sequence[RecordedRequest]) -> Iterator[Finding]:
    refused: dict[object, RecordedRequest] = {}
    for call in calls:
        question = (tuple(call.header("duration")), call.key_mark, call.token_mark, call.query)
        earlier = refused.get(question)
        if earlier is not None:
            what = f"asked again for what was refused for good with {earlier.status}"
            yield _finding("retried-final", what, earlier, call)
        if AGAIN.get(call.status) == "never" or _limit(call).get("period") == "month":
            refused.setdefault(question, call)


def _allowed_at(refused: RecordedRequest) -> datetime | None:
    """Return when the answer allows the next request; None unless it says so."""
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
