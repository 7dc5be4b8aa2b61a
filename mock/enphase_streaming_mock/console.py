"""The console, a web page at `/_mock/`: its files, and the events that keep it up to date."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from operator import itemgetter

from enphase_streaming_mock.exchange import Pairs
from enphase_streaming_mock.faults import Fault
from enphase_streaming_mock.journal import Journal, RecordedRequest
from enphase_streaming_mock.mock import Mock
from enphase_streaming_mock.scenarios import STEP
from enphase_streaming_mock.site import Site

FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "console.css": ("console.css", "text/css; charset=utf-8"),
    "console.js": ("console.js", "text/javascript; charset=utf-8"),
    "clients.js": ("clients.js", "text/javascript; charset=utf-8"),
    "controls.js": ("controls.js", "text/javascript; charset=utf-8"),
    "site.js": ("site.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""The page's files and their media types, by their path under `/_mock/`."""

# Nothing from another host, nothing inline, and no text that the browser would parse as HTML.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Pairs = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
_CHARTED = itemgetter(
    "pv_power", "consumption_power", "battery_power", "grid_power", "generator_power"
)
_LISTED = (
    *("number", "method", "path", "query", "received", "status", "endpoint"),
    *("events_sent", "closed_by", "ended", "broken"),
)
_CHART_STEPS = 600 // STEP
# What the page lists: more would make it slow.
_REQUESTS = 200
_STREAMS = 50
_FINDINGS = 50
# To judge all 10,000 requests of the journal twice a second would hold up the streams.
_JUDGED = 1_000


def read_file(path: str) -> tuple[Pairs, bytes]:
    """Return the headers and the content of one of the page's `FILES`."""
    name, media_type = FILES[path]
    content = (files(__package__) / "page" / name).read_bytes()
    return (("Content-Type", media_type), *_HEADERS), content


def to_text(value: object) -> str:
    """Return what is shown as JSON; moments are in ISO 8601."""
    return json.dumps(value, default=_plain, allow_nan=False)


class Feed(Iterator[bytes]):
    """Events for the page: each time it is asked, every part that has changed since.

    `parts` has a function for each part that the controls show as well.
    """

    def __init__(self, mock: Mock, parts: Mapping[str, Callable[[], object]]) -> None:
        self._mock = mock
        self._parts = parts
        self._sent: dict[str, str] = {}
        self._journal: Journal | None = None
        self._states: dict[int, tuple[int, datetime | None]] = {}
        self._open = 0
        self._charted: tuple[Site, int] | None = None

    def __next__(self) -> bytes:
        """Return the events, none if nothing has changed."""
        frames = "" if self._sent else "retry: 1000\n\n"
        for name, part in self._changes():
            text = to_text(part)
            if self._sent.get(name) != text:
                self._sent[name] = text
                frames += f"event: {name}\ndata: {text}\n\n"
        return frames.encode()

    def _changes(self) -> Iterator[tuple[str, object]]:
        site, second = self._mock.engine.site, int(self._mock.clock.monotonic())
        replaying = self._mock.engine.recording is not None
        for name, read in self._parts.items():
            yield name, read()
        yield "site", None if replaying else site.report(second)
        if self._charted != (site, second // STEP):
            self._charted = site, second // STEP
            yield "chart", [] if replaying else _chart(*self._charted)
        yield "faults", [_fault(*each) for each in self._mock.engine.faults.pending]
        yield from self._requests()

    def _requests(self) -> Iterator[tuple[str, object]]:
        """Yield the requests that are new, went on or are listed no more, and the verdict."""
        journal = self._mock.journal
        afresh, self._journal = journal is not self._journal, journal
        requests = journal.requests
        streams = [each for each in requests if each.endpoint == "stream" and each.ended is None]
        shown = {each.number: each for each in (*streams[-_STREAMS:], *requests[-_REQUESTS:])}
        states = {number: (each.events_sent, each.ended) for number, each in shown.items()}
        before = {} if afresh else self._states
        entries = [
            _entry(each)
            for number, each in sorted(shown.items())
            if before.get(number) != states[number]
        ]
        gone = [number for number in before if number not in states]
        changed = afresh or entries or gone or self._open != len(streams)
        self._states, self._open = states, len(streams)
        if changed:
            yield (
                "requests",
                {"afresh": afresh, "open": len(streams), "gone": gone, "entries": entries},
            )
            findings = self._mock.verdict(_JUDGED)
            latest = [asdict(each) for each in findings[-_FINDINGS:]]
            yield "verdict", {"total": len(findings), "latest": latest}


def _chart(site: Site, step: int) -> list[tuple[int, ...]]:
    """Return the powers of the last ten minutes, a row each step."""
    seconds = range(max(0, step - _CHART_STEPS) * STEP, step * STEP + 1, STEP)
    return [_CHARTED(site.reading(second)) for second in seconds]


def _fault(fault: Fault, left: float) -> dict[str, object]:
    """Return a fault with the options that are set; `left` is how often it is still to strike."""
    options = {k: v for k, v in asdict(fault.effect).items() if v is not None and v is not False}
    return {"name": fault.name, "options": options, "left": None if left == math.inf else left}


def _entry(request: RecordedRequest) -> dict[str, object]:
    """Return a request as the page lists it: without its headers, of which one is of interest."""
    shown = {name: getattr(request, name) for name in _LISTED}
    return shown | {"duration": ", ".join(request.header("duration"))}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
