"""One token request: what it sends, and what each answer to it means."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from enphase_streaming import (
    ConnectionFailed,
    EnphaseStreamingError,
    InvalidArgument,
    LoginRequired,
    RateLimitError,
    RefreshingAuth,
    ServiceUnavailableError,
    TokenPair,
    UnexpectedStatusError,
    authorize_url,
    grants,
    login_with_code,
    login_with_password,
)
from enphase_streaming.core.options import TOKEN_URL
from enphase_streaming_api.api.tokens import issue_token
from enphase_streaming_api.models import TokenRequest

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)
APPLICATION: dict[str, Any] = {"client_id": "the-id", "client_secret": "planted-secret"}
PAGE: dict[str, Any] = {"client_id": "the id", "redirect_uri": "https://x", "state": "s"}
ANSWER = {
    "access_token": "planted-access",
    "token_type": "bearer",
    "refresh_token": "planted-refresh-1",
    "expires_in": 86393,
    "scope": "read write",
    "enl_uid": "217231",
    "is_internal_app": False,
    "app_type": "system",
}

Handler = Callable[[httpx.Request], httpx.Response]


class Wire:
    """A transport that keeps what was sent and answers what a test says."""

    def __init__(self, answer: Handler | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer or (lambda request: httpx.Response(200, json=ANSWER))
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return self._answer(request)


def refresh(wire: Wire, **options: Any) -> str:
    auth = RefreshingAuth(
        **APPLICATION, refresh_token="planted-refresh-0", transport=wire.transport, **options
    )
    return auth.renew(None, token_url=TOKEN_URL, now=NOW)


def code(wire: Wire, **options: Any) -> TokenPair:
    given = {"code": "planted-code", "redirect_uri": "https://example.com/in?x=1"} | options
    return login_with_code(**APPLICATION, **given, transport=wire.transport)


def password(wire: Wire, **options: Any) -> TokenPair:
    given = {"username": "owner@example.com", "password": "planted pässword&="} | options
    return login_with_password(**APPLICATION, **given, transport=wire.transport)


GRANTS = [
    (refresh, {"grant_type": "refresh_token", "refresh_token": "planted-refresh-0"}),
    (
        code,
        {
            "grant_type": "authorization_code",
            "code": "planted-code",
            "redirect_uri": "https://example.com/in?x=1",
        },
    ),
    (
        password,
        {
            "grant_type": "password",
            "username": "owner@example.com",
            "password": "planted pässword&=",
        },
    ),
]
EACH = pytest.mark.parametrize("grant", [refresh, code, password])


def form_of(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode()))


@pytest.mark.parametrize(("grant", "parameters"), GRANTS)
def test_each_grant_is_a_form_with_basic_credentials(
    grant: Callable[[Wire], object], parameters: dict[str, str]
) -> None:
    wire = Wire()
    grant(wire)
    (sent,) = wire.requests
    assert (sent.method, str(sent.url)) == ("POST", "https://api.enphaseenergy.com/oauth/token")
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    expected = base64.b64encode(b"the-id:planted-secret").decode()
    assert sent.headers["authorization"] == f"Basic {expected}"
    assert sent.headers["accept"] == "application/json"
    assert form_of(sent) == parameters


@EACH
def test_each_grant_goes_through_the_generated_operation(
    grant: Callable[[Wire], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TokenRequest] = []
    made = issue_token.get_kwargs

    def spy(*, body: TokenRequest) -> dict[str, Any]:
        seen.append(body)
        return made(body=body)

    monkeypatch.setattr(issue_token, "get_kwargs", spy)
    wire = Wire()
    grant(wire)
    (body,) = seen
    assert form_of(wire.requests[0]) == body.to_dict()


def test_the_published_form_is_a_query_that_no_log_shows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    wire = Wire()
    refresh(wire, in_query=True)
    (sent,) = wire.requests
    assert dict(sent.url.params) == GRANTS[0][1]
    assert sent.content == b""
    logged = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert logged == [
        'HTTP Request: POST https://api.enphaseenergy.com/oauth/token "HTTP/1.1 200 OK"'
    ]
    assert "planted" not in caplog.text


def test_other_addresses_keep_their_query_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refresh(Wire(), in_query=True)
    with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200))) as http:
        http.get("https://example.com/?page=2")
    assert "https://example.com/?page=2" in caplog.text


def test_the_pair_carries_when_to_renew_ahead_of_expiry() -> None:
    wire = Wire()
    before = time.time()
    pair = code(wire)
    assert (pair.access_token, pair.refresh_token) == ("planted-access", "planted-refresh-1")
    assert before + 86393 <= pair.expires_at <= time.time() + 86393
    # Longer than the longest window: no stream outlives the token that opened it.
    assert pair.expires_at - pair.renew_at == pytest.approx(600)


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (86393, 86393),
        ("86393", 86393),
        (3600.5, 3600.5),
        (60, 60),
        (None, 86400),
        ("soon", 86400),
        (True, 86400),
        ([], 86400),
        ({}, 86400),
        (0, 86400),
        (-5, 86400),
        ("nan", 86400),
        ("inf", 86400),
        (10**400, 86400),
    ],
)
def test_an_odd_lifetime_still_yields_the_pair(expires_in: object, lifetime: float) -> None:
    body = json.dumps({**ANSWER, "expires_in": expires_in})
    wire = Wire(lambda request: httpx.Response(200, text=body))
    before = time.time()
    pair = code(wire)
    assert pair.access_token == "planted-access"
    assert before + lifetime <= pair.expires_at <= time.time() + lifetime
    assert before < pair.renew_at < pair.expires_at


@pytest.mark.parametrize(
    "odd",
    [
        {"scope": 5, "enl_uid": 217231, "is_internal_app": "no", "token_type": None},
        {"new_field": {"deep": [1]}},
        {"app_type": ["system"], "enl_password_last_changed": 1638870641},
    ],
)
def test_optional_fields_of_other_types_still_yield_the_pair(odd: dict[str, Any]) -> None:
    pair = code(Wire(lambda request: httpx.Response(200, json=ANSWER | odd)))
    assert pair.refresh_token == "planted-refresh-1"


def test_missing_expires_in_is_a_day() -> None:
    answer = {name: value for name, value in ANSWER.items() if name != "expires_in"}
    pair = code(Wire(lambda request: httpx.Response(200, json=answer)))
    assert pair.expires_at - time.time() == pytest.approx(86_400, abs=60)


@pytest.mark.parametrize("given", [None, "", 5])
def test_a_refresh_that_brings_no_new_refresh_token_keeps_the_old_one(given: object) -> None:
    answer = ANSWER | {"refresh_token": given}
    wire = Wire(lambda request: httpx.Response(200, json=answer))
    auth = RefreshingAuth(**APPLICATION, refresh_token="old", transport=wire.transport)
    auth.renew(None, token_url=TOKEN_URL, now=NOW)
    auth.renew("planted-access", token_url=TOKEN_URL, now=NOW)
    assert [form_of(each)["refresh_token"] for each in wire.requests] == ["old", "old"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>planted</html>",
        b"null",
        b"[]",
        b'"planted"',
        b"\xff\xfe",
        b"{}",
        b'{"access_token": null}',
        b'{"access_token": ""}',
        b'{"access_token": 5}',
        b'{"access_token": "a\\nb"}',
        b'{"access_token": "pl\xc3\xa4nted"}',
        b"[" * 10_000,
        b'{"access_token": "a", "refresh_token": "planted token"}',
    ],
)
@EACH
def test_a_200_without_a_usable_token_wants_a_login(
    grant: Callable[[Wire], object], body: bytes
) -> None:
    wire = Wire(lambda request: httpx.Response(200, content=body))
    with pytest.raises(LoginRequired, match="log in again") as caught:
        grant(wire)
    assert "planted" not in str(caught.value)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, LoginRequired),
        (401, LoginRequired),
        (403, LoginRequired),
        (429, RateLimitError),
        (500, ServiceUnavailableError),
        (503, ServiceUnavailableError),
        (552, ServiceUnavailableError),
        (201, UnexpectedStatusError),
        (302, UnexpectedStatusError),
        (404, UnexpectedStatusError),
    ],
)
@EACH
def test_a_refusal_is_final_and_a_failure_is_its_own_exception(
    grant: Callable[[Wire], object], status: int, kind: type[EnphaseStreamingError]
) -> None:
    answer = {"error": "invalid_grant", "error_description": "planted-refresh-0 was spent"}
    headers = {"location": "https://example.com/elsewhere"}
    wire = Wire(lambda request: httpx.Response(status, json=answer, headers=headers))
    with pytest.raises(kind) as caught:
        grant(wire)
    assert type(caught.value) is kind
    assert len(wire.requests) == 1, "redirects are not followed, and nothing is sent twice"
    assert "was spent" in str(caught.value)
    if kind is LoginRequired:
        assert "log in again" in str(caught.value)


def test_a_rate_limit_carries_when_to_come_back() -> None:
    wire = Wire(lambda request: httpx.Response(429, headers={"retry-after": "90"}))
    with pytest.raises(RateLimitError) as caught:
        refresh(wire)
    assert caught.value.retry_at is not None
    assert (caught.value.retry_at - NOW).total_seconds() == 90


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slower"),
        httpx.RemoteProtocolError("nonsense"),
        httpx.DecodingError("garbled"),
        OSError("raw"),
        TimeoutError("raw"),
    ],
)
@EACH
def test_no_answer_is_a_failed_connection(
    grant: Callable[[Wire], object], error: Exception
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(ConnectionFailed, match="No response") as caught:
        grant(Wire(fail))
    assert caught.value.__cause__ is error


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 4096


@EACH
def test_an_answer_without_end_is_given_up_on(grant: Callable[[Wire], object]) -> None:
    with pytest.raises(ConnectionFailed, match="has no end"):
        grant(Wire(lambda request: httpx.Response(200, content=endless())))


def test_an_answer_that_trickles_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "_TIMEOUT", 0.05)

    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b" "

    with pytest.raises(ConnectionFailed, match="took too long"):
        refresh(Wire(lambda request: httpx.Response(200, content=trickle())))


@pytest.mark.parametrize(
    "token_url",
    [
        "http://example.com/oauth/token",
        "http://api.enphaseenergy.com/oauth/token",
        "ftp://example.com/oauth/token",
        "https://user:planted@example.com/oauth/token",
        "https://example.com/oauth/token?key=planted",
        "",
    ],
)
def test_an_address_that_would_show_secrets_is_refused_before_anything_is_sent(
    token_url: str,
) -> None:
    wire = Wire()
    for login in (code, password):
        with pytest.raises(InvalidArgument, match="token_url") as caught:
            login(wire, token_url=token_url)
        assert "planted" not in str(caught.value)
    assert wire.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    found = code(Wire(), token_url=f"http://{host}:4010/oauth/token")
    assert found.access_token == "planted-access"


@pytest.mark.parametrize(
    ("login", "changed"),
    [
        (code, {"code": ""}),
        (code, {"code": "planted code"}),
        (password, {"username": ""}),
        (password, {"password": ""}),
    ],
)
def test_what_is_missing_or_odd_is_refused_before_anything_is_sent(
    login: Callable[..., object], changed: dict[str, Any]
) -> None:
    wire = Wire()
    with pytest.raises(InvalidArgument) as caught:
        login(wire, **changed)
    assert wire.requests == []
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("odd", ["planted\udc80", "\ud800planted", b"planted", ["planted"], 5])
@pytest.mark.parametrize(
    ("login", "name"),
    [
        (password, "username"),
        (password, "password"),
        (code, "redirect_uri"),
        (lambda wire, **odd: authorize_url(**PAGE | odd), "client_id"),
        (lambda wire, **odd: authorize_url(**PAGE | odd), "redirect_uri"),
        (lambda wire, **odd: authorize_url(**PAGE | odd), "state"),
    ],
)
def test_what_no_form_can_carry_is_named_and_in_no_exception(
    login: Callable[..., object], name: str, odd: Any
) -> None:
    wire = Wire()
    with pytest.raises(InvalidArgument) as caught:
        login(wire, **{name: odd})
    assert str(caught.value) == (
        f"{name} is not a plain string: it must be a str without surrogates (which stand for "
        "bytes that are no UTF-8)."
    )
    # An exception of an encoder would hold the value.
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert wire.requests == []


@pytest.mark.parametrize("given", ["pässword ☃", "\U0001f511", "a\0b\n", "\ud7ff\ue000"])
def test_a_password_may_be_any_text(given: str) -> None:
    wire = Wire()
    password(wire, password=given)
    assert form_of(wire.requests[0])["password"] == given


@pytest.mark.parametrize("given", [None, "", "planted secret", "planted\n", 5])
@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_an_application_that_is_none_is_refused_before_anything_is_sent(
    name: str, given: Any
) -> None:
    wire = Wire()
    application = {**APPLICATION, name: given}
    with pytest.raises(InvalidArgument, match=name) as caught:
        login_with_code(**application, code="c", redirect_uri="https://x", transport=wire.transport)
    assert "planted" not in str(caught.value)
    with pytest.raises(InvalidArgument, match=name):
        RefreshingAuth(**application)
    assert wire.requests == []


def test_the_page_for_the_owner_carries_what_it_needs_and_no_secret() -> None:
    parts = urlsplit(
        authorize_url(client_id="the id", redirect_uri="https://example.com/in?a=b&c", state="s&t")
    )
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://api.enphaseenergy.com/oauth/authorize"
    )
    assert dict(parse_qsl(parts.query)) == {
        "response_type": "code",
        "client_id": "the id",
        "redirect_uri": "https://example.com/in?a=b&c",
        "state": "s&t",
    }


def test_one_transport_serves_every_renewal() -> None:
    wire = Wire()
    auth = RefreshingAuth(**APPLICATION, refresh_token="r", transport=wire.transport)
    for _ in range(3):
        auth.renew("planted-access", token_url=TOKEN_URL, now=NOW)
    assert len(wire.requests) == 3
