"""No secret appears in exceptions, logs, reprs and output, even if a server echoes it.

The servers here echo every request in the part of an answer that a test is named for. All secrets
begin with the same word, so that half of one would be found as well.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from rich.console import Console

from callers import Caller, Outcome, async_caller, sync_caller
from enphase_streaming import (
    APIStatusError,
    AsyncStreamingClient,
    Budget,
    BudgetExhausted,
    ConnectionFailed,
    EnphaseStreamingError,
    EventTooLarge,
    FileTokenStore,
    InvalidArgument,
    LoginRequired,
    MalformedEvent,
    MemoryTokenStore,
    NotAnEventStream,
    RefreshingAuth,
    StaticAuth,
    StreamDropped,
    StreamingClient,
    TokenPair,
    login_with_code,
    login_with_password,
)
from enphase_streaming.core.reading import EventReader
from enphase_streaming.errors import STATUSES
from enphase_streaming.secrets import masked
from enphase_streaming_api import client as generated
from enphase_streaming_api.models import TokenRequest, TokenRequestGrantType, TokenResponse
from scripted import STREAM_HEAD, HandClock, Peer, Scripted, scripted
from shell import COMMAND, environment, inside
from token_endpoint import request_of
from transports import aiohttp_caller

KEY, ACCESS, REFRESH = "planted.key+/=", "planted.access-0+/=", "planted.refresh-0+/="
NEW_ACCESS, NEW_REFRESH = "planted.access-1+/=", "planted.refresh-1+/="
CLIENT_SECRET, PASSWORD, CODE = "planted.secret+/=", "planted pässword'&\"=", "planted.code+/="
PAIR = TokenPair(access_token=ACCESS, refresh_token=REFRESH, expires_at=4e9, renew_at=4e9)
APPLICATION: dict[str, Any] = {"client_id": "the-id", "client_secret": CLIENT_SECRET}
BASIC = base64.b64encode(f"the-id:{CLIENT_SECRET}".encode()).decode()


def clean(text: str) -> bool:
    return "planted" not in text.lower() and BASIC not in text


class Everything(logging.Handler):
    """Every record of every logger, in every form that a handler could give it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)
        parts = [record.getMessage(), repr(record.msg), repr(record.args), self.format(record)]
        self.texts.append(f"{record.name}: {' '.join(parts)}")


@pytest.fixture(autouse=True)
def logged() -> Iterator[Everything]:
    """Everything that is logged; looked through at the end of every test here."""
    everything = Everything()
    root = logging.getLogger()
    loud = [root, *(logging.getLogger(name) for name in ("httpx", "httpcore", "asyncio"))]
    levels = [each.level for each in loud]
    for each in loud:
        each.setLevel(logging.DEBUG)
    root.addHandler(everything)
    try:
        yield everything
    finally:
        root.removeHandler(everything)
        for each, level in zip(loud, levels, strict=True):
            each.setLevel(level)
    leaks = [text for text in everything.texts if not clean(text)]
    assert leaks == []


def chain_of(error: BaseException) -> list[BaseException]:
    """An exception, its causes, and every context, hidden or not."""
    chain = [error]
    for each in chain:
        others = (each.__cause__, each.__context__)
        chain += [other for other in others if other is not None and other not in chain]
    return chain


def texts_of(error: BaseException) -> Iterator[str]:
    """Everything that an exception says and holds, and what it is caused by."""
    yield "".join(traceback.format_exception(error))
    for each in chain_of(error):
        yield from (str(each), repr(each), repr(each.args), repr(vars(each)))
        yield repr(getattr(each, "object", None))


def frames_of_dependencies(error: BaseException) -> list[str]:
    """The functions of dependencies whose locals can be reached from an exception."""
    return [
        frame.f_code.co_qualname
        for each in chain_of(error)
        for frame, _ in traceback.walk_tb(each.__traceback__)
        if "site-packages" in frame.f_code.co_filename
    ]


def assert_clean(outcome: Outcome, kind: type[Exception]) -> None:
    assert type(outcome.error) is kind, outcome.error
    for text in texts_of(outcome.error):
        assert clean(text), text
    assert frames_of_dependencies(outcome.error) == []


def echo(peer: Peer) -> str:
    """The head of a request on one line, as a server that explains itself would quote it."""
    head = peer.request.partition(b"\r\n\r\n")[0].decode("latin-1")
    return " ".join(head.split())


def options(server: Scripted, **more: Any) -> dict[str, Any]:
    given = {"api_key": KEY, "access_token": ACCESS, "base_url": server.base_url}
    return given | {"token_url": f"{server.url}/oauth/token"} | more


def renewing(**more: Any) -> RefreshingAuth:
    return RefreshingAuth(**APPLICATION, refresh_token=REFRESH, **more)


def head(status: str, *lines: str, kind: str = "application/json") -> bytes:
    headers = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", *lines])
    return f"{headers}\r\nConnection: close\r\n\r\n".encode()


# --- answers that are errors ----------------------------------------------------------------------


def envelope(code: int, text: str) -> bytes:
    error = {"code": code, "details": [{"was": text}], "message": text, "status": text}
    return json.dumps({"error": error, "type": text}).encode()


BODIES: dict[str, Callable[[int, str], bytes]] = {
    "envelope": envelope,
    "escaped": lambda code, text: envelope(code, text).replace(b"/", rb"\/"),
    "escaped by code": lambda code, text: envelope(code, text).replace(b"p", rb"\u0070"),
    "gateway": lambda code, text: json.dumps({"message": text, "details": text}).encode(),
    "list": lambda code, text: json.dumps({"reason": "x", "message": [text]}).encode(),
    "page": lambda code, text: f"<html>{text}</html>".encode(),
    "address": lambda code, text: f"see /?{quote_plus(text)}".encode(),
    "event": lambda code, text: b"data:" + envelope(code, text) + b"\n\n",
    "cut": lambda code, text: envelope(code, text)[:-5],
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_in_the_body_of_a_refusal(caller: Caller, status: int, body: str) -> None:
    def script(peer: Peer) -> None:
        peer.send(head(f"{status} No") + BODIES[body](status, echo(peer)))

    with scripted(script) as server:
        outcome = caller(options(server))
    assert isinstance(outcome.error, APIStatusError)
    assert_clean(outcome, type(outcome.error))
    assert "***" in outcome.error.body


def test_short_credentials_leave_messages_readable(caller: Caller) -> None:
    body = envelope(401, "API key is missing")
    given = {"api_key": "key", "access_token": "missing"}
    with scripted(lambda peer: peer.send(head("401 No") + body)) as server:
        error = caller(options(server, **given)).error
    assert isinstance(error, APIStatusError)
    assert error.message == "API key is missing"
    assert "API key is missing" in str(error)
    assert error.body == body.decode()


@pytest.mark.parametrize("status", [*STATUSES, 404, 500])
def test_in_the_reason_the_headers_and_the_body_of_every_status(
    caller: Caller, status: int, logged: Everything
) -> None:
    def script(peer: Peer) -> None:
        said = echo(peer)
        lines = [
            f"X-Echo: {said}",
            f"Location: https://x/?{quote_plus(said)}",
            f"Retry-After: {said}",
        ]
        peer.send(head(f"{status} {said}", *lines) + envelope(status, said))

    with scripted(script) as server:
        outcome = caller(options(server))
    assert isinstance(outcome.error, APIStatusError)
    assert_clean(outcome, type(outcome.error))
    assert {"httpx", "httpcore.http11", "httpcore.connection"} <= logged.names


def test_in_a_refusal_that_is_renewed_and_in_the_next(caller: Caller) -> None:
    def script(peer: Peer) -> None:
        if b"/oauth/token" in peer.request:
            request_of(peer)
            answer = {"access_token": NEW_ACCESS, "refresh_token": NEW_REFRESH}
            peer.send(head("200 OK") + json.dumps(answer).encode())
        else:
            peer.send(head(f"401 {echo(peer)}") + envelope(401, echo(peer)))

    store = MemoryTokenStore(PAIR)
    with scripted(script) as server:
        outcome = caller(options(server, access_token=None, auth=renewing(store=store)))
    assert len(server.peers) == 3
    assert isinstance(outcome.error, APIStatusError)
    assert_clean(outcome, type(outcome.error))
    assert store.load() != PAIR


def test_a_token_that_another_stream_has_replaced_meanwhile(caller: Caller) -> None:
    auth = renewing(store=MemoryTokenStore(PAIR))

    def script(peer: Peer) -> None:
        if b"/oauth/token" in peer.request:
            request_of(peer)
            answer = {"access_token": NEW_ACCESS, "refresh_token": NEW_REFRESH}
            peer.send(head("200 OK") + json.dumps(answer).encode())
            return
        # Another stream renews between this request and its answer.
        auth.renew(ACCESS, token_url=f"{server.url}/oauth/token", now=HandClock().now())
        peer.send(head("500 No") + envelope(500, echo(peer)))

    with scripted(script) as server:
        outcome = caller(options(server, access_token=None, auth=auth))
    assert_clean(outcome, STATUSES[550].error)


def test_in_a_cookie_that_is_malformed(transport_caller: Caller) -> None:
    def script(peer: Peer) -> None:
        peer.send(head("500 No", f"Set-Cookie: {echo(peer)}=1; Path={echo(peer)}"))

    with scripted(script) as server:
        given = {"api_key": "planted.key", "access_token": "planted.token"}
        # aiohttp takes no cookies from an IP address.
        given["base_url"] = server.base_url.replace("127.0.0.1", "localhost")
        assert_clean(transport_caller(options(server, **given)), STATUSES[550].error)


@pytest.mark.parametrize("shown", [8, 18, 20, 21, 22])
def test_in_a_body_that_the_limit_cuts(caller: Caller, shown: int) -> None:
    body = ("x" * (65_536 - shown) + quote_plus(ACCESS)).encode()
    with scripted(lambda peer: peer.send(head("500 No") + body)) as server:
        outcome = caller(options(server))
    assert isinstance(outcome.error, APIStatusError)
    assert outcome.error.body == "x" * (65_536 - shown) + "***"
    assert_clean(outcome, STATUSES[550].error)


# --- answers that are none ------------------------------------------------------------------------


@pytest.fixture(
    params=[sync_caller, async_caller, aiohttp_caller], ids=["sync", "async", "aiohttp"]
)
def transport_caller(request: pytest.FixtureRequest) -> Caller:
    """Each client, and each transport of the asyncio one."""
    caller: Caller = request.param
    return caller


@pytest.mark.parametrize(
    "answer",
    [
        lambda said: f"HTTP/1.1 {said}\r\n\r\n",
        lambda said: f"{said}\r\n\r\n",
        lambda said: f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n",
        lambda said: f"HTTP/1.1 200 OK\r\n{said}: x\r\nContent-Length: x\r\n\r\n",
        lambda said: f"HTTP/1.1 200 OK\r\nContent-Length: {said}\r\n\r\n",
    ],
)
def test_in_an_answer_that_is_no_http(
    transport_caller: Caller, answer: Callable[[str], str]
) -> None:
    with scripted(lambda peer: peer.send(answer(echo(peer)).encode())) as server:
        outcome = transport_caller(options(server))
    assert_clean(outcome, ConnectionFailed)


def test_in_a_transfer_encoding(caller: Caller) -> None:
    def script(peer: Peer) -> None:
        peer.send(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {echo(peer)}\r\n\r\n".encode())

    with scripted(script) as server:
        assert_clean(caller(options(server)), ConnectionFailed)


def test_in_half_a_head(transport_caller: Caller) -> None:
    with scripted(lambda peer: peer.send(b"HTTP/1.1 200 OK\r\n" + echo(peer).encode())) as server:
        assert_clean(transport_caller(options(server)), ConnectionFailed)


def test_in_a_connection_that_is_refused(transport_caller: Caller) -> None:
    with scripted(lambda peer: None) as server:
        pass
    assert_clean(transport_caller(options(server)), ConnectionFailed)


def test_in_the_log_of_a_watch_that_gets_no_answer(transport_caller: Caller) -> None:
    def script(peer: Peer) -> None:
        peer.send(f"HTTP/1.1 {echo(peer)}\r\n\r\n".encode())

    with scripted(script) as server:
        outcome = transport_caller(options(server), method="watch", budget=Budget(calls=1))
    assert_clean(outcome, BudgetExhausted)


@pytest.mark.parametrize("kind", ["text/html", "text/html; planted={}"])
def test_in_a_200_that_is_no_stream(caller: Caller, kind: str) -> None:
    def script(peer: Peer) -> None:
        said = echo(peer)
        peer.send(head("200 OK", kind=kind.format(said).replace("planted=", "")) + said.encode())

    with scripted(script) as server:
        outcome = caller(options(server))
    assert_clean(outcome, NotAnEventStream)


# --- inside a stream ------------------------------------------------------------------------------


def streaming(send: Callable[[Peer, str], None]) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.send(STREAM_HEAD)
        with suppress(ConnectionError):  # a command that wants one reading leaves early
            peer.chunk(HandClock().event())
            send(peer, echo(peer))

    return script


def test_in_an_error_inside_the_stream(caller: Caller) -> None:
    def send(peer: Peer, said: str) -> None:
        peer.chunk(b"data:" + envelope(473, said).replace(b"/", rb"\/") + b"\n\n")

    with scripted(streaming(send)) as server:
        assert_clean(caller(options(server)), STATUSES[473].error)


@pytest.mark.parametrize(
    "form", ["{}", '{{"a": "{}"', '{{"{}": 1, "data": x', '["{}"]', '"{}"', "{}\udc80"]
)
def test_in_an_event_that_is_malformed(caller: Caller, form: str) -> None:
    def send(peer: Peer, said: str) -> None:
        event = f"event: {said}\nid: {said}\ndata:{form.format(said)}\n\n"
        peer.chunk(event.encode(errors="surrogateescape"))
        peer.end()

    told: list[MalformedEvent] = []
    with scripted(streaming(send)) as server:
        assert_clean(caller(options(server), on_malformed="raise"), MalformedEvent)
        caller(options(server), on_malformed=told.append)
        caller(options(server))
    (malformed,) = told
    assert all(clean(text) for text in texts_of(malformed))


def test_a_large_malformed_event_costs_little() -> None:
    text = '"\\n",' * 43_690
    secrets = [KEY, ACCESS, f"{REFRESH}{KEY}" * 20]
    reader = EventReader(mask=lambda text: masked(text, secrets))
    began = time.process_time()
    with pytest.raises(MalformedEvent) as caught:
        reader.read(text, HandClock().now())
    # To mask each of its strings takes ten seconds; 50 ms are too much.
    assert time.process_time() - began < 0.5
    assert caught.value.data == text[:120]


def test_a_malformed_event_is_cut_before_and_after_a_secret_is_masked() -> None:
    reader = EventReader(mask=lambda text: masked(text, [ACCESS]))
    for before in range(1100):
        with pytest.raises(MalformedEvent) as caught:
            reader.read("x" * before + ACCESS * 80, HandClock().now())
        assert ACCESS[:8] not in caught.value.data
        assert caught.value.data.startswith(f"{'x' * before}***"[:120])


def test_in_an_event_that_is_too_large(caller: Caller) -> None:
    def send(peer: Peer, said: str) -> None:
        peer.chunk(f"data:{said * 20}".encode())

    with scripted(streaming(send)) as server:
        assert_clean(caller(options(server, max_event_bytes=2_000)), EventTooLarge)


def test_in_a_chunk_that_is_malformed(caller: Caller) -> None:
    with scripted(streaming(lambda peer, said: peer.send(said.encode() + b"\r\n"))) as server:
        assert_clean(caller(options(server)), StreamDropped)


def test_in_a_connection_that_breaks_within_a_chunk(transport_caller: Caller) -> None:
    def send(peer: Peer, said: str) -> None:
        peer.send(b"ffff\r\n" + said.encode())

    with scripted(streaming(send)) as server:
        assert_clean(transport_caller(options(server)), StreamDropped)


def test_in_the_context_of_an_event_that_cannot_be_decoded() -> None:
    said = f"token {ACCESS}"
    for text in (f'{{"{said}": 1, "data": x', f'{{"a": "{said}\udc80"}}', f'["{said}"]'):
        reader = EventReader(mask=lambda text: masked(text, [ACCESS]))
        with pytest.raises(MalformedEvent) as caught:
            reader.read(text, HandClock().now())
        for shown in texts_of(caught.value):
            assert clean(shown), shown


def test_in_a_stream_that_goes_well_and_in_its_address(caller: Caller, clock: HandClock) -> None:
    def send(peer: Peer, said: str) -> None:
        target = said.split()[1]
        assert target == "/api/v4/systems/1765/live_data"
        clock.time += 30
        peer.end()

    patient = {"first_reading_timeout": 1000, "stall_timeout": 1000}
    given = {"monotonic": clock.monotonic, "now": clock.now, **patient}
    with scripted(streaming(send)) as server:
        outcome = caller(options(server, **given))
    assert outcome.error is None
    assert clean(repr(outcome.end))


class OwnAuth:
    """A user's own auth, which returns any object that it is given."""

    can_refresh = False

    def __init__(self, token: Any, *, at_once: bool) -> None:
        self._token, self._at_once = token, at_once

    def current(self, now: datetime) -> Any:
        return self._token if self._at_once else None

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> Any:
        return self._token

    def secrets(self) -> tuple[str, ...]:
        return (self._token,) if isinstance(self._token, str) else ()


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("token", ["plantedä", "planted\udc80", "planted\n", b"planted", 5, ""])
def test_in_a_token_that_no_header_can_carry(caller: Caller, token: Any, at_once: bool) -> None:
    with scripted(lambda peer: None) as server:
        auth = OwnAuth(token, at_once=at_once)
        outcome = caller(options(server, access_token=None, auth=auth))
    assert server.peers == []
    assert_clean(outcome, InvalidArgument)
    assert str(outcome.error).startswith("access_token ")
    assert str(outcome.error).endswith("It is what auth returned.")


# --- the token endpoint ---------------------------------------------------------------------------


def refusing(peer: Peer, status: str) -> None:
    """Answer with everything that was sent, in every part of the answer."""
    _, target, headers, body = request_of(peer)
    said = f"{target} {headers['authorization']} {body.decode()}"
    answer = {"error": said, "error_description": said, "message": said}
    peer.send(head(f"{status} {said}", f"X-Echo: {said}") + json.dumps(answer).encode())


def trade(grant: str, server: Scripted) -> object:
    token_url = f"{server.url}/oauth/token"
    if grant == "code":
        given: dict[str, Any] = {"code": CODE, "redirect_uri": "https://x"}
        return login_with_code(**APPLICATION, **given, token_url=token_url)
    if grant == "password":
        given = {"username": "owner", "password": PASSWORD}
        return login_with_password(**APPLICATION, **given, token_url=token_url)
    auth = renewing(in_query=grant == "refresh in the query")
    return auth.renew(None, token_url=token_url, now=HandClock().now())


GRANTS = ["code", "password", "refresh", "refresh in the query"]


@pytest.mark.parametrize("status", ["400", "401", "429", "503", "302", "200"])
@pytest.mark.parametrize("grant", GRANTS)
def test_in_what_the_token_endpoint_says(grant: str, status: str) -> None:
    with (
        scripted(lambda peer: refusing(peer, status)) as server,
        pytest.raises(EnphaseStreamingError) as caught,
    ):
        trade(grant, server)
    for text in texts_of(caught.value):
        assert clean(text), text


@pytest.mark.parametrize("grant", GRANTS)
def test_in_an_answer_of_the_token_endpoint_that_is_no_http(grant: str) -> None:
    def script(peer: Peer) -> None:
        _, target, headers, body = request_of(peer)
        peer.send(f"{target} {headers['authorization']} {body.decode()}\r\n\r\n".encode())

    with scripted(script) as server, pytest.raises(ConnectionFailed) as caught:
        trade(grant, server)
    for text in texts_of(caught.value):
        assert clean(text), text


@pytest.mark.parametrize("grant", GRANTS)
def test_in_tokens_that_are_issued(grant: str) -> None:
    def script(peer: Peer) -> None:
        request_of(peer)
        answer = {"access_token": NEW_ACCESS, "refresh_token": NEW_REFRESH}
        peer.send(head("200 OK") + json.dumps(answer).encode())

    with scripted(script) as server:
        found = trade(grant, server)
    assert found == NEW_ACCESS or clean(repr(found))


def test_a_refused_renewal_of_a_stream(caller: Caller) -> None:
    with scripted(lambda peer: refusing(peer, "400")) as server:
        outcome = caller(options(server, access_token=None, auth=renewing()))
    assert_clean(outcome, LoginRequired)


# --- what objects show ----------------------------------------------------------------------------


def test_in_no_repr(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "tokens.json")
    store.save(PAIR)
    auth = renewing(store=store)
    budget = Budget(calls=3)
    given: dict[str, Any] = {"api_key": KEY, "access_token": ACCESS}
    with StreamingClient(**given) as client, StreamingClient(api_key=KEY, auth=auth) as other:
        shown = [
            *(client, other, client.live_data(1), other.watch(1, budget=budget)),
            *(AsyncStreamingClient(**given), AsyncStreamingClient(**given).live_data(1)),
            *(auth, store, MemoryTokenStore(PAIR), StaticAuth(ACCESS), PAIR, budget),
            TokenRequest(
                grant_type=TokenRequestGrantType.PASSWORD,
                code=CODE,
                username="owner",
                password=PASSWORD,
                refresh_token=REFRESH,
            ),
            TokenResponse(access_token=ACCESS, refresh_token=REFRESH),
            generated.Client("https://x", headers={"key": KEY}),
            generated.AuthenticatedClient("https://x", token=ACCESS, headers={"key": KEY}),
        ]
        screen = io.StringIO()
        Console(file=screen, width=500).print(*shown, shown)
        for each in shown:
            assert clean(f"{each!r} {each}")
        assert clean(screen.getvalue())


# --- the command ----------------------------------------------------------------------------------

FAST = ["watch", "--calls", "2", "--clock-speed", "100"]


def cli(server: Scripted, **more: str) -> dict[str, str]:
    given = {"ENPHASE_API_KEY": KEY, "ENPHASE_SYSTEM_ID": "1765"}
    return environment(None, **given, ENPHASE_BASE_URL=server.base_url, **more)


@pytest.mark.parametrize(
    "script",
    [
        lambda peer: peer.send(head(f"401 {echo(peer)}") + envelope(401, echo(peer))),
        lambda peer: peer.send(head(f"550 {echo(peer)}") + f"<p>{echo(peer)}".encode()),
        lambda peer: peer.send(f"{echo(peer)}\r\n\r\n".encode()),
        lambda peer: peer.send(head("200 OK") + echo(peer).encode()),
        streaming(lambda peer, said: peer.chunk(f"data:{said}\n\n".encode())),
        streaming(lambda peer, said: peer.chunk(b"data:" + envelope(468, said) + b"\n\n")),
    ],
)
def test_in_no_output_of_the_command(script: Callable[[Peer], None]) -> None:
    with scripted(script) as server:
        for arguments in (FAST, [*FAST, "--json"], ["snapshot"]):
            done = inside(*arguments, env=cli(server, ENPHASE_ACCESS_TOKEN=ACCESS))
            assert clean(done.stdout + done.stderr), done.stderr


def test_in_no_output_of_the_command_that_renews(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    FileTokenStore(path).save(
        TokenPair(access_token=ACCESS, refresh_token=REFRESH, expires_at=2.0, renew_at=1.0)
    )
    more = {"ENPHASE_CLIENT_ID": "the-id", "ENPHASE_CLIENT_SECRET": CLIENT_SECRET}
    with scripted(lambda peer: refusing(peer, "400")) as server:
        env = cli(server, ENPHASE_TOKEN_FILE=str(path), **more)
        done = inside("snapshot", env=env)
        assert done.returncode == 6
        assert clean(done.stdout + done.stderr), done.stderr
        for command, answers in (
            (["login"], f"https://x\n{CODE}\n"),
            (["login", "--password"], f"owner\n{PASSWORD}\n"),
        ):
            done = inside(*command, env=env, answers=answers)
            assert done.returncode == 6
            assert clean(done.stdout + done.stderr), done.stderr


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="the system has no /proc")
def test_in_no_title_of_the_process() -> None:
    def send(peer: Peer, said: str) -> None:
        peer.wait_for_hang_up()

    with scripted(streaming(send)) as server:
        env = cli(server, ENPHASE_ACCESS_TOKEN=ACCESS)
        with subprocess.Popen(
            [*COMMAND, "watch", "--calls", "1"], env=env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert any(b" 30 W " in line for line in process.stdout)
            shown = "".join(
                Path(f"/proc/{process.pid}/{name}").read_text() for name in ("cmdline", "comm")
            )
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert clean(shown)
    assert clean((out + err).decode())


def test_the_search_would_find_one(logged: Everything) -> None:
    logging.getLogger("httpcore.http11").debug("nothing keeps %s", "planted.elsewhere")
    assert not clean(logged.texts.pop())
