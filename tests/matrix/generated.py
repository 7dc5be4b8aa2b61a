"""What the generated client knows: its models, its tables of statuses, the requests it makes."""

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

from .rows import (
    YES,
    Claims,
    Part,
    Row,
    Said,
    Witness,
    claims,
    field_of,
    named,
    parameter,
    places_of,
    required,
    shared,
    when_not_given,
)

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
Typed = tuple[tuple[str, ...], str, msgspec.inspect.Type]


def witness() -> Witness:
    """Return what the generated client knows."""
    said = chain(
        _requests(),
        _parameters(),
        _streams_answers(),
        _known(),
        _tokens(),
    )
    silent = {
        Part.BOUNDS: "it sends what it is given; the overlay checks that",
        Part.CREDENTIALS: (
            "the generator knows no API keys, and leaves the scheme of the token operation to the "
            "caller"
        ),
    }
    return Witness("generated client", dict(said), silent)


def _requests() -> Claims:
    sent = live_data.get_kwargs(7)
    yield Row(Part.OPERATIONS, f"{sent['method']} {sent['url'].replace('/7/', '/{}/')}"), YES
    for kind in sent["headers"]["Accept"].split(", "):
        yield Row(Part.MEDIA_TYPES, kind), YES
    body = models.TokenRequest(grant_type=models.TokenRequestGrantType.PASSWORD)
    sent = issue_token.get_kwargs(body=body)
    yield Row(Part.OPERATIONS, f"{sent['method']} {sent['url']}"), YES
    yield from _credentials()


def _credentials() -> Claims:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    options = {"transport": httpx.MockTransport(answer)}
    with (
        AuthenticatedClient(BASE_URL, "the-token", httpx_args=options) as client,
        live_data.stream(7, client=client),
    ):
        scheme, _, token = requests[0].headers["Authorization"].partition(" ")
    if token == "the-token":
        yield Row(Part.CREDENTIALS, f"stream: {scheme.lower()}"), Said("always")


def _parameters() -> Claims:
    hints = get_type_hints(live_data.get_kwargs)
    parameters = inspect.signature(live_data.get_kwargs).parameters
    needed = {name: 7 for name, each in parameters.items() if each.default is each.empty}
    unset = httpx.Request(**_absolute(live_data.get_kwargs(**needed)))
    for name in parameters:
        sent = httpx.Request(**_absolute(live_data.get_kwargs(**{**needed, name: 60})))
        _, kind, _ = next(_of_model(hints[name]))
        for place, spelt in places_of("60", sent):
            yield parameter(spelt or name, kind, place, needed=name in needed)
            if name not in needed:
                yield when_not_given(spelt, unset.headers.get(spelt))


def _absolute(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "url": BASE_URL + arguments["url"]}


def _streams_answers() -> Claims:
    yield Row(Part.STATUSES, "200"), YES
    yield from claims(Part.EVENT, fields_of(live_data.EVENT))
    yield from _required(Part.EVENT, live_data.EVENT)
    for status in live_data.ERRORS:
        yield Row(Part.STATUSES, str(status)), YES
    bodies = {str(status): fields_of(model) for status, model in live_data.ERRORS.items()}
    yield from claims(Part.ERROR, shared(bodies))
    for model in live_data.ERRORS.values():
        yield from _required(Part.ERROR, model)


def _known() -> Claims:
    for name, value in known_values():
        yield Row(Part.KNOWN, f"{name}: {value}"), Said("and others")
    yield from _limited(Part.KNOWN, live_data.EVENT)


def known_values() -> Iterator[tuple[str, str]]:
    """Yield each value of an enum that restricts no field, with the field it is named after."""
    for name, known in vars(models).items():
        if name.startswith("Known") and issubclass(known, StrEnum):
            yield from ((field_of(name), value) for value in known)


def _tokens() -> Claims:
    yield from claims(Part.TOKEN_REQUEST, fields_of(models.TokenRequest))
    yield from _limited(Part.GRANTS, models.TokenRequest)
    yield from _required(Part.TOKEN_REQUEST, models.TokenRequest)
    refusals = {}
    for status, model in issue_token.ANSWERS.items():
        yield Row(Part.TOKEN_STATUSES, str(status)), YES
        if status == 200:
            yield from claims(Part.TOKEN_ANSWER, fields_of(model))
            yield from _required(Part.TOKEN_ANSWER, model)
        else:
            refusals[str(status)] = fields_of(model)
            yield from _required(Part.TOKEN_REFUSAL, model)
    yield from claims(Part.TOKEN_REFUSAL, shared(refusals))


def fields_of(model: type) -> dict[str, str]:
    """Return the names and types of a model's fields, as they are on the wire."""
    return {named(path): kind for path, kind, _ in _of_model(model) if path}


def _limited(part: Part, model: type) -> Claims:
    for path, _, info in _of_model(model):
        if isinstance(info, msgspec.inspect.EnumType):
            for member in info.cls:
                yield Row(part, f"{path[-1]}: {member.value}"), Said("no other")


def _required(part: Part, model: type) -> Claims:
    for path, _, info in _of_model(model):
        if isinstance(info, msgspec.inspect.StructType):
            for field in info.fields:
                if field.required:
                    yield required(part, (*path, field.encode_name))


def _of_model(model: type) -> Iterator[Typed]:
    return _of_type(msgspec.inspect.type_info(model), ())


def _of_type(info: msgspec.inspect.Type, path: tuple[str, ...]) -> Iterator[Typed]:
    """Yield what a type holds, itself first: path, type in the document's words, msgspec's type."""
    forms = [info]
    if isinstance(info, msgspec.inspect.UnionType):
        forms = [each for each in info.types if not isinstance(each, msgspec.inspect.NoneType)]
    yield path, " or ".join(sorted(_KINDS[type(form)] for form in forms)), forms[0]
    for form in forms:
        if isinstance(form, msgspec.inspect.ListType):
            yield from _of_type(form.item_type, (*path, "[]"))
        elif isinstance(form, msgspec.inspect.StructType):
            for field in form.fields:
                yield from _of_type(field.type, (*path, field.encode_name))
