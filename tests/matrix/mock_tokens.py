"""What the mock asks of a token request, and what it answers."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from enphase_streaming_mock import Mock, Request
from enphase_streaming_mock.account import OWNER, PASSWORD, REDIRECT_URI

from .rows import YES, Claims, Part, Row, Said, claims, sent_fields, shared


def tokens() -> Claims:
    """Yield what the mock asks of a token request, and what it answers."""
    mock = Mock(plan="partner")  # only partners may trade a password
    yield from _requests(mock)
    yield from _answers(mock)


def _issued(mock: Mock, form: dict[str, str], secret: str = "") -> tuple[int, dict[str, Any]]:
    basic = b64encode(f"{mock.client_id}:{secret or mock.client_secret}".encode()).decode()
    headers = (
        ("Authorization", f"Basic {basic}"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    path = mock.engine.contract.token_path
    request = Request("POST", path, headers, body=urlencode(form).encode())
    reply = mock.engine.answer(request, mock.now())
    return reply.status, json.loads(reply.body)


def _requests(mock: Mock) -> Claims:
    """Yield what it takes for each grant: asked for too little, it names what is missing."""
    _, refusal = _issued(mock, {"grant_type": "x"})
    for grant in refusal["error_description"].removeprefix("Choose from ").split(", "):
        values = {
            "grant_type": grant,
            "code": mock.authorization_code(),
            "redirect_uri": REDIRECT_URI,
            "username": OWNER,
            "password": PASSWORD,
            "refresh_token": mock.account.issue(mock.account.app, OWNER, mock.now()).refresh_token,
        }
        form: dict[str, str] = {}
        status, answer = _issued(mock, form)
        while status == 400 and answer["error_description"].endswith(" is missing"):
            name = answer["error_description"].partition(" ")[0]
            form[name] = values[name]
            status, answer = _issued(mock, form)
        if status == 200:
            yield Row(Part.GRANTS, f"grant_type: {grant}"), Said("no other")
            yield from claims(Part.TOKEN_REQUEST, dict.fromkeys(form, "string"))


def _answers(mock: Mock) -> Claims:
    good = {"grant_type": "refresh_token", "refresh_token": mock.refresh_token}
    refused, refusal = _issued(mock, good, secret="wrong")
    if refused == 401:
        yield Row(Part.CREDENTIALS, "token: basic"), Said("always")
    status, pair = _issued(mock, good)
    spent, used = _issued(mock, good)
    yield Row(Part.OPERATIONS, f"POST {mock.engine.contract.token_path}"), YES
    for each in (status, spent, refused):
        yield Row(Part.TOKEN_STATUSES, str(each)), YES
    yield from claims(Part.TOKEN_ANSWER, sent_fields([json.dumps(pair)]))
    bodies = {str(refused): sent_fields([json.dumps(refusal)])}
    bodies[str(spent)] = sent_fields([json.dumps(used)])
    yield from claims(Part.TOKEN_REFUSAL, shared(bodies))
