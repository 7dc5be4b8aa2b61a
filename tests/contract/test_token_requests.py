"""Token requests on a socket: bounded in time, interruptible, past proxies, and across a fork."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
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
    TokenPair,
)
from enphase_streaming.auth import oauth
from scripted import HandClock, Peer, Scripted, scripted
from token_endpoint import TokenEndpoint, send_json

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
