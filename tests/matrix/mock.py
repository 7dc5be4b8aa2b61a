"""The column of the mock, as it answers without a socket and by a clock that is moved by hand."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import httpx

from enphase_streaming_mock import SCENARIOS, Mock
from enphase_streaming_mock.account import OWNER, PASSWORD, REDIRECT_URI

from .table import Cell, Cells, Column, Row, Section, dotted, each, edges, line_with, united

STREAM = "/systems/{system_id}/live_data"
_KINDS: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
}


def column(**options: Any) -> Column:
    """Return what the mock does; `options` are those of `Mock`."""
    with Asked(**options) as asked:
        cells = dict(
            chain(_parameters(asked), _credentials(asked), _answers(asked), _events(options))
        )
    with Asked(plan="partner") as asked:  # only partners may trade a password
        cells |= chain(_token_requests(asked), _token_answers(asked))
    optional = {Section.EVENT: "its site does not measure that"}
    return Column("mock", cells, _place, optional)


def _place(section: Section) -> str:
    package = "mock/enphase_streaming_mock"
    return line_with('"Savings Mode"', package) if section is Section.KNOWN else f"{package}/"


class Asked:
    """A mock, and an HTTP client that asks it."""

    def __init__(self, **options: Any) -> None:
        self.mock = Mock(**options)
        self.http = httpx.Client(transport=self.mock.transport())
        self.credentials = {
            "key": self.mock.api_key,
            "Authorization": f"Bearer {self.mock.access_token}",
        }

    def __enter__(self) -> "Asked":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.http.close()

    def url(self, system_id: object = None) -> str:
        """Return the address of a site's stream; of the mock's own site if none is given."""
        site = self.mock.system_id if system_id is None else system_id
        return self.mock.base_url + STREAM.replace("{system_id}", str(site))

    def status(self, method: str = "GET", system_id: object = None, **headers: str) -> int:
        """Return the status of an answer, without reading a stream."""
        sent = self.credentials | headers
        with self.http.stream(method, self.url(system_id), headers=sent) as response:
            return response.status_code

    def token(self, form: dict[str, str], secret: str = "") -> tuple[int, dict[str, Any]]:
        """Return status and body of an answer to a token request."""
        credentials = (self.mock.client_id, secret or self.mock.client_secret)
        response = self.http.post(self.mock.token_url, data=form, auth=credentials)
        return response.status_code, response.json()


def _parameters(asked: Asked) -> Cells:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        if asked.status(method) == 200:
            yield Row(Section.OPERATIONS, f"{method} {STREAM}"), Cell()
    if (asked.status(system_id="x"), asked.status(system_id="")) == (468, 404):
        yield Row(Section.PARAMETERS, "system_id"), Cell("integer in the path, required")
    if [asked.status(duration=text) for text in ("60", "60.5", "x")] == [200, 463, 463]:
        yield Row(Section.PARAMETERS, "duration"), Cell("integer in the header")
    if asked.status() == 200:
        yield Row(Section.PARAMETERS, "duration, sent when not given"), Cell("nothing")
    shortest, longest = edges(lambda seconds: asked.status(duration=str(seconds)) == 200, 60)
    yield Row(Section.BOUNDS, "duration, minimum"), Cell(str(shortest))
    yield Row(Section.BOUNDS, "duration, maximum"), Cell(str(longest))
    began = asked.mock.monotonic()
    asked.http.get(asked.url(), headers=asked.credentials)
    lasted = asked.mock.monotonic() - began
    yield Row(Section.BOUNDS, "duration, without the header"), Cell(f"{lasted:g}")


def _credentials(asked: Asked) -> Cells:
    for name, row in (("key", "key in the header"), ("Authorization", "bearer")):
        others = {other: value for other, value in asked.credentials.items() if other != name}
        if asked.http.get(asked.url(), headers=others).status_code == 401:
            yield Row(Section.CREDENTIALS, f"stream: {row}"), Cell("always")


def _answers(asked: Asked) -> Cells:
    """Yield every status that the mock gives when asked for it."""
    bodies = []
    for status in range(200, 600):
        sent = asked.credentials | {"Prefer": f"code={status}"}
        with asked.http.stream("GET", asked.url(), headers=sent) as response:
            # A status that it does not know is refused, in another form than a documented error.
            if response.status_code != status or (status >= 400 and "error" not in _body(response)):
                continue
            yield Row(Section.STATUSES, str(status)), Cell()
            yield Row(Section.MEDIA_TYPES, response.headers["Content-Type"]), Cell()
            if status >= 400:
                bodies.append(fields_of(_body(response)))
    yield from each(Section.ERROR, united(bodies))


def _body(response: httpx.Response) -> dict[str, Any]:
    response.read()
    body: dict[str, Any] = response.json()
    return body


def _events(options: dict[str, Any]) -> Cells:
    bodies: list[dict[str, str]] = []
    for scenario in SCENARIOS:
        with Asked(**{**options, "scenario": scenario}) as asked:
            # What happens in a scenario has happened within a minute.
            sent = asked.credentials | {"duration": "60"}
            *events, _ = asked.http.get(asked.url(), headers=sent).text.split("\n\n")
        for event in events:
            found = json.loads(event.removeprefix("data:"))
            bodies.append(fields_of(found))
            for name, value in found.get("data", {}).items():
                if isinstance(value, str):
                    # It sends odd ones as well, on purpose: none of them is claimed to be known.
                    row = Row(Section.KNOWN, f"{name}: {value}")
                    yield row, Cell("and others", claims=False)
    yield from each(Section.EVENT, united(bodies))


def fields_of(value: object) -> dict[str, str]:
    """Return the JSON types of an object's fields that are not null, by their names."""

    def walk(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if path and value is not None:
            yield dotted(path), _KINDS[type(value)]
        if isinstance(value, dict):
            for name, child in value.items():
                yield from walk(child, (*path, name))
        elif isinstance(value, list):
            for child in value:
                yield from walk(child, (*path, "[]"))

    return dict(walk(value, ()))


def _token_requests(asked: Asked) -> Cells:
    """Yield what each grant needs: asked for too little, the mock names what is missing."""
    mock = asked.mock
    _, refusal = asked.token({"grant_type": "x"})
    for grant in refusal["error_description"].removeprefix("Choose from ").split(", "):
        values = {
            "grant_type": grant,
            "code": mock.authorization_code(),
            "redirect_uri": REDIRECT_URI,
            "username": OWNER,
            "password": PASSWORD,
            "refresh_token": mock.refresh_token,
        }
        form: dict[str, str] = {}
        status, answer = asked.token(form)
        while status == 400 and answer["error_description"].endswith(" is missing"):
            name = answer["error_description"].partition(" ")[0]
            form[name] = values[name]
            status, answer = asked.token(form)
        if status == 200:
            yield Row(Section.GRANTS, f"grant_type: {grant}"), Cell("no other")
            yield from each(Section.TOKEN_REQUEST, dict.fromkeys(form, "string"))


def _token_answers(asked: Asked) -> Cells:
    """Yield the answers to a good grant, to one that is spent, and to a wrong secret."""
    _, pair = asked.token({"grant_type": "password", "username": OWNER, "password": PASSWORD})
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    answers = [asked.token(form, "wrong"), asked.token(form), asked.token(form)]
    yield Row(Section.OPERATIONS, "POST /oauth/token"), Cell()
    if answers[0][0] == 401:
        yield Row(Section.CREDENTIALS, "token: basic"), Cell("always")
    for status, _ in answers:
        yield Row(Section.TOKEN_STATUSES, str(status)), Cell()
    yield from each(Section.TOKEN_ANSWER, fields_of(pair))
    refused = united(fields_of(body) for status, body in answers if status >= 400)
    yield from each(Section.TOKEN_REFUSAL, refused)
