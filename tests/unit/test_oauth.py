"""Token requests: what each grant sends, and what each answer raises or returns."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import threading
import time
import traceback
import zlib
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
    StaticAuth,
    TokenPair,
    UnexpectedStatusError,
    authorize_url,
    login_with_code,
    login_with_password,
)
from enphase_streaming.auth import oauth
from enphase_streaming.core.options import TOKEN_URL
from enphase_streaming.secrets import causes
from enphase_streaming_api.api.tokens import issue_token
from enphase_streaming_api.models import TokenRequest
from scripted import Peer, scripted

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
    """A transport that records requests and returns a scripted answer."""

    def __init__(self, answer: Handler | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer or (lambda request: httpx.Response(200, json=ANSWER))
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return self._answer(request)


def refresh(wire: Wire, token_url: str = TOKEN_URL, **options: Any) -> str:
    auth = RefreshingAuth(
        **APPLICATION, refresh_token="planted-refresh-0", transport=wire.transport, **options
    )
    return auth.renew(None, token_url=token_url, now=NOW)


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
def test_each_grant_sends_a_form_with_basic_credentials(
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
def test_each_grant_uses_the_generated_operation(
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


def test_in_query_sends_a_query_string_and_keeps_it_out_of_logs(
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


def test_logs_keep_the_query_of_other_urls(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refresh(Wire(), in_query=True)
    with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200))) as http:
        http.get("https://example.com/?page=2")
    assert "https://example.com/?page=2" in caplog.text


def test_renew_at_is_ten_minutes_before_expiry() -> None:
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
def test_a_malformed_lifetime_still_returns_the_pair(expires_in: object, lifetime: float) -> None:
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
def test_optional_fields_of_other_types_still_return_the_pair(odd: dict[str, Any]) -> None:
    pair = code(Wire(lambda request: httpx.Response(200, json=ANSWER | odd)))
    assert pair.refresh_token == "planted-refresh-1"


def test_expires_in_defaults_to_a_day() -> None:
    answer = {name: value for name, value in ANSWER.items() if name != "expires_in"}
    pair = code(Wire(lambda request: httpx.Response(200, json=answer)))
    assert pair.expires_at - time.time() == pytest.approx(86_400, abs=60)


@pytest.mark.parametrize("given", [None, "", 5])
def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one(given: object) -> None:
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
def test_a_200_without_a_usable_token_raises_login_required(
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
def test_each_error_status_raises_its_exception_after_one_request(
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


def test_a_rate_limit_carries_retry_at() -> None:
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
def test_no_answer_raises_connection_failed(
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


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@EACH
def test_a_compressed_answer_is_decoded(grant: Callable[[Wire], object], coding: str) -> None:
    plain, headers = json.dumps(ANSWER).encode(), {"content-encoding": coding}
    body = gzip.compress(plain) if coding == "gzip" else zlib.compress(plain)
    wire = Wire(lambda request: httpx.Response(200, content=iter([body]), headers=headers))
    grant(wire)
    assert len(wire.requests) == 1


@EACH
def test_an_endless_answer_raises_connection_failed(grant: Callable[[Wire], object]) -> None:
    with pytest.raises(ConnectionFailed, match="longer than 65536 bytes"):
        grant(Wire(lambda request: httpx.Response(200, content=endless())))


def test_a_trickling_body_raises_connection_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "_TIMEOUT", 0.05)

    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b" "

    with pytest.raises(ConnectionFailed, match="no complete answer within"):
        refresh(Wire(lambda request: httpx.Response(200, content=trickle())))


@EACH
def test_an_answer_that_never_comes_raises_connection_failed(
    grant: Callable[[Wire], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "_TIMEOUT", 0.05)
    test_is_over = threading.Event()

    def silent(request: httpx.Request) -> httpx.Response:
        test_is_over.wait(10)
        return httpx.Response(200, json=ANSWER)

    with pytest.raises(ConnectionFailed, match=r"no complete answer within 0\.05 s"):
        grant(Wire(silent))
    test_is_over.set()


def test_a_request_abandoned_before_it_was_sent_is_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oauth, "_TIMEOUT", 0.05)
    abandoned, sent = threading.Event(), list[httpx.Request]()

    class SlowToConnect(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            abandoned.wait(10)
            request.extensions["trace"]("http11.send_request_headers.started", {})
            sent.append(request)
            return httpx.Response(200, json=ANSWER)

    with pytest.raises(ConnectionFailed):
        login_with_code(
            **APPLICATION, code="c", redirect_uri="https://x", transport=SlowToConnect()
        )
    abandoned.set()
    for thread in threading.enumerate():
        if thread.name == "enphase-streaming":
            thread.join(5)
    assert sent == []


@EACH
def test_any_exception_of_a_transport_raises_connection_failed(
    grant: Callable[[Wire], object],
) -> None:
    # What Python raises for a proxy at port 99999.
    def fail(request: httpx.Request) -> httpx.Response:
        raise OverflowError("planted-secret planted-code planted-refresh-0: port must be 0-65535")

    with pytest.raises(ConnectionFailed, match="port must be") as caught:
        grant(Wire(fail))
    assert isinstance(caught.value.__cause__, OverflowError)


@EACH
def test_without_a_thread_connection_failed_is_raised(
    grant: Callable[[Wire], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    wire = Wire()
    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(ConnectionFailed, match="can't start new thread"):
        grant(wire)
    assert wire.requests == []


@EACH
def test_a_given_transport_is_not_closed(grant: Callable[[Wire], object]) -> None:
    closed: list[bool] = []

    class Shared(httpx.MockTransport):
        def close(self) -> None:
            closed.append(True)

    wire = Wire()
    wire.transport = Shared(wire._handle)
    grant(wire)
    assert (len(wire.requests), closed) == (1, [])


# --- secrets in tracebacks ------------------------------------------------------------------------


def shown_locals(error: BaseException) -> Iterator[str]:
    """Yield what a traceback with locals shows of frames other than this file's."""
    for each in causes(error):
        for frame, line in traceback.walk_tb(each.__traceback__):
            if frame.f_code.co_filename != __file__:
                where = f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}"
                yield from (f"{where}: {name} = {x!r}" for name, x in frame.f_locals.items())


def refused(request: httpx.Request) -> httpx.Response:
    return httpx.Response(400, json={"error": "invalid_grant"})


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset")


def unusable(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ANSWER | {"access_token": "planted token"})


@pytest.mark.parametrize("in_query", [False, True])
@pytest.mark.parametrize("answer", [refused, broken, unusable])
@EACH
def test_a_failed_token_request_leaves_no_secret_in_locals(
    grant: Callable[..., object], answer: Handler, in_query: bool
) -> None:
    with pytest.raises(EnphaseStreamingError) as caught:
        grant(Wire(answer), in_query=in_query)
    assert [each for each in shown_locals(caught.value) if "planted" in each] == []


@pytest.mark.parametrize("in_query", [False, True])
@EACH
def test_a_failed_connection_leaves_no_secret_in_locals(
    grant: Callable[..., object], in_query: bool
) -> None:
    # Through all of httpx and httpcore.
    def script(peer: Peer) -> None:
        peer.send(b"no HTTP\r\n\r\n")

    with scripted(script) as server:
        wire = Wire()
        wire.transport = httpx.HTTPTransport()  # type: ignore[assignment] # only passed on
        with pytest.raises(ConnectionFailed) as caught:
            grant(wire, in_query=in_query, token_url=f"{server.url}/oauth/token")
    assert [each for each in shown_locals(caught.value) if "planted" in each] == []


@pytest.mark.parametrize(
    "call",
    [
        lambda: code(Wire(), code="planted code"),
        lambda: code(Wire(), token_url="http://example.com"),
        lambda: password(Wire(), username=""),
        lambda: password(Wire(), password="planted\udc80"),
        lambda: RefreshingAuth(client_id="x", client_secret="planted secret"),
        lambda: RefreshingAuth(**APPLICATION, refresh_token="planted token"),
        lambda: StaticAuth("planted token"),
        lambda: TokenPair(
            access_token="planted token", refresh_token="", expires_at=2.0, renew_at=1.0
        ),
    ],
)
def test_a_malformed_secret_is_not_left_in_locals(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert [each for each in shown_locals(caught.value) if "planted" in each] == []


def test_what_the_caller_was_handling_keeps_its_locals() -> None:
    def failing() -> None:
        kept = "kept"
        raise LookupError(kept)

    def log_in_while_handling() -> None:
        try:
            failing()
        except LookupError:
            code(Wire(), code="planted code")

    with pytest.raises(InvalidArgument) as caught:
        log_in_while_handling()
    handled = caught.value.__context__
    assert isinstance(handled, LookupError)
    frames = [frame for frame, _ in traceback.walk_tb(handled.__traceback__)]
    assert frames[-1].f_locals["kept"] == "kept"


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
def test_an_insecure_token_url_is_refused_before_sending(
    token_url: str,
) -> None:
    wire = Wire()
    for grant in (code, password, refresh):
        with pytest.raises(InvalidArgument, match="token_url") as caught:
            grant(wire, token_url=token_url)
        assert "planted" not in str(caught.value)
    assert wire.requests == []


@EACH
def test_insecure_http_allows_plain_http_to_any_host(grant: Callable[..., object]) -> None:
    wire = Wire()
    grant(wire, token_url="http://mock:4010/oauth/token", insecure_http=True)
    assert str(wire.requests[0].url) == "http://mock:4010/oauth/token"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_plain_http_is_allowed_for_loopback(host: str) -> None:
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
def test_missing_or_malformed_arguments_are_refused_before_sending(
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
def test_text_that_cannot_be_encoded_is_refused_without_showing_it(
    login: Callable[..., object], name: str, odd: Any
) -> None:
    wire = Wire()
    with pytest.raises(InvalidArgument) as caught:
        login(wire, **{name: odd})
    assert str(caught.value) == (
        f"{name} must be a str that UTF-8 can encode (the value is not shown)."
    )
    # An exception of an encoder would hold the value.
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert wire.requests == []


@pytest.mark.parametrize("given", ["pässword ☃", "\U0001f511", "a\0b\n", "\ud7ff\ue000"])
def test_a_password_may_contain_any_character(given: str) -> None:
    wire = Wire()
    password(wire, password=given)
    assert form_of(wire.requests[0])["password"] == given


@pytest.mark.parametrize("given", [None, "", "planted secret", "planted\n", 5])
@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_malformed_client_credentials_are_refused_before_sending(name: str, given: Any) -> None:
    wire = Wire()
    application = {**APPLICATION, name: given}
    with pytest.raises(InvalidArgument, match=name) as caught:
        login_with_code(**application, code="c", redirect_uri="https://x", transport=wire.transport)
    assert "planted" not in str(caught.value)
    with pytest.raises(InvalidArgument, match=name):
        RefreshingAuth(**application)
    assert wire.requests == []


def test_authorize_url_encodes_its_parameters() -> None:
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
