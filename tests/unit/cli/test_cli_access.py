import time
from pathlib import Path

import pytest

from enphase_streaming import FileTokenStore, RefreshingAuth, StaticAuth, TokenPair
from enphase_streaming.cli.access import find_access, token_file, token_url
from enphase_streaming.core.options import BASE_URL, TOKEN_URL
from enphase_streaming.errors import InvalidArgument

GIVEN = {"ENPHASE_API_KEY": "planted-key", "ENPHASE_ACCESS_TOKEN": "planted-token"}
MOCK = {**GIVEN, "ENPHASE_BASE_URL": "http://127.0.0.1:4010/api/v4"}


@pytest.fixture(autouse=True)
def not_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")


def test_without_anything_one_message_names_all_that_is_missing_and_where_to_get_it() -> None:
    with pytest.raises(InvalidArgument) as caught:
        find_access({}, None)
    text = str(caught.value)
    assert text.startswith(
        "ENPHASE_API_KEY, ENPHASE_ACCESS_TOKEN and ENPHASE_SYSTEM_ID are not set: "
    )
    assert "your application's page in Enphase's developer portal" in text
    assert "OAuth login of the site's owner" in text
    assert "`enphase-streaming login`" in text


def test_what_is_there_is_not_named() -> None:
    with pytest.raises(InvalidArgument, match=r"^ENPHASE_ACCESS_TOKEN is not set: ") as caught:
        find_access({"ENPHASE_API_KEY": "planted-key", "ENPHASE_ACCESS_TOKEN": ""}, "1")
    assert "ENPHASE_API_KEY" not in str(caught.value)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "variable", "named"),
    [("abc", "1", "SYSTEM_ID"), (None, "abc", "ENPHASE_SYSTEM_ID"), ("", "1", "SYSTEM_ID")],
)
def test_a_system_id_that_is_none_is_named_as_it_was_given(
    argument: str | None, variable: str, named: str
) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{named} is "):
        find_access({"ENPHASE_SYSTEM_ID": variable}, argument)


def test_a_system_id_is_found_in_the_environment() -> None:
    assert find_access({**GIVEN, "ENPHASE_SYSTEM_ID": "1765"}, None).system_id == 1765
    assert find_access({**GIVEN, "ENPHASE_SYSTEM_ID": "1765"}, "5").system_id == 5


@pytest.mark.parametrize("name", GIVEN)
def test_a_credential_out_of_form_is_named_by_its_variable(name: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{name} is not a plain string: ") as caught:
        find_access({**GIVEN, name: "planted\nkey"}, "1")
    assert "planted" not in str(caught.value)


def test_the_real_api_is_the_default_and_a_loopback_host_is_a_mock() -> None:
    assert find_access(GIVEN, "1").mock is None
    assert find_access(GIVEN, "1").host == "api.enphaseenergy.com"
    assert find_access(MOCK, "1").mock == "127.0.0.1:4010"


def test_plain_http_elsewhere_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="ENPHASE_BASE_URL"):
        find_access({**GIVEN, "ENPHASE_BASE_URL": "http://example.com"}, "1")


def test_no_repr_shows_a_secret() -> None:
    access = find_access(GIVEN, "1")
    assert "planted" not in repr(access)


PAIR = TokenPair(access_token="a", refresh_token="planted", expires_at=2.0, renew_at=1.0)
APPLICATION = {"ENPHASE_CLIENT_ID": "id", "ENPHASE_CLIENT_SECRET": "planted-secret"}


@pytest.fixture
def stored(tmp_path: Path) -> dict[str, str]:
    """An environment with tokens in a store, and no access token."""
    FileTokenStore(tmp_path / "t.json").save(PAIR)
    return {"ENPHASE_API_KEY": "k", "ENPHASE_TOKEN_FILE": str(tmp_path / "t.json")}


def test_the_token_store_is_used_where_there_is_no_token(stored: dict[str, str]) -> None:
    access = find_access({**stored, **APPLICATION}, "1")
    assert isinstance(access.auth, RefreshingAuth)
    assert "planted" not in repr(access)


def test_a_token_in_the_environment_comes_first(stored: dict[str, str]) -> None:
    assert isinstance(find_access({**stored, **GIVEN}, "1").auth, StaticAuth)


@pytest.mark.parametrize("missing", APPLICATION)
def test_a_store_that_could_not_be_renewed_is_refused(stored: dict[str, str], missing: str) -> None:
    rest = {name: value for name, value in APPLICATION.items() if name != missing}
    with pytest.raises(InvalidArgument, match=f"^{missing} is not set, and the tokens in"):
        find_access({**stored, **rest}, "1")
    with pytest.raises(InvalidArgument, match=f"^{missing} is not a plain string"):
        find_access({**stored, **rest, missing: "a b"}, "1")


def test_a_damaged_store_is_named_before_anything_is_asked(stored: dict[str, str]) -> None:
    path = Path(stored["ENPHASE_TOKEN_FILE"])
    path.write_text("planted")
    with pytest.raises(InvalidArgument) as caught:
        find_access({**stored, **APPLICATION}, "1")
    assert str(path) in str(caught.value)
    assert "planted" not in str(caught.value)


def test_the_store_is_where_the_platform_keeps_such_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = tmp_path / ".config" / "enphase-streaming" / "tokens.json"
    assert token_file({}) == usual
    assert token_file({"XDG_CONFIG_HOME": "relative"}) == usual
    assert token_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/enphase-streaming/tokens.json")
    assert token_file({"XDG_CONFIG_HOME": "/x", "ENPHASE_TOKEN_FILE": "y"}) == Path("y")


def test_tokens_are_issued_where_the_api_is() -> None:
    assert token_url(BASE_URL) == TOKEN_URL
    assert token_url("http://127.0.0.1:4010/api/v4") == "http://127.0.0.1:4010/oauth/token"


@pytest.mark.parametrize("speed", ["0.5", "0", "-1", "nan", "inf", "1001", "x"])
def test_a_clock_speed_out_of_bounds_is_refused(speed: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^--clock-speed is '{speed}'; .* from 1 to 1,000"):
        find_access(MOCK, "1", speed)


def test_time_cannot_be_hurried_at_the_real_api() -> None:
    with pytest.raises(InvalidArgument, match="--clock-speed is for a mock"):
        find_access(GIVEN, "1", "4")


def test_both_clocks_run_at_the_given_speed() -> None:
    access = find_access(MOCK, "1", "1000")
    measured, stamped, real = access.monotonic(), access.now(), time.monotonic()
    time.sleep(0.01)
    assert access.monotonic() - measured >= 10
    assert (access.now() - stamped).total_seconds() >= 10
    assert access.monotonic() - measured < 1000 * (time.monotonic() - real) + 10
