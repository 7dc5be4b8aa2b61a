"""What the mock was asked and how it went, without secrets, and what a test asserts about it."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal

from enphase_streaming_mock.contract import Contract
from enphase_streaming_mock.exchange import Pairs, Request, header_values

MASK = "***"
# Headers and parameters whose value is a secret, right or wrong; the key's own name is the
# document's. Some are what a client may send by mistake.
_SECRET_NAMES = (
    *("access_token", "api-key", "api_key", "apikey", "authorization", "client_secret", "code"),
    *("cookie", "password", "proxy-authorization", "refresh_token", "secret", "token", "x-api-key"),
)
_KEPT = 10_000

Side = Literal["server", "client"]


@dataclass(slots=True)
class RecordedRequest:
    """One request and its answer, secrets masked as `***`; times are by the mock's clock.

    Attributes:
        status: The status of the answer, 0 if there was none.
        closed_by: Who ended the answer: the server that finished it or stopped, or the client that
            left. None while a stream is open.
        broken: Whether the server ended the answer in the middle.
        number: Requests are numbered from 1.
        endpoint: What was asked for, "" for an address that the API does not have.
        key_mark: The same wherever the same key was sent, "" where none was; so is token_mark.
        reply_body: The body of an error.
    """

    method: str
    path: str
    query: Pairs
    headers: Pairs
    received: datetime
    status: int
    events_sent: int = 0
    closed_by: Side | None = None
    ended: datetime | None = None
    broken: bool = False
    number: int = 0
    endpoint: Literal["stream", "tokens", ""] = ""
    key_mark: str = ""
    token_mark: str = ""
    reply_headers: Pairs = ()
    reply_body: bytes = b""

    def header(self, name: str) -> list[str]:
        """Return every value of a header; the case of its name is ignored."""
        return header_values(self.headers, name)

    def close(self, by: Side, now: datetime, *, broken: bool = False) -> None:
        """Note who ended the answer; only the first call counts."""
        if self.closed_by is None:
            self.broken, self.ended = broken, now
            self.closed_by = by

    def line(self, start: datetime) -> str:
        """Return it in one line, its times in seconds since `start`."""

        def seconds(moment: datetime) -> str:
            return f"{(moment - start).total_seconds():.2f} s"

        asked = [f"{name}={value}" for name, value in self.query]
        asked += [f"duration={value}" for value in self.header("duration")]
        how = f"{self.status}"
        if self.events_sent:
            how += f", {self.events_sent} {'event' if self.events_sent == 1 else 'events'}"
        if self.ended is None:
            how += ", still open"
        else:
            verb = "broken off" if self.broken else "closed"
            how += f", {verb} by the {self.closed_by} at {seconds(self.ended)}"
        asking = " ".join([self.method, self.path, *asked])
        return f"#{self.number} at {seconds(self.received)}: {asking} -> {how}"


class Journal:
    """The last 10,000 requests, oldest first.

    The `secrets` are masked wherever they appear, and so are the values of fields that carry one.
    Assertions count seconds from `start` (aware).
    """

    def __init__(self, contract: Contract, secrets: Sequence[str], start: datetime) -> None:
        self._secrets = secrets
        self._start = start
        self._key_name = contract.key_name.lower()
        self._default_duration = contract.shortest
        self._requests: deque[RecordedRequest] = deque(maxlen=_KEPT)
        self._count = 0
        self._salt = os.urandom(16)

    def __repr__(self) -> str:
        return f"<Journal requests={self._count}>"

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far; one that is still open goes on changing."""
        return list(self._requests)

    @property
    def calls(self) -> list[RecordedRequest]:
        """Those of the requests that asked for a stream, refused ones among them."""
        return [each for each in self.requests if each.endpoint == "stream"]

    def record(
        self,
        request: Request,
        received: datetime,
        status: int,
        endpoint: Literal["stream", "tokens", ""] = "",
        reply_headers: Pairs = (),
        reply_body: bytes = b"",
    ) -> RecordedRequest:
        """Write down a request and its answer; the body only of an error: others hold secrets."""
        query, headers = request.query, request.headers
        keys = [value for name, value in headers + query if name.lower() == self._key_name]
        self._count += 1
        entry = RecordedRequest(
            self._hide(request.method),
            self._hide(request.path),
            self._masked(query),
            self._masked(headers),
            received,
            status,
            number=self._count,
            endpoint=endpoint,
            key_mark=self._mark(keys),
            token_mark=self._mark(request.header("authorization")),
            reply_headers=self._masked(reply_headers),
            reply_body=reply_body if status >= 400 else b"",
        )
        self._requests.append(entry)
        return entry

    def assert_calls(self, expected: int) -> None:
        """Fail unless there were so many calls."""
        if type(expected) is not int or expected < 0:
            raise ValueError(f"expected must be an int from 0, got {expected!r}.")
        calls, requests = self.calls, self.requests
        if len(calls) == expected:
            return
        lines = [f"expected {_count(expected)}, and there were {len(calls)}", *self._lines(calls)]
        if others := [each for each in requests if each.endpoint != "stream"]:
            lines += ["not counted, because they ask for no stream:", *self._lines(others)]
        raise AssertionError("\n".join(lines))

    def assert_call(self, **wanted: int | str | None) -> RecordedRequest:
        """Return the first call that was as `wanted`; fail, nearest misses first, if none was."""
        given = {name: value for name, value in wanted.items() if value is not None}
        if not given:
            raise ValueError(f"assert_call needs one of {', '.join(wanted)}.")
        misses = []
        for call in self.calls:
            differences = list(self._differences(call, given))
            if not differences:
                return call
            misses.append((len(differences), call.number, call, differences))
        lines = ["no call with " + ", ".join(f"{name}={value!r}" for name, value in given.items())]
        if not misses:
            lines += ["  nothing was asked at all"]
        for _, _, call, differences in sorted(misses, key=lambda miss: miss[:2]):
            lines += [*self._lines([call]), *(f"    {each}" for each in differences)]
        raise AssertionError("\n".join(lines))

    def assert_all_closed(self) -> None:
        """Fail if a stream is still open."""
        if left := [call for call in self.calls if call.closed_by is None]:
            lines = [f"left open: {_count(len(left))}", *self._lines(left)]
            raise AssertionError("\n".join(lines))

    def _differences(self, call: RecordedRequest, wanted: Mapping[str, int | str]) -> Iterator[str]:
        found = {
            "duration": ", ".join(call.header("duration")) or str(self._default_duration),
            "system_id": call.path.split("/")[-2],
            "status": call.status,
            "events": call.events_sent,
            "closed_by": call.closed_by or "still open",
        }
        for name, value in wanted.items():
            if str(found[name]) != str(value):
                yield f"{name} is {found[name]}, not {value}"

    def _lines(self, requests: Iterable[RecordedRequest]) -> list[str]:
        return [f"  {each.line(self._start)}" for each in requests]

    def _mark(self, secrets: Sequence[str]) -> str:
        """Tell secrets apart without keeping them: the salt is this journal's alone."""
        if not any(secrets):
            return ""
        text = "\n".join(secrets).encode("utf-8", "surrogatepass")
        return blake2b(text, key=self._salt, digest_size=4).hexdigest()

    def _masked(self, pairs: Pairs) -> Pairs:
        names = {*_SECRET_NAMES, self._key_name}
        return tuple(
            (self._hide(name), MASK if name.lower() in names else self._hide(value))
            for name, value in pairs
        )

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


def _count(calls: int) -> str:
    return f"{calls} {'call' if calls == 1 else 'calls'}"
