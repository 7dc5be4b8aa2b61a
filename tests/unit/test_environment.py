"""Client arguments from ENPHASE_* variables."""

import sys
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from enphase_streaming import (
    AsyncStreamingClient,
    FileTokenStore,
    RefreshingAuth,
    StaticAuth,
    StreamingClient,
    TokenPair,
)
from enphase_streaming.core.options import BASE_URL, TOKEN_URL
from enphase_streaming.environment import client_arguments, token_file
from enphase_streaming.errors import InvalidArgument

REAL = {"ENPHASE_API_KEY": "planted-key", "ENPHASE_ACCESS_TOKEN": "planted-token"}
PAIR = TokenPair(access_token="a", refresh_token="planted", expires_at=2.0, renew_at=1.0)
APPLICATION = {"ENPHASE_CLIENT_ID": "id", "ENPHASE_CLIENT_SECRET": "planted-secret"}


@pytest.fixture(autouse=True)
def not_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def stored(tmp_path: Path) -> dict[str, str]:
    """An environment with stored tokens, and no access token."""
    FileTokenStore(tmp_path / "t.json").save(PAIR)
    return {"ENPHASE_API_KEY": "k", "ENPHASE_TOKEN_FILE": str(tmp_path / "t.json")}


def test_the_arguments_make_a_client() -> None:
    arguments = client_arguments(REAL)
    assert (arguments["base_url"], arguments["token_url"]) == (BASE_URL, TOKEN_URL)
    with StreamingClient(**arguments) as client:
        assert repr(client) == f"StreamingClient(base_url={BASE_URL!r})"


def test_everything_that_is_missing_is_reported_at_once() -> None:
    with pytest.raises(InvalidArgument) as caught:
        client_arguments({}, ["ENPHASE_SYSTEM_ID"])
    text = str(caught.value)
    assert text.startswith(
        "ENPHASE_API_KEY, ENPHASE_ACCESS_TOKEN and ENPHASE_SYSTEM_ID are not set: "
    )
    assert "your application's page in Enphase's developer portal" in text
    assert "printed by `enphase-mock serve`" in text
    assert "OAuth login of the site's owner" in text
    assert "`enphase-streaming login`" in text


def test_a_variable_that_is_set_is_not_reported() -> None:
    with pytest.raises(InvalidArgument, match=r"^ENPHASE_ACCESS_TOKEN is not set: ") as caught:
        client_arguments({"ENPHASE_API_KEY": "planted-key", "ENPHASE_ACCESS_TOKEN": ""})
    assert "ENPHASE_API_KEY" not in str(caught.value)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("name", REAL)
def test_a_malformed_credential_is_named_and_not_shown(name: str) -> None:
    with pytest.raises(
        InvalidArgument, match=rf"^{name} must be a str of printable ASCII"
    ) as caught:
        client_arguments({**REAL, name: "planted\nkey"})
    assert "planted" not in str(caught.value)


def test_plain_http_to_another_host_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="ENPHASE_BASE_URL"):
        client_arguments({**REAL, "ENPHASE_BASE_URL": "http://example.com"})


def test_stored_tokens_are_used_without_an_access_token(stored: dict[str, str]) -> None:
    arguments = client_arguments({**stored, **APPLICATION})
    assert isinstance(arguments["auth"], RefreshingAuth)
    assert "planted" not in repr(arguments)


def test_an_access_token_comes_before_stored_tokens(stored: dict[str, str]) -> None:
    assert isinstance(client_arguments({**stored, **REAL})["auth"], StaticAuth)


@pytest.mark.parametrize("missing", APPLICATION)
def test_stored_tokens_need_the_application(stored: dict[str, str], missing: str) -> None:
    rest = {name: value for name, value in APPLICATION.items() if name != missing}
    with pytest.raises(InvalidArgument, match=f"^{missing} is not set: the tokens in"):
        client_arguments({**stored, **rest})
    with pytest.raises(InvalidArgument, match=f"^{missing} must be a str of printable ASCII"):
        client_arguments({**stored, **rest, missing: "a b"})


def test_a_damaged_token_file_is_named(stored: dict[str, str]) -> None:
    path = Path(stored["ENPHASE_TOKEN_FILE"])
    path.write_text("planted")
    with pytest.raises(InvalidArgument) as caught:
        client_arguments({**stored, **APPLICATION})
    assert str(path) in str(caught.value)
    assert "planted" not in str(caught.value)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without HOME whose number no database knows, as in many containers."""
    pwd = pytest.importorskip("pwd", reason="Windows has no numbers of users")

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_tokens_are_stored_in_the_folder_of_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(platformdirs.user_config_dir("enphase-streaming", appauthor=False, roaming=True))
    assert token_file({}) == folder / "tokens.json"
    if sys.platform != "linux":
        pytest.skip("no variable names the folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert token_file({}) == tmp_path / "enphase-streaming" / "tokens.json"


def test_a_token_file_may_be_below_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERPROFILE" if sys.platform == "win32" else "HOME", "/nonexistent/owner")
    assert token_file({"ENPHASE_TOKEN_FILE": "~/x"}) == Path("/nonexistent/owner/x")
    assert token_file({"ENPHASE_TOKEN_FILE": "y"}) == Path("y")


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({}, "No folder for the stored tokens, but HOME is not set"),
        ({"ENPHASE_TOKEN_FILE": "~/x"}, "ENPHASE_TOKEN_FILE is '~/x', but HOME is not set"),
    ],
)
def test_an_unknown_home_directory_names_the_variables(given: dict[str, str], start: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        client_arguments({"ENPHASE_API_KEY": "k", **given})
    assert str(caught.value).startswith(start)
    assert "set ENPHASE_ACCESS_TOKEN." in str(caught.value)


@pytest.mark.usefixtures("homeless")
def test_an_access_token_needs_no_home_directory() -> None:
    assert isinstance(client_arguments(REAL)["auth"], StaticAuth)


@pytest.mark.usefixtures("homeless")
def test_a_relative_folder_of_the_platform_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_config_path", lambda *_, **__: Path("~/.config"))
    with pytest.raises(InvalidArgument, match="HOME is not set"):
        token_file({})


def test_without_platformdirs_the_message_names_the_variables_and_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert token_file({"ENPHASE_TOKEN_FILE": "/x"}) == Path("/x")
    message = r"set ENPHASE_ACCESS_TOKEN or ENPHASE_TOKEN_FILE, .*enphase-streaming\[cli\]"
    with pytest.raises(InvalidArgument, match=message):
        client_arguments({"ENPHASE_API_KEY": "k"})


def test_plain_http_to_another_host_has_a_variable() -> None:
    url = "http://mock:4010/api/v4"
    arguments = client_arguments({**REAL, "ENPHASE_BASE_URL": url, "ENPHASE_INSECURE_HTTP": "1"})
    assert arguments["token_url"] == "http://mock:4010/oauth/token"
    with StreamingClient(**arguments) as client:
        assert url in repr(client)
    for value in ("", "0"):
        with pytest.raises(InvalidArgument, match="ENPHASE_BASE_URL must be https"):
            client_arguments({**REAL, "ENPHASE_BASE_URL": url, "ENPHASE_INSECURE_HTTP": value})
    with pytest.raises(InvalidArgument, match="ENPHASE_INSECURE_HTTP must be 0 or 1, got 'yes'"):
        client_arguments({**REAL, "ENPHASE_INSECURE_HTTP": "yes"})


def test_the_host_of_the_api_issues_the_tokens() -> None:
    assert client_arguments(REAL)["token_url"] == TOKEN_URL
    arguments = client_arguments({**REAL, "ENPHASE_BASE_URL": "http://127.0.0.1:4010/api/v4"})
    assert arguments["token_url"] == "http://127.0.0.1:4010/oauth/token"


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**REAL, "ENPHASE_BASE_URL": "http://127.0.0.1:4010/api/v4"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("kind", [StreamingClient, AsyncStreamingClient])
def test_both_clients_are_made_from_the_environment(kind: Any) -> None:
    assert repr(kind.from_env()) == f"{kind.__name__}(base_url='http://127.0.0.1:4010/api/v4')"
    assert "example.com" in repr(kind.from_env(base_url="https://example.com/api"))
    with pytest.raises(InvalidArgument, match="stall_timeout"):
        kind.from_env(stall_timeout=-1)


@pytest.mark.parametrize("kind", [StreamingClient, AsyncStreamingClient])
def test_from_env_names_the_variables_that_are_missing(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in REAL:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        InvalidArgument, match=r"^ENPHASE_API_KEY and ENPHASE_ACCESS_TOKEN are not set: "
    ):
        kind.from_env()


def test_settings_of_from_env_replace_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    settings = {"access_token": "another-token", "base_url": "http://127.0.0.1:9/api/v4"}
    with StreamingClient.from_env(**settings) as client:
        assert client._options.secrets() == ("planted-key", "another-token")
        assert client._options.base_url == settings["base_url"]
