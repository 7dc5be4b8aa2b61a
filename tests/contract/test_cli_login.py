"""`login`, from the page for the owner to the first reading with the tokens that it stored."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from enphase_streaming import FileTokenStore
from enphase_streaming_mock import MockServer
from scripted import HandClock, Peer, Scripted, scripted
from shell import Terminal, environment, inside, terminal
from token_endpoint import TokenCall, TokenEndpoint, send_json

APPLICATION = {"ENPHASE_CLIENT_ID": "app", "ENPHASE_CLIENT_SECRET": "planted-secret"}
REDIRECT = "https://example.com/in?from=enphase"


@pytest.fixture
def endpoint(clock: HandClock) -> TokenEndpoint:
    return TokenEndpoint(clock)


@pytest.fixture
def server(endpoint: TokenEndpoint) -> Iterator[Scripted]:
    with scripted(endpoint) as server:
        yield server


@pytest.fixture
def env(server: Scripted, tmp_path: Path) -> dict[str, str]:
    return environment(
        None,
        ENPHASE_BASE_URL=server.base_url,
        XDG_CONFIG_HOME=str(tmp_path / "config"),
        **APPLICATION,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "enphase-streaming" / "tokens.json"


def page_of(screen: Terminal) -> dict[str, str]:
    """What the page for the owner was asked with."""
    shown = screen.read_until("(not shown): ")
    found = re.search(r"http://[^\s]+/oauth/authorize\?[^\s]+", shown)
    assert found
    return dict(parse_qsl(urlsplit(found[0]).query))


def test_a_code_becomes_tokens_that_open_a_stream(
    env: dict[str, str], path: Path, endpoint: TokenEndpoint, server: Scripted
) -> None:
    with terminal("login", "--redirect-uri", REDIRECT, env=env) as screen:
        asked = page_of(screen)
        assert asked == {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": REDIRECT,
            "state": asked["state"],
        }
        assert len(asked["state"]) >= 20
        address = f"{REDIRECT}&code=planted-code&state={asked['state']}\n"
        os.write(screen.master, address.encode())
        code = screen.finish()
    assert code == 0
    assert f"The tokens are in {path} and renew themselves." in " ".join(screen.text.split())
    assert "planted" not in screen.text
    assert "app-access" not in screen.text
    (call,) = endpoint.calls
    assert (call.client_id, call.client_secret) == ("app", "planted-secret")
    assert call.form == {
        "grant_type": "authorization_code",
        "code": "planted-code",
        "redirect_uri": REDIRECT,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    found = FileTokenStore(path).load()
    assert found is not None
    assert found.access_token == "app-access-1"

    done = inside("snapshot", "1765", "--json", env={**env, "ENPHASE_API_KEY": "the-key"})
    assert (done.returncode, json.loads(done.stdout)["pv_power"]) == (0, 30)
    assert endpoint.streamed == ["app-access-1"]


def test_a_login_against_the_mock_opens_a_stream(enphase_mock: MockServer, tmp_path: Path) -> None:
    env = environment(
        enphase_mock,
        ENPHASE_ACCESS_TOKEN="",
        ENPHASE_CLIENT_ID=enphase_mock.client_id,
        ENPHASE_CLIENT_SECRET=enphase_mock.client_secret,
        ENPHASE_TOKEN_FILE=str(tmp_path / "tokens.json"),
    )
    with terminal("login", "--redirect-uri", REDIRECT, env=env) as screen:
        shown = screen.read_until("(not shown): ")
        found = re.search(r"http://\S+/oauth/authorize\?\S+", shown)
        assert found
        page = httpx.get(f"{found[0]}&answer=allow")  # the link of its Allow
        assert page.is_redirect, page.text
        os.write(screen.master, f"{page.headers['location']}\n".encode())
        assert screen.finish() == 0, screen.text
    done = inside("snapshot", "--json", env=env)
    assert (done.returncode, json.loads(done.stdout)["grid_status"]) == (0, "On Grid")


def test_each_login_has_its_own_state(env: dict[str, str]) -> None:
    states = set()
    for _ in range(2):
        with terminal("login", "--redirect-uri", REDIRECT, env=env) as screen:
            states.add(page_of(screen)["state"])
    assert len(states) == 2


def test_a_wrong_state_sends_nothing(
    env: dict[str, str], path: Path, endpoint: TokenEndpoint
) -> None:
    address = f"{REDIRECT}&code=planted-code&state=made-up\n"
    done = inside("login", "--redirect-uri", REDIRECT, env=env, answers=address)
    assert done.returncode == 2
    assert "not the one of this login" in done.stderr
    assert "planted" not in done.stderr
    assert endpoint.calls == []
    assert not path.exists()


def test_a_code_alone_is_read_from_a_pipe(
    env: dict[str, str], path: Path, endpoint: TokenEndpoint
) -> None:
    done = inside("login", env=env, answers=f"{REDIRECT}\nplanted-code\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert endpoint.calls[0].form["code"] == "planted-code"
    assert path.exists()


def test_a_refused_code_keeps_the_old_tokens(
    env: dict[str, str], path: Path, endpoint: TokenEndpoint
) -> None:
    assert inside("login", env=env, answers=f"{REDIRECT}\nfirst\n").returncode == 0
    before = path.read_bytes()

    def refuse(peer: Peer, call: TokenCall) -> None:
        answer = {"error": "invalid_grant", "error_description": "planted-code is no code"}
        send_json(peer, "400 Bad Request", answer)

    endpoint.answer = refuse
    done = inside("login", env=env, answers=f"{REDIRECT}\nplanted-code\n")
    assert done.returncode == 6
    assert "*** is no code" in done.stderr
    assert "planted" not in done.stderr
    assert path.read_bytes() == before


def test_a_password_is_not_shown(env: dict[str, str], path: Path, endpoint: TokenEndpoint) -> None:
    without = {name: value for name, value in env.items() if name not in APPLICATION}
    with terminal("login", "--password", env=without) as screen:
        for prompt, answer in (
            ("ENPHASE_CLIENT_ID: ", "app"),
            ("ENPHASE_CLIENT_SECRET: ", "planted-secret"),
            ("User name: ", "owner@example.com"),
            ("Password: ", "planted pässword"),
        ):
            screen.read_until(prompt)
            os.write(screen.master, f"{answer}\n".encode())
        code = screen.finish()
    assert code == 0
    assert "planted" not in screen.text
    assert "owner@example.com" in screen.text
    (call,) = endpoint.calls
    assert call.client_secret == "planted-secret"
    assert call.form == {
        "grant_type": "password",
        "username": "owner@example.com",
        "password": "planted pässword",
    }
    assert path.exists()


def test_a_refused_application_is_named_by_its_variables(
    env: dict[str, str], endpoint: TokenEndpoint
) -> None:
    endpoint.answer = lambda peer, call: send_json(
        peer, "401 Unauthorized", {"error": "invalid_client"}
    )
    done = inside("login", env=env, answers=f"{REDIRECT}\ncode\n")
    assert done.returncode == 6
    assert "(401: invalid_client)" in done.stderr
    assert "Check ENPHASE_CLIENT_ID and ENPHASE_CLIENT_SECRET" in done.stderr


@pytest.mark.parametrize("uri", ["not a uri", "", "example.com/in", "https://", "https://a b"])
def test_a_wrong_redirect_uri_is_refused_before_any_question(env: dict[str, str], uri: str) -> None:
    done = inside("login", "--redirect-uri", uri, env=env)
    assert done.returncode == 2
    assert done.stderr.startswith("enphase-streaming: --redirect-uri must be the URL ")
    assert done.stderr.endswith(f", got {uri!r}.\n")


def test_a_typed_redirect_uri_is_checked(env: dict[str, str]) -> None:
    done = inside("login", env=env, answers="example.com\ncode\n")
    assert done.returncode == 2
    assert "The redirect URI must be the URL " in done.stderr
    assert done.stderr.endswith(", got 'example.com'.\n")


def test_a_missing_answer_names_its_variable(env: dict[str, str]) -> None:
    without = {name: value for name, value in env.items() if name not in APPLICATION}
    done = inside("login", env=without)
    assert "ENPHASE_CLIENT_ID: the answer is empty." in done.stderr
    done = inside("login", env=without, answers="app\n")
    assert "ENPHASE_CLIENT_SECRET: the answer is empty." in done.stderr


@pytest.mark.parametrize("answers", ["", "\n", f"{REDIRECT}\n", f"{REDIRECT}\n\n"])
def test_a_missing_answer_is_bad_input(
    env: dict[str, str], answers: str, endpoint: TokenEndpoint
) -> None:
    done = inside("login", env=env, answers=answers)
    assert done.returncode == 2
    assert "the answer is empty" in done.stderr
    assert endpoint.calls == []


def test_a_token_file_that_cannot_be_written_is_named_before_any_question(
    env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "tokens.json"
    done = inside("login", env={**env, "ENPHASE_TOKEN_FILE": str(path)})
    assert done.returncode == 2
    assert done.stderr.startswith(f"enphase-streaming: The token file {path} cannot be written: ")


def test_a_failing_token_endpoint_has_its_exit_code(
    env: dict[str, str], endpoint: TokenEndpoint
) -> None:
    endpoint.answer = lambda peer, call: send_json(peer, "503 Service Unavailable", {})
    assert inside("login", env=env, answers=f"{REDIRECT}\ncode\n").returncode == 3
    endpoint.answer = lambda peer, call: peer.reset()
    assert inside("login", env=env, answers=f"{REDIRECT}\ncode\n").returncode == 4


def test_refused_tokens_require_another_login(
    env: dict[str, str], path: Path, endpoint: TokenEndpoint
) -> None:
    assert inside("login", env=env, answers=f"{REDIRECT}\ncode\n").returncode == 0
    pair = json.loads(path.read_text())
    path.write_text(json.dumps({**pair, "renew_at": 1.0, "refresh_token": "planted-spent"}))
    done = inside("watch", "1765", "--calls", "2", env={**env, "ENPHASE_API_KEY": "the-key"})
    assert (done.returncode, done.stdout) == (6, "")
    assert "Run `enphase-streaming login`." in done.stderr
    assert done.stderr.rstrip().endswith("0 calls, free.")
    assert "planted" not in done.stderr
    assert endpoint.streamed == []
