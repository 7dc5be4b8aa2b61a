"""What the overlay's code does: what it sends, what it refuses, what it makes of an answer."""

import inspect
import json
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec

from enphase_streaming import (
    InvalidArgument,
    InvalidDuration,
    Reading,
    StreamEndedEarly,
    StreamingClient,
)
from enphase_streaming.core.answers import error_from_answer, error_from_envelope
from enphase_streaming.core.arguments import whole_seconds
from enphase_streaming.errors import (
    STATUS_ERRORS,
    ServiceUnavailableError,
    UnexpectedStatusError,
)
from enphase_streaming.reading import decode
from enphase_streaming_api import models

from .generated import fields_of, known_values
from .overlay_tokens import EPOCH, tokens
from .rows import (
    YES,
    Claims,
    Part,
    Row,
    Said,
    Witness,
    parameter,
    places_of,
    when_not_given,
)

BASE_URL = "http://127.0.0.1:9/api"  # nothing listens there, and nothing is sent
KEY, TOKEN = "the-key", "the-token"
SAMPLES: dict[str, Any] = {"integer": 461, "string": "text", "array of string": ["text"]}
# The exceptions of whole ranges: who raises one of these may never have heard of the status.
GENERIC = (UnexpectedStatusError, ServiceUnavailableError)


def witness() -> Witness:
    """Return what the overlay does."""
    said = chain(
        _request(),
        _parameters(),
        _durations(),
        _statuses(),
        _event(),
        _known(),
        _error(),
        tokens(),
    )
    silent = {
        Part.KNOWN: "it keeps any text, and has no list of its own",
        Part.ERROR: "it explains an error by some fields, and keeps the others in its `body`",
        Part.TOKEN_ANSWER: "it reads what it needs of a pair",
        Part.TOKEN_REFUSAL: "it reads what it needs of a refusal",
        Part.REQUIRED: "it puts up with what is missing where it can",
    }
    return Witness("overlay", dict(said), silent)


class Streamed(NamedTuple):
    """A stream that ended at once: its request, what was read, and the seconds that it lacks."""

    request: httpx.Request
    readings: list[Reading]
    missing: float


def _streamed(**arguments: Any) -> Streamed:
    requests: list[httpx.Request] = []
    readings: list[Reading] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        kind = {"Content-Type": "text/event-stream"}
        return httpx.Response(200, headers=kind, content=b'data:{"data":{"pv_power":1}}\n\n')

    with StreamingClient(
        api_key=KEY,
        access_token=TOKEN,
        base_url=BASE_URL,
        monotonic=lambda: 0.0,
        transport=httpx.MockTransport(answer),
    ) as client:
        try:
            with client.live_data(**arguments) as stream:
                readings += stream
        except StreamEndedEarly as early:
            return Streamed(requests[0], readings, early.missing)
    return Streamed(requests[0], readings, 0.0)


def _request() -> Claims:
    request, readings, missing = _streamed(system_id=7)
    path = request.url.path.removeprefix(urlsplit(BASE_URL).path).replace("/7/", "/{}/")
    yield Row(Part.OPERATIONS, f"{request.method} {path}"), YES
    if readings:
        yield Row(Part.STATUSES, "200"), Said("yes", type(readings[0]).__name__)
    for kind in request.headers["Accept"].split(", "):
        yield Row(Part.MEDIA_TYPES, kind), YES
    scheme, _, token = request.headers["Authorization"].partition(" ")
    if token == TOKEN:
        yield Row(Part.CREDENTIALS, f"stream: {scheme.lower()}"), Said("always")
    for place, name in places_of(KEY, request) + places_of(TOKEN, request):
        yield Row(Part.CREDENTIALS, f"stream: {name} in the {place}"), Said("always")
    yield Row(Part.BOUNDS, "duration, without the header"), Said(f"{missing:g}")


def _parameters() -> Claims:
    _, *parameters = inspect.signature(StreamingClient.live_data).parameters.values()
    unset = _streamed(system_id=7).request
    for each in parameters:
        if _refuses(each.name, 60):
            continue  # it takes no number, so it is nothing that is sent
        kind = "integer" if _refuses(each.name, "60") and _refuses(each.name, 60.5) else "anything"
        needed = each.default is each.empty
        sent = _streamed(**{"system_id": 7, each.name: 60}).request
        for place, spelt in places_of("60", sent):
            yield parameter(spelt or each.name, kind, place, needed=needed)
            if not needed:
                yield when_not_given(spelt, unset.headers.get(spelt))


def _refuses(name: str, value: object) -> bool:
    try:
        _streamed(**{"system_id": 7, name: value})
    except InvalidArgument:
        return True
    return False


def _durations() -> Claims:
    taken = []
    for seconds in range(-1, 500):
        try:
            whole_seconds(seconds)
        except InvalidDuration:
            continue
        taken.append(seconds)
    yield Row(Part.BOUNDS, "duration, minimum"), Said(str(min(taken)))
    yield Row(Part.BOUNDS, "duration, maximum"), Said(str(max(taken)))


def _statuses() -> Claims:
    for status in range(100, 600):
        made = type(error_from_answer(status, b"", now=EPOCH))
        if made is STATUS_ERRORS.get(status) or made not in GENERIC:
            yield Row(Part.STATUSES, str(status)), Said("yes", made.__name__)


def _event() -> Claims:
    """Yield what is kept of an event: an object in a field's place tells what is expected there."""
    if isinstance(_decoded(data={}), Reading):
        yield Row(Part.EVENT, "data"), Said("object")
    for field in msgspec.structs.fields(Reading):
        name = field.encode_name
        for drift in _decoded(data={name: {}}).drift:
            sample = SAMPLES.get(drift.expected)
            if sample is not None and _keeps(name, sample):
                yield from _typed(f"data.{name}", drift.expected)
    for field in msgspec.structs.fields(models.LiveEvent):
        for drift in _decoded(**{"data": {}, field.encode_name: {}}).drift:
            yield from _typed(field.encode_name, drift.expected)


def _decoded(**event: object) -> Reading:
    return decode(json.dumps(event), EPOCH)


def _typed(name: str, expected: str) -> Claims:
    kind, _, item = expected.partition(" of ")
    yield Row(Part.EVENT, name), Said(kind)
    if item:
        yield Row(Part.EVENT, f"{name}[]"), Said(item)


def _known() -> Claims:
    """Yield that the values of the generated enums are kept, and whether others are as well."""
    for name, value in known_values():
        if _keeps(name, value):
            others = "and others" if _keeps(name, "never published") else "no other"
            yield Row(Part.KNOWN, f"{name}: {value}"), Said(others, claimed=False)


def _keeps(name: str, value: object) -> bool:
    reading = _decoded(data={name: value})
    return not reading.drift and getattr(reading, name) == value


def _error() -> Claims:
    """Yield the fields of an error that its exception has as an attribute."""
    for name, kind in fields_of(models.ErrorResponse).items():
        *outer, leaf = name.split(".")
        for expected in ("integer", "string"):
            envelope = {leaf: SAMPLES[expected]}
            for each in outer:
                envelope = {each: envelope}
            error = error_from_envelope(envelope)
            about = {key: value for key, value in vars(error).items() if key != "body"}
            found = [key for key, value in about.items() if value == SAMPLES[expected]]
            if found and kind != "object":
                for each in outer:
                    yield Row(Part.ERROR, each), Said("object")
                yield Row(Part.ERROR, name), Said(expected, f".{found[0]}")
                break
