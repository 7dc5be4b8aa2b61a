"""The column of the generated client: its models, its tables, and the requests it makes."""

import inspect
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from typing import Any, get_type_hints

import httpx
import msgspec

from enphase_streaming_api import AuthenticatedClient, models
from enphase_streaming_api.api.streaming import stream_system_live_data as live_data
from enphase_streaming_api.api.tokens import issue_token

from .document import field_of
from .table import Cell, Cells, Column, Row, Section, dotted, each, united

BASE_URL = "http://127.0.0.1:9"  # nothing listens there, and nothing is sent
_KINDS: dict[type[msgspec.inspect.Type], str] = {
    msgspec.inspect.AnyType: "anything",
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.DictType: "object",
    msgspec.inspect.EnumType: "string",
    msgspec.inspect.FloatType: "number",
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.ListType: "array",
    msgspec.inspect.StrType: "string",
    msgspec.inspect.StructType: "object",
}


def column() -> Column:
    """Return what the generated client knows."""
    cells = chain(_requests(), _parameters(), _answers(), _known(), _tokens())
    optional = {
        Section.BOUNDS: "it knows minimum and maximum, and checks neither",
        Section.CREDENTIALS: (
            "the generator knows no API keys, and leaves the scheme of the token operation to the "
            "caller"
        ),
    }
    return Column("generated client", dict(cells), lambda section: "run make client", optional)


def _requests() -> Cells:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(400)

    options = {"transport": httpx.MockTransport(answer)}
    body = models.TokenRequest(grant_type=models.TokenRequestGrantType.PASSWORD)
    with AuthenticatedClient(BASE_URL, "the-token", httpx_args=options) as client:
        with live_data.stream(7, client=client):
            pass
        issue_token.sync(client=client, body=body)
    for request in requests:
        path = request.url.path.replace("/7/", "/{system_id}/")
        yield Row(Section.OPERATIONS, f"{request.method} {path}"), Cell()
    headers = requests[0].headers
    for name in headers["Accept"].split(", "):
        yield Row(Section.MEDIA_TYPES, name), Cell()
    scheme, _, token = headers["Authorization"].partition(" ")
    if token == "the-token":
        yield Row(Section.CREDENTIALS, f"stream: {scheme.lower()}"), Cell("always")


def _parameters() -> Cells:
    hints = get_type_hints(live_data.get_kwargs)
    parameters = inspect.signature(live_data.get_kwargs).parameters
    needed = {name: 7 for name, each in parameters.items() if each.default is each.empty}
    unset = live_data.get_kwargs(**needed)["headers"]
    for name in parameters:
        sent = live_data.get_kwargs(**{**needed, name: 60})
        _, kind = next(_of_type(msgspec.inspect.type_info(hints[name])))
        for place, spelt in places_of("60", sent["url"], sent["headers"]):
            required = ", required" if name in needed else ""
            row = Row(Section.PARAMETERS, spelt or name)
            yield row, Cell(f"{kind} in the {place}{required}")
            if not required:
                row = Row(Section.PARAMETERS, f"{spelt}, sent when not given")
                yield row, Cell(unset.get(spelt, "nothing"))
    for name, bounds in live_data.BOUNDS.items():
        for bound, value in zip(("minimum", "maximum"), bounds, strict=True):
            if value is not None:
                yield Row(Section.BOUNDS, f"{name}, {bound}"), Cell(str(value))


def places_of(text: str, url: str, headers: Any) -> Iterator[tuple[str, str]]:
    """Yield where a text is in a request, and under which name."""
    parsed = httpx.URL(url)
    if text in parsed.path.split("/"):
        yield "path", ""
    for place, pairs in (("header", headers), ("query", parsed.params)):
        yield from ((place, name) for name, value in pairs.items() if value == text)


def _answers() -> Cells:
    yield Row(Section.STATUSES, "200"), Cell()
    yield from each(Section.EVENT, fields_of(live_data.EVENT))
    for status in live_data.ERRORS:
        yield Row(Section.STATUSES, str(status)), Cell()
    bodies = [fields_of(model) for model in live_data.ERRORS.values()]
    yield from each(Section.ERROR, united(bodies))


def _known() -> Cells:
    for name, value in known_values():
        yield Row(Section.KNOWN, f"{name}: {value}"), Cell("and others")
    for field in msgspec.structs.fields(models.TokenRequest):
        if isinstance(field.type, type) and issubclass(field.type, StrEnum):
            for value in field.type:
                yield Row(Section.GRANTS, f"{field.encode_name}: {value}"), Cell("no other")


def known_values() -> Iterator[tuple[str, str]]:
    """Yield each value of an enum that restricts no field, with the field it is named after."""
    for name, known in vars(models).items():
        if name.startswith("Known") and issubclass(known, StrEnum):
            yield from ((field_of(name), value) for value in known)


def _tokens() -> Cells:
    yield from each(Section.TOKEN_REQUEST, fields_of(models.TokenRequest))
    for status in issue_token.ANSWERS:
        yield Row(Section.TOKEN_STATUSES, str(status)), Cell()
    bodies = {status: fields_of(model) for status, model in issue_token.ANSWERS.items()}
    yield from each(Section.TOKEN_ANSWER, bodies.pop(200))
    yield from each(Section.TOKEN_REFUSAL, united(bodies.values()))


def fields_of(model: type) -> dict[str, str]:
    """Return the JSON types of a model's fields, by their names on the wire."""
    return {dotted(path): kind for path, kind in _of_type(msgspec.inspect.type_info(model)) if path}


def _of_type(
    info: msgspec.inspect.Type, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    forms = [info]
    if isinstance(info, msgspec.inspect.UnionType):
        forms = [form for form in info.types if not isinstance(form, msgspec.inspect.NoneType)]
    yield path, " or ".join(sorted(_KINDS[type(form)] for form in forms))
    for form in forms:
        if isinstance(form, msgspec.inspect.ListType):
            yield from _of_type(form.item_type, (*path, "[]"))
        elif isinstance(form, msgspec.inspect.StructType):
            for field in form.fields:
                yield from _of_type(field.type, (*path, field.encode_name))
