"""The column of the overlay: what it sends and refuses, and what it makes of answers."""

import json
import time
from base64 import b64decode
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec

from enphase_streaming import (
    APIStatusError,
    EnphaseStreamingError,
    InvalidArgument,
    LoginRequired,
    Reading,
    RefreshingAuth,
    ServiceUnavailableError,
    StreamEndedEarly,
    StreamingClient,
    UnexpectedStatusError,
    login_with_code,
    login_with_password,
)
from enphase_streaming.errors import STATUSES
from enphase_streaming.reading import decode
from enphase_streaming_api import models
from enphase_streaming_api.api.streaming.stream_system_live_data import EVENT

from .generated import fields_of, known_values, places_of
from .table import Cell, Cells, Column, Row, Section, each, edges, line_with

BASE_URL = "http://127.0.0.1:9/api"  # nothing listens there, and nothing is sent
KEY, TOKEN = "the-key-of-the-test", "the-token-of-the-test"
CLIENT: dict[str, Any] = {"client_id": "the-id", "client_secret": "the-secret"}
SAMPLES: dict[str, Any] = {"integer": 461, "string": "sample", "array of string": ["sample"]}
_ROW_OF_A_STATUS = r"^ +(\w+\()?473\b[:,]"


def column() -> Column:
    """Return what the overlay does."""
    cells = chain(
        _request(), _durations(), _statuses(), _event(), _known(), _error(), _tokens(), _refusals()
    )
    optional = {
        Section.KNOWN: "it keeps any text, and has no list of its own",
        Section.ERROR: "it explains an error by some fields, and keeps the others in its `body`",
        Section.TOKEN_ANSWER: "it reads what it needs of a pair",
        Section.TOKEN_REFUSAL: "it reads what it needs of a refusal",
    }
    return Column("overlay", dict(cells), _place, optional)


def _place(section: Section) -> str:
    package = "overlay/enphase_streaming"
    if section is Section.STATUSES:
        return f"add a row near {line_with(_ROW_OF_A_STATUS, package)}"
    if section in (Section.BOUNDS, Section.EVENT, Section.PARAMETERS):
        return f"run make client, else see {package}/"
    return f"{package}/"


def asked(
    answer: httpx.Response | None = None, /, **arguments: Any
) -> tuple[list[httpx.Request], EnphaseStreamingError | None]:
    """Return the requests of a stream, and the exception that it ends with.

    `answer` is the response; if it is left out, a stream that closes after one reading.
    """
    requests: list[httpx.Request] = []
    response = answer or one_event({"data": {"pv_power": 1}})

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return response

    try:
        with (
            StreamingClient(
                api_key=KEY,
                access_token=TOKEN,
                base_url=BASE_URL,
                monotonic=lambda: 0.0,
                transport=httpx.MockTransport(handler),
            ) as client,
            client.live_data(**{"system_id": 7, **arguments}) as stream,
        ):
            list(stream)
    except EnphaseStreamingError as error:
        return requests, error
    return requests, None


def one_event(event: object) -> httpx.Response:
    """Return a stream that closes after one event."""
    text = f"data:{json.dumps(event)}\n\n"
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=text)


def _refused(**arguments: Any) -> bool:
    return isinstance(asked(**arguments)[1], InvalidArgument)


def _request() -> Cells:
    (request,), early = asked()
    path = request.url.path.removeprefix(urlsplit(BASE_URL).path).replace("/7/", "/{system_id}/")
    yield Row(Section.OPERATIONS, f"{request.method} {path}"), Cell()
    for name in request.headers["Accept"].split(", "):
        yield Row(Section.MEDIA_TYPES, name), Cell()
    scheme, _, token = request.headers["Authorization"].partition(" ")
    if token == TOKEN:
        yield Row(Section.CREDENTIALS, f"stream: {scheme.lower()}"), Cell("always")
    for secret in (KEY, TOKEN):
        for place, name in places_of(secret, str(request.url), request.headers):
            yield Row(Section.CREDENTIALS, f"stream: {name} in the {place}"), Cell("always")
    if isinstance(early, StreamEndedEarly):
        yield Row(Section.STATUSES, "200"), Cell(note=Reading.__name__)
        yield Row(Section.BOUNDS, "duration, without the header"), Cell(f"{early.missing:g}")
    for name, required in (("system_id", ", required"), ("duration", "")):
        (sent,), _ = asked(**{name: 60})
        kind = "integer" if _refused(**{name: "60"}) and _refused(**{name: 60.5}) else "anything"
        for place, spelt in places_of("60", str(sent.url), sent.headers):
            row = Row(Section.PARAMETERS, spelt or name)
            yield row, Cell(f"{kind} in the {place}{required}")
    row = Row(Section.PARAMETERS, "duration, sent when not given")
    yield row, Cell(request.headers.get("duration", "nothing"))


def _durations() -> Cells:
    shortest, longest = edges(lambda seconds: not _refused(duration=seconds), 60)
    yield Row(Section.BOUNDS, "duration, minimum"), Cell(str(shortest))
    yield Row(Section.BOUNDS, "duration, maximum"), Cell(str(longest))


def _statuses() -> Cells:
    for status in range(400, 600):
        _, error = asked(httpx.Response(status))
        # An undocumented status is a ServiceUnavailableError if it is a 5xx, else an
        # UnexpectedStatusError.
        by_range = isinstance(error, ServiceUnavailableError | UnexpectedStatusError)
        if status in STATUSES or not by_range:
            yield Row(Section.STATUSES, str(status)), Cell(note=type(error).__name__)


def _event() -> Cells:
    """Yield the fields that are kept: an object in a field's place tells what is expected there."""
    if isinstance(_decoded(data={}), Reading):
        yield Row(Section.EVENT, "data"), Cell("object")
    for field in msgspec.structs.fields(Reading):
        for drift in _decoded(data={field.encode_name: {}}).drift:
            if _keeps(field.encode_name, SAMPLES.get(drift.expected)):
                yield from _typed(f"data.{field.encode_name}", drift.expected)
    for field in msgspec.structs.fields(EVENT):
        for drift in _decoded(**{"data": {}, field.encode_name: {}}).drift:
            yield from _typed(field.encode_name, drift.expected)


def _decoded(**event: object) -> Reading:
    return decode(json.dumps(event), datetime.fromtimestamp(0, UTC))


def _keeps(name: str, value: object) -> bool:
    reading = _decoded(data={name: value})
    return value is not None and not reading.drift and getattr(reading, name) == value


def _typed(name: str, expected: str) -> Cells:
    kind, _, item = expected.partition(" of ")
    yield Row(Section.EVENT, name), Cell(kind)
    if item:
        yield Row(Section.EVENT, f"{name}[]"), Cell(item)


def _known() -> Cells:
    """Yield that the values of the generated enums are kept, and whether others are as well."""
    for name, value in known_values():
        if _keeps(name, value):
            others = "and others" if _keeps(name, "never published") else "no other"
            yield Row(Section.KNOWN, f"{name}: {value}"), Cell(others, claims=False)


def _error() -> Cells:
    """Yield the fields of an error that its exception has as an attribute."""
    for name in fields_of(models.ErrorResponse):
        *outer, leaf = name.split(".")
        for kind in ("integer", "string"):
            field = {leaf: SAMPLES[kind]}
            _, error = asked(one_event({"error": field} if outer else {"error": {}, **field}))
            about = {key: value for key, value in vars(error).items() if key != "body"}
            found = [key for key, value in about.items() if value == SAMPLES[kind]]
            if found:
                yield from each(Section.ERROR, dict.fromkeys(outer, "object"))
                yield Row(Section.ERROR, name), Cell(kind, f".{found[0]}")
                break


def _tokens() -> Cells:
    """Yield what is sent for each grant, and what is kept of a pair."""
    sent: list[httpx.Request] = []
    answer = {"access_token": "the-new-token", "refresh_token": "the-next", "expires_in": 461}

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=answer)

    more: dict[str, Any] = {**CLIENT, "transport": httpx.MockTransport(handler)}
    login_with_code(code="the-code", redirect_uri="https://app.example/callback", **more)
    pair = login_with_password(username="owner", password="the-password", **more)
    auth = RefreshingAuth(refresh_token="the-old-refresh-token", **more)
    auth.renew(None, token_url="http://127.0.0.1:9/oauth/token", now=datetime.now(UTC))
    for request in sent:
        yield Row(Section.OPERATIONS, f"{request.method} {request.url.path}"), Cell()
        scheme, _, shown = request.headers["Authorization"].partition(" ")
        if b64decode(shown).decode() == ":".join(CLIENT.values()):
            yield Row(Section.CREDENTIALS, f"token: {scheme.lower()}"), Cell("always")
        form = parse_qs(request.content.decode())
        yield from each(Section.TOKEN_REQUEST, dict.fromkeys(form, "string"))
        for grant in form["grant_type"]:
            yield Row(Section.GRANTS, f"grant_type: {grant}"), Cell("no other")
    yield Row(Section.TOKEN_STATUSES, "200"), Cell(note=type(pair).__name__)
    if (pair.access_token, pair.refresh_token) == ("the-new-token", "the-next"):
        yield from each(Section.TOKEN_ANSWER, {"access_token": "string", "refresh_token": "string"})
    if abs(pair.expires_at - time.time() - 461) < 60:
        yield Row(Section.TOKEN_ANSWER, "expires_in"), Cell("integer")


def _refusals() -> Cells:
    for status in range(400, 500):
        # Undocumented statuses are refused as well, and make no row.
        if _login_refused(status):
            cell = Cell(note=LoginRequired.__name__, claims=False)
            yield Row(Section.TOKEN_STATUSES, str(status)), cell
    for name in fields_of(models.TokenError):
        if SAMPLES["string"] in _login_refused(400, **{name: SAMPLES["string"]}):
            yield Row(Section.TOKEN_REFUSAL, name), Cell("string")


def _login_refused(status: int, **answer: str) -> str:
    """Return the message of the LoginRequired that a status leads to, or ""."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=answer))
    try:
        login_with_password(
            username="owner", password="the-password", transport=transport, **CLIENT
        )
    except LoginRequired as error:
        return str(error)
    except APIStatusError:
        return ""
    return ""
