"""Client arguments from ENPHASE_* variables."""

from pathlib import Path

import pytest

from enphase_streaming import (
    FileTokenStore,
    RefreshingAuth,
    StaticAuth,
    StreamingClient,
    TokenPair,
)
from enphase_streaming.core.options import BASE_URL, TOKEN_URL
from enphase_streaming.environment import client_arguments, token_file, token_url
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


def test_tokens_are_stored_in_the_user_configuration_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = tmp_path / ".config" / "enphase-streaming" / "tokens.json"
    assert token_file({}) == usual
    assert token_file({"XDG_CONFIG_HOME": "relative"}) == usual
    assert token_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/enphase-streaming/tokens.json")
    assert token_file({"XDG_CONFIG_HOME": "/x", "ENPHASE_TOKEN_FILE": "y"}) == Path("y")


def test_the_host_of_the_api_issues_the_tokens() -> None:
    assert token_url(BASE_URL) == TOKEN_URL
    assert token_url("http://127.0.0.1:4010/api/v4") == "http://127.0.0.1:4010/oauth/token"
