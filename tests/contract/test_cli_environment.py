"""An environment that cannot be used: one line that names the variable, in library and command."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from enphase_streaming import (
    AsyncStreamingClient,
    InvalidArgument,
    StreamingClient,
    login_with_code,
)
from shell import REAL, environment, inside, run

FAULTS = [
    ("ALL_PROXY", "socks://planted:planted@proxy:1080"),
    ("HTTPS_PROXY", "http://planted:planted@proxy:port"),
    ("http_proxy", "ftp://proxy"),
    ("all_proxy", "socks5://planted:planted@proxy:1080"),
    ("NO_PROXY", "[::1]"),
    ("no_proxy", "fd00::/8"),
    ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
    ("SSL_CERT_FILE", "/dev/null"),
    ("SSLKEYLOGFILE", "/nonexistent/keys"),
]
IDS = [f"{name}={value}" for name, value in FAULTS]
VARIABLES = {name for name, _ in FAULTS} | {"https_proxy", "HTTP_PROXY"}
LOGIN = {"ENPHASE_CLIENT_ID": "app", "ENPHASE_CLIENT_SECRET": "planted-secret"}


def login() -> None:
    login_with_code(
        client_id="app",
        client_secret="planted-secret",
        code="planted-code",
        redirect_uri="https://example.com/in",
        token_url="https://no.such.host.invalid/oauth/token",
    )


@pytest.fixture(autouse=True)
def without_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # Installed here, but not by everyone: a SOCKS proxy needs it.
    monkeypatch.setitem(sys.modules, "socksio", None)


@pytest.mark.parametrize(("name", "value"), FAULTS, ids=IDS)
@pytest.mark.parametrize(
    "use",
    [
        lambda: StreamingClient(api_key="planted-key", access_token="planted-token"),
        lambda: AsyncStreamingClient(api_key="planted-key", access_token="planted-token"),
        login,
    ],
    ids=["client", "asyncio", "login"],
)
def test_a_variable_that_httpx_cannot_use_is_an_invalid_argument(
    use: Callable[[], object], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgument, match=name) as caught:
        use()
    assert "planted" not in str(caught.value)
    causes = traceback.TracebackException.from_exception(caught.value)
    while (cause := causes.__cause__ or causes.__context__) is not None:
        assert "planted" not in str(cause)
        causes = cause


@pytest.mark.parametrize(("name", "value"), FAULTS, ids=IDS)
@pytest.mark.parametrize("command", [["snapshot", "--yes"], ["watch", "--calls", "1", "--yes"]])
def test_a_variable_that_httpx_cannot_use_is_one_line(
    command: list[str], name: str, value: str
) -> None:
    done = inside(*command, env=environment(None, **REAL, **{name: value}))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("enphase-streaming: ")
    assert name in done.stderr
    assert done.stderr.count("\n") == 1
    assert "planted" not in done.stderr


def test_a_login_names_the_variable_as_well(tmp_path: Path) -> None:
    env = environment(
        None,
        **LOGIN,
        ENPHASE_TOKEN_FILE=str(tmp_path / "tokens.json"),
        ENPHASE_BASE_URL="https://no.such.host.invalid/api/v4",
        SSL_CERT_FILE="/nonexistent/ca.pem",
    )
    done = inside("login", env=env, answers="https://example.com/in\nplanted-code\n")
    assert done.returncode == 2
    assert "enphase-streaming: SSL_CERT_FILE " in done.stderr
    assert "planted" not in done.stderr


@pytest.mark.parametrize("command", [["snapshot", "1765"], ["login"]])
@pytest.mark.parametrize(
    ("given", "name"),
    [({}, "HOME"), ({"ENPHASE_TOKEN_FILE": "~no-such-user/x"}, "ENPHASE_TOKEN_FILE")],
)
def test_an_unknown_home_directory_is_one_line(
    command: list[str], given: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    env = environment(None, ENPHASE_API_KEY="planted-key", **given)
    del env["HOME"]
    done = inside(*command, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert name in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_home_directory_that_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = environment(None, ENPHASE_API_KEY="k", HOME=str(tmp_path / "file"))
    done = inside("snapshot", "1765", env=env)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_token_file_below_the_home_directory_makes_no_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = environment(None, **LOGIN, HOME=str(tmp_path / "home"), ENPHASE_TOKEN_FILE="~/t.json")
    done = inside("login", env=env)  # which checks the folder before it asks
    assert "the answer is empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("name", ["TERMINAL_WIDTH", "COLUMNS", "LINES", "TERM", "TZ"])
def test_a_terminal_variable_without_meaning_is_ignored(name: str) -> None:
    done = run("budget", env=environment(None, **{name: "abc"}))
    assert (done.returncode, done.stderr) == (0, "")
    done = run("watch", "--help", env=environment(None, **{name: "abc"}))
    assert (done.returncode, done.stderr) == (0, "")
