"""What the mock as it is installed does when it is asked: no socket, and a clock by hand."""

import json
from itertools import chain
from typing import Any

from enphase_streaming_mock import SCENARIOS, Mock, Reply, Request

from .mock_tokens import tokens
from .rows import (
    YES,
    Claims,
    Part,
    Row,
    Said,
    Witness,
    claims,
    parameter,
    sent_fields,
    shared,
    when_not_given,
)

Pairs = tuple[tuple[str, str], ...]


def witness() -> Witness:
    """Return what the mock does."""
    mock = Mock()
    said = chain(
        _parameters(mock),
        _durations(mock),
        _credentials(mock),
        _answers(mock),
        _events(),
        tokens(),
    )
    return Witness("mock", dict(said), {Part.REQUIRED: "it sends what may be left out as well"})


def _credentials_of(mock: Mock) -> Pairs:
    contract = mock.engine.contract
    token = f"{contract.token_scheme.title()} {mock.access_token}"
    return ((contract.key_name, mock.api_key), ("Authorization", token))


def _asked(
    mock: Mock,
    *headers: tuple[str, str],
    credentials: Pairs | None = None,
    query: Pairs = (),
    system_id: object = None,
    method: str = "GET",
) -> Reply:
    contract = mock.engine.contract
    site = mock.system_id if system_id is None else system_id
    path = f"{contract.before_system_id}{site}{contract.after_system_id}"
    shown = _credentials_of(mock) if credentials is None else credentials
    return mock.engine.answer(Request(method, path, (*shown, *headers), query), mock.now())


def _status(mock: Mock, *headers: tuple[str, str], **more: Any) -> int:
    """Return the status of an answer, 0 if the mock cannot make one."""
    try:
        return _asked(mock, *headers, **more).status
    except ValueError:  # it would refuse with an error that its document does not have any more
        return 0


def _parameters(mock: Mock) -> Claims:
    contract = mock.engine.contract
    path = contract.before_system_id.removeprefix(contract.base_path) + "{}"
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        if _status(mock, method=method) == 200:
            yield Row(Part.OPERATIONS, f"{method} {path}{contract.after_system_id}"), YES
    if (_status(mock, system_id="x"), _status(mock, system_id="")) == (468, 404):
        yield parameter("system_id", "integer", "path", needed=True)
    name = contract.duration_name
    if [_status(mock, (name, text)) for text in ("60", "60.5", "x")] == [200, 463, 463]:
        yield parameter(name, "integer", "header", needed=_status(mock) != 200)
    if _status(mock) == 200:
        yield when_not_given(name, None)


def _durations(mock: Mock) -> Claims:
    name = mock.engine.contract.duration_name
    taken = [each for each in range(500) if _status(mock, (name, str(each))) == 200]
    yield Row(Part.BOUNDS, f"{name}, minimum"), Said(str(min(taken)))
    yield Row(Part.BOUNDS, f"{name}, maximum"), Said(str(max(taken)))
    *_, ended = [step.due for step in _asked(mock).steps or ()]
    yield Row(Part.BOUNDS, f"{name}, without the header"), Said(f"{ended:g}")


def _credentials(mock: Mock) -> Claims:
    key, token = _credentials_of(mock)
    scheme = token[1].partition(" ")[0].lower()
    for name, others in ((f"{key[0]} in the header", (token,)), (scheme, (key,))):
        if _status(mock, credentials=others) == 401:
            yield Row(Part.CREDENTIALS, f"stream: {name}"), Said("always")
    if _status(mock, credentials=(token,), query=(key,)) == 200:
        row = Row(Part.CREDENTIALS, f"stream: {key[0]} in the query")
        yield row, Said("always", claimed=False)


def _answers(mock: Mock) -> Claims:
    bodies: dict[str, dict[str, str]] = {}
    unasked = _unasked()
    reply = _asked(mock)
    yield Row(Part.STATUSES, str(reply.status)), Said("yes", "unasked")
    yield Row(Part.MEDIA_TYPES, dict(reply.headers)["Content-Type"]), YES
    for status in range(201, 600):
        reply = _asked(mock, ("Prefer", f"code={status}"))
        # What it does not know is refused in another form than the errors that are documented.
        if reply.status == status and "error" in json.loads(reply.body):
            note = "unasked" if status in unasked else "on request"
            yield Row(Part.STATUSES, str(status)), Said("yes", note)
            yield Row(Part.MEDIA_TYPES, dict(reply.headers)["Content-Type"]), YES
            bodies[str(status)] = sent_fields([reply.body])
    yield from claims(Part.ERROR, shared(bodies))


def _unasked() -> set[int]:
    """Return the statuses that a client meets by what it does, without asking for them."""
    mock, limited = Mock(), Mock(plan="kilowatt", limit_answer="documented")
    limited.use_up("minute")
    mock.account.add_owner("neighbour", "secret")
    neighbour = mock.account.issue(mock.account.app, "neighbour", mock.now())
    key, (name, token) = _credentials_of(mock)
    theirs = (name, token.replace(mock.access_token, neighbour.access_token))
    duration = mock.engine.contract.duration_name
    return {
        _status(mock, credentials=()),
        _status(mock, credentials=(key, theirs)),
        _status(mock, system_id=mock.system_id + 1),
        _status(limited),
        *(_status(mock, (duration, text)) for text in ("1", "x", "99999")),
    }


def _events() -> Claims:
    texts = []
    for scenario in SCENARIOS:
        mock = Mock(scenario=scenario)
        # What happens in a scenario has happened within a minute.
        reply = _asked(mock, (mock.engine.contract.duration_name, "60"))
        *events, _ = b"".join(step.data for step in reply.steps or ()).split(b"\n\n")
        texts += [event.removeprefix(b"data:") for event in events]
    yield from claims(Part.EVENT, sent_fields(texts))
    for reading in [json.loads(text).get("data", {}) for text in texts]:
        for name, value in reading.items():
            if isinstance(value, str):
                # It sends odd ones as well, on purpose: none of them is claimed to be known.
                yield Row(Part.KNOWN, f"{name}: {value}"), Said("and others", claimed=False)
