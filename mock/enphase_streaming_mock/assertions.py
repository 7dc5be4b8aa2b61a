"""What a test says about the calls of the client under test, and why it is not so."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from enphase_streaming_mock.clock import Clock
from enphase_streaming_mock.journal import RecordedRequest
from enphase_streaming_mock.verdict import Court, Finding

if TYPE_CHECKING:
    from enphase_streaming_mock.engine import Engine


class Assertions:
    """What the journal of a mock is asked by a test."""

    engine: "Engine"
    clock: Clock

    @property
    def requests(self) -> list[RecordedRequest]:
        """What was asked so far, oldest first, and how it went."""
        return self.engine.journal.requests

    @property
    def calls(self) -> list[RecordedRequest]:
        """Those of the requests that asked for a stream, refused ones among them."""
        before, after = self.engine.contract.before_system_id, self.engine.contract.after_system_id
        return [
            request
            for request in self.requests
            if request.path.startswith(before) and request.path.endswith(after)
        ]

    def assert_calls(self, expected: int) -> None:
        """Fail unless so many calls asked for a stream; refused ones count, as money does."""
        if type(expected) is not int or expected < 0:
            raise ValueError(f"expected is {expected!r}; give a whole number, 0 or more")
        calls = self.calls
        if len(calls) == expected:
            return
        lines = [f"expected {_count(expected)}, and there were {len(calls)}"]
        lines += [f"  {self._line(each)}" for each in calls]
        counted = {each.number for each in calls}
        others = [each for each in self.requests if each.number not in counted]
        if others:
            lines += ["not counted, because they ask for no stream:"]
            lines += [f"  {self._line(each)}" for each in others]
        raise AssertionError("\n".join(lines))

    def assert_call(
        self,
        *,
        duration: int | None = None,
        system_id: int | None = None,
        status: int | None = None,
        events: int | None = None,
        closed_by: Literal["server", "client"] | None = None,
    ) -> RecordedRequest:
        """Return the first call that was so; fail, with the nearest misses, if none was.

        `duration` (s) is what the call asked for, the API's own when it named none; `events` is how
        many were sent.
        """
        named = {
            "duration": duration,
            "system_id": system_id,
            "status": status,
            "events": events,
            "closed_by": closed_by,
        }
        wanted = {name: value for name, value in named.items() if value is not None}
        if not wanted:
            raise ValueError(f"say what the call was: {', '.join(named)}")
        misses = []
        for call in self.calls:
            differences = list(_differences(call, wanted, self.engine.contract.shortest))
            if not differences:
                return call
            misses.append((len(differences), call.number, call, differences))
        lines = ["no call with " + ", ".join(f"{name}={value!r}" for name, value in wanted.items())]
        if not misses:
            lines += ["  nothing was asked at all"]
        for _, _, call, differences in sorted(misses, key=lambda miss: miss[:2]):
            lines += [f"  {self._line(call)}", *(f"    {each}" for each in differences)]
        raise AssertionError("\n".join(lines))

    def assert_all_closed(self) -> None:
        """Fail if a stream is still open."""
        left = [call for call in self.calls if call.closed_by is None]
        if left:
            lines = [f"left open: {_count(len(left))}", *(f"  {self._line(each)}" for each in left)]
            raise AssertionError("\n".join(lines))

    def verdict(self) -> list[Finding]:
        """Return what the client did wrong by the requests so far; an empty list is a good client.

        Only what is certain is said: `verdict.py` has the rules.
        """
        contract = self.engine.contract
        court = Court(
            stream=(contract.before_system_id, contract.after_system_id),
            token_path=contract.token_path,
            default=contract.shortest,
            speed=getattr(self.clock, "speed", 0.0),
            now=self.clock.now(),
            per_minute=self.engine.account.app.plan.minute,
        )
        return court.judge(self.requests)

    def assert_well_behaved(self) -> None:
        """Fail with each finding of the verdict, if there is one."""
        findings = self.verdict()
        if findings:
            raise AssertionError("\n".join(["the client under test:", *map(str, findings)]))

    def _line(self, request: RecordedRequest) -> str:
        """Write a request down in one line; times are in seconds since the mock began."""
        start = self.clock.start
        asked = [f"{name}={value}" for name, value in request.query]
        asked += [f"duration={value}" for value in request.header("duration")]
        how = f"{request.status}"
        if request.events_sent:
            how += f", {request.events_sent} {'event' if request.events_sent == 1 else 'events'}"
        if request.ended is None:
            how += ", still open"
        else:
            verb = "broken off" if request.broken else "closed"
            how += f", {verb} by the {request.closed_by} at {_seconds(request.ended, start)}"
        received = _seconds(request.received, start)
        asking = " ".join([request.method, request.path, *asked])
        return f"#{request.number} at {received}: {asking} -> {how}"


def _differences(
    call: RecordedRequest, wanted: Mapping[str, int | str], default: int
) -> Iterator[str]:
    found = {
        "duration": ", ".join(call.header("duration")) or str(default),
        "system_id": call.path.split("/")[-2],
        "status": call.status,
        "events": call.events_sent,
        "closed_by": call.closed_by or "still open",
    }
    for name, value in wanted.items():
        if str(found[name]) != str(value):
            yield f"{name} is {found[name]}, not {value}"


def _seconds(moment: datetime, start: datetime) -> str:
    return f"{(moment - start).total_seconds():.2f} s"


def _count(calls: int) -> str:
    return f"{calls} {'call' if calls == 1 else 'calls'}"
