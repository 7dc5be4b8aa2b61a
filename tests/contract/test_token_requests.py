"""Token requests on a socket: bounded in time, interruptible, past proxies, and across a fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from enphase_streaming import (
    ConnectionFailed,
    FileTokenStore,
    InvalidArgument,
    RefreshingAuth,
    ServiceUnavailableError,
    TokenPair,
)
from enphase_streaming.auth import oauth
from scripted import HandClock, Peer, Scripted, scripted
from token_endpoint import TokenCall, TokenEndpoint, send_json

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)
STARTS = {
    "head": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
    "nothing": b"",
}


def trickle(start: bytes) -> Callable[[Peer], None]:
    """Return a script that sends `start`, then bytes without end until the client hangs up."""

    def script(peer: Peer) -> None:
        with suppress(OSError):
            peer.send(start)
            while True:
                peer.send(b"x" if start else b"")
                peer.sock.settimeout(0.01)
                with suppress(TimeoutError):
                    if not peer.sock.recv(65536):
                        return

    return script


def renewing(store: FileTokenStore | None = None, refresh_token: str = "r0") -> RefreshingAuth:
    return RefreshingAuth(
        client_id="app", client_secret="planted-secret", refresh_token=refresh_token, store=store
    )


def token_url(server: Scripted) -> str:
    return f"{server.url}/oauth/token"


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", STARTS)
def test_a_trickling_answer_is_bounded_in_total_and_releases_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    monkeypatch.setattr(oauth, "_TIMEOUT", 0.3)
    store = FileTokenStore(tmp_path / "tokens.json")
    with scripted(trickle(STARTS[start])) as server:
        with pytest.raises(ConnectionFailed, match=r"within 0\.3 s|timed out"):
            renewing(store).renew(None, token_url=token_url(server), now=NOW)
        with store.lock():
            assert store.load() is None
    # The script ended: its connection was shut down.


INTERRUPTED = """
import sys
from datetime import UTC, datetime
from enphase_streaming import FileTokenStore, RefreshingAuth, login_with_code
app = {"client_id": "app", "client_secret": "s"}
what, url, path = sys.argv[1:]
if what == "login":
    login_with_code(**app, code="c", redirect_uri="https://x", token_url=url)
else:
    auth = RefreshingAuth(**app, refresh_token="r0", store=FileTokenStore(path))
    auth.renew(None, token_url=url, now=datetime.now(UTC))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("what", ["login", "renew"])
@pytest.mark.parametrize("start", ["head", "nothing"])
def test_ctrl_c_ends_a_token_request_at_once(tmp_path: Path, what: str, start: str) -> None:
    asked, path = threading.Event(), tmp_path / "tokens.json"

    def script(peer: Peer) -> None:
        asked.set()
        trickle(STARTS[start])(peer)

    with scripted(script) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, what, token_url(server), str(path)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert asked.wait(10)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert process.returncode != 0
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    assert "ignored" not in stderr
    with FileTokenStore(path).lock():
        pass


MANY_RENEWALS = """
import sys, threading, time
from contextlib import suppress
from enphase_streaming import ConnectionFailed, RefreshingAuth, StreamingClient
from enphase_streaming.auth import oauth
oauth._TIMEOUT = 1.0
base_url, token_url, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
auth = RefreshingAuth(client_id="app", client_secret="s", refresh_token="r0")
client = StreamingClient(api_key="k", auth=auth, base_url=base_url, token_url=token_url)

def read(site):
    with suppress(ConnectionFailed):
        list(client.live_data(site))

for site in range(1, many + 1):
    threading.Thread(target=read, args=(site,), daemon=True).start()
while sum(t.name == "enphase-streaming" and not t.daemon for t in threading.enumerate()) < many:
    time.sleep(0.01)
print("leaving", flush=True)
"""


def test_python_exits_within_the_bound_with_many_streams_waiting() -> None:
    with scripted(trickle(STARTS["head"])) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", MANY_RENEWALS, server.base_url, token_url(server), "20"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "leaving\n"
        started = time.monotonic()
        process.communicate(timeout=15)
    # One bound of a second, and not one for each stream.
    assert time.monotonic() - started < 8


class CountedLock:
    """A lock that tells when a number of threads have asked for it."""

    def __init__(self, many: int) -> None:
        self.all_asked = threading.Event()
        self._left = many
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.all_asked.set()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def test_calls_that_wait_for_a_failing_renewal_share_its_failure(clock: HandClock) -> None:
    many, errors = 20, list[Exception]()
    auth, lock, endpoint = renewing(), CountedLock(20), TokenEndpoint(clock)
    auth._locks[os.getpid()] = lock  # type: ignore[assignment] # what `with` needs of a lock

    def fail(peer: Peer, call: TokenCall) -> None:
        assert lock.all_asked.wait(10)
        send_json(peer, "503 Service Unavailable", {})

    endpoint.answer = fail
    with scripted(endpoint) as server:

        def renew() -> None:
            try:
                auth.renew(None, token_url=token_url(server), now=NOW)
            except ServiceUnavailableError as error:
                errors.append(error)

        threads = [threading.Thread(target=renew) for _ in range(many)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(10)
        assert (len(errors), len(endpoint.calls)) == (many, 1)
        renew()  # a later call asks again
        assert (len(errors), len(endpoint.calls)) == (many + 1, 2)


# --- the environment ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
def test_a_loopback_token_url_is_never_reached_through_a_proxy(
    clock: HandClock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    endpoint = TokenEndpoint(clock)

    def proxying(peer: Peer) -> None:
        send_json(peer, "502 Bad Gateway", {})

    with scripted(endpoint) as server, scripted(proxying) as proxy:
        monkeypatch.setenv(name, proxy.url)
        auth = renewing(refresh_token="app-refresh-0")
        assert auth.renew(None, token_url=token_url(server), now=NOW) == "app-access-1"
    assert proxy.peers == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:1080"),
        ("NO_PROXY", "[::1]"),
        ("SSL_CERT_FILE", "/no/such/file"),
        ("SSLKEYLOGFILE", "/no/such/folder/keys"),
    ],
)
def test_an_unusable_environment_is_named_and_no_token_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    store = FileTokenStore(tmp_path / "tokens.json")
    store.save(TokenPair(access_token="a", refresh_token="r", expires_at=2.0, renew_at=1.0))
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgument, match=f"^{name} must"):
        renewing(store).renew(None, token_url="https://192.0.2.1/oauth/token", now=NOW)


# --- forks ----------------------------------------------------------------------------------------

FORKED = """
import os, signal, threading
from datetime import UTC, datetime
import httpx
from enphase_streaming import RefreshingAuth
parent, asked, answer = os.getpid(), threading.Event(), threading.Event()

def handle(request):
    if os.getpid() == parent:
        asked.set()
        answer.wait(10)
    return httpx.Response(200, json={"access_token": "a", "refresh_token": "r"})

auth = RefreshingAuth(
    client_id="app", client_secret="s", refresh_token="r0", transport=httpx.MockTransport(handle)
)
def renew():
    return auth.renew(None, token_url="https://example.com", now=datetime.now(UTC))

thread = threading.Thread(target=renew)
thread.start()
asked.wait(10)
child = os.fork()
if child == 0:
    signal.alarm(8)
    os._exit(0 if renew() == "a" else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
answer.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_child_forked_during_a_renewal_can_renew() -> None:
    # From 3.12 on, Python warns of forks beside threads.
    command = [sys.executable, "-Wignore:This process:DeprecationWarning", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
