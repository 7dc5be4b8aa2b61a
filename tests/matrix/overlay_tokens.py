"""What the overlay does to get tokens: what it sends for each grant, and reads of an answer."""

import json
from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import msgspec

from enphase_streaming import (
    APIStatusError,
    LoginRequired,
    RefreshingAuth,
    login_with_code,
    login_with_password,
)
from enphase_streaming.auth.oauth import Application
from enphase_streaming.auth.tokens import TokenPair
from enphase_streaming.core.answers import error_from_answer
from enphase_streaming.endpoints import TOKEN_URL
from enphase_streaming_api.models import (
    TokenError,
    TokenRequest,
    TokenRequestGrantType,
    TokenResponse,
)

from .generated import fields_of
from .rows import YES, Claims, Part, Row, Said, claims

ID, SECRET = "the-id", "the-secret"
PAIR = {"access_token": "a", "refresh_token": "r"}
EPOCH = datetime.fromtimestamp(0, UTC)


def tokens() -> Claims:
    """Yield what the overlay does to get tokens."""
    yield from _requests()
    yield from _statuses()
    yield from _answers()


def _requests() -> Claims:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=PAIR)

    more: dict[str, Any] = {
        "client_id": ID,
        "client_secret": SECRET,
        "transport": httpx.MockTransport(answer),
    }
    login_with_code(code="c", redirect_uri="https://app.example/callback", **more)
    login_with_password(username="owner", password="p", **more)
    RefreshingAuth(refresh_token="r", **more).renew(None, token_url=TOKEN_URL, now=EPOCH)
    for request in sent:
        yield Row(Part.OPERATIONS, f"{request.method} {request.url.path}"), YES
        scheme, _, shown = request.headers["Authorization"].partition(" ")
        if b64decode(shown).decode() == f"{ID}:{SECRET}":
            yield Row(Part.CREDENTIALS, f"token: {scheme.lower()}"), Said("always")
        form = parse_qs(request.content.decode())
        yield from claims(Part.TOKEN_REQUEST, dict.fromkeys(form, "string"))
        for grant in form["grant_type"]:
            yield Row(Part.GRANTS, f"grant_type: {grant}"), Said("no other")


def _traded(status: int, **answer: object) -> TokenPair:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=answer))
    return Application(ID, SECRET, transport=transport).request_tokens(
        TokenRequest(grant_type=TokenRequestGrantType.REFRESH_TOKEN, refresh_token="spent"),
        token_url=TOKEN_URL,
        now=EPOCH,
    )


def _statuses() -> Claims:
    made = type(_traded(200, **PAIR)).__name__
    yield Row(Part.TOKEN_STATUSES, "200"), Said("yes", made)
    for status in range(400, 500):
        try:
            _traded(status)
        except LoginRequired as error:
            # Those that nobody documented are caution, and no claim.
            said = Said("yes", type(error).__name__, claimed=False)
            yield Row(Part.TOKEN_STATUSES, str(status)), said
        except APIStatusError:
            continue  # what any other answer that is an error raises


def _answers() -> Claims:
    samples: tuple[tuple[str, object], ...] = (("integer", 461), ("string", "text"))
    for name in fields_of(TokenResponse):
        for kind, sample in samples:
            with suppress(LoginRequired):  # a token of that type is refused
                pair = _traded(200, **{**PAIR, name: sample})
                if sample in msgspec.structs.astuple(pair):
                    yield Row(Part.TOKEN_ANSWER, name), Said(kind)
    for name in fields_of(TokenError):
        refusal = error_from_answer(400, json.dumps({name: "text"}).encode(), now=EPOCH)
        if refusal.message == "text":
            yield Row(Part.TOKEN_REFUSAL, name), Said("string", ".message")
