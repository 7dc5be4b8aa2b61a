import pytest

from enphase_streaming_mock import Mock
from enphase_streaming_mock.checks.backend import Kind, choose

REAL = {
    "ENPHASE_API_KEY": "planted-key",
    "ENPHASE_ACCESS_TOKEN": "planted-token",
    "ENPHASE_SYSTEM_ID": "5550123",
}
API = "https://api.enphaseenergy.com/api/v4"


def test_nothing_given_is_the_mock_at_its_usual_address_with_its_own_credentials() -> None:
    backend, mock = choose(REAL), Mock()
    assert (backend.kind, backend.base_url) == ("mock", "http://127.0.0.1:4010/api/v4")
    assert (backend.api_key, backend.access_token) == (mock.api_key, mock.access_token)
    assert backend.system_id == mock.system_id


def test_the_real_api_takes_what_the_environment_says() -> None:
    backend = choose(REAL, kind="real")
    assert (backend.base_url, backend.system_id) == (API, 5550123)
    assert (backend.api_key, backend.access_token) == ("planted-key", "planted-token")
    assert backend.calls == 1


def test_no_real_credential_goes_to_a_mock_or_is_shown() -> None:
    for kind in ("mock", "prism"):
        assert "planted-key" not in choose(REAL, kind=kind).api_key
    assert "planted" not in repr(choose(REAL, kind="real"))


@pytest.mark.parametrize("url", [API, "https://API.enphaseenergy.com./api/v4", f"{API}/"])
def test_the_address_of_the_real_api_is_recognised(url: str) -> None:
    assert choose(REAL, base_url=url).kind == "real"


@pytest.mark.parametrize("kind", ["mock", "prism"])
@pytest.mark.parametrize("url", [API, "https://api-qa2.enphaseenergy.com/api/v4"])
def test_the_real_api_is_never_called_by_mistake(kind: Kind, url: str) -> None:
    with pytest.raises(ValueError, match="is the real API, which costs money; --backend is"):
        choose(REAL, kind=kind, base_url=url)


@pytest.mark.parametrize(
    "url", ["https://enphaseenergy.com.example/api/v4", "https://notenphaseenergy.com/api/v4"]
)
def test_an_address_that_only_looks_like_it_is_a_mock(url: str) -> None:
    assert choose({}, base_url=url).kind == "mock"


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("value", ["", " "])
def test_a_variable_that_is_not_set_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is not set"):
        choose(REAL | {name: value}, kind="real")


@pytest.mark.parametrize("name", ["ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN"])
def test_a_secret_that_no_header_can_carry_is_refused_without_being_told(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} holds a character") as refused:
        choose(REAL | {name: "planted\nkey"}, kind="real")
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize("site", ["0", "-5", "12a", "1" * 20])
def test_a_site_that_is_no_number_is_refused(site: str) -> None:
    with pytest.raises(ValueError, match=r"--system-id is '.*'; give the number of the site"):
        choose({}, system_id=site)
    with pytest.raises(ValueError, match="ENPHASE_SYSTEM_ID is"):
        choose(REAL | {"ENPHASE_SYSTEM_ID": site}, kind="real")


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:4010", "http://", "http://a@b", "http://h:99999/api/v4"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"--base-url is .*; give http\(s\)://"):
        choose({}, base_url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:4010", "http://127.0.0.1:4010/api"])
def test_a_mock_is_asked_under_the_path_of_the_api(url: str) -> None:
    with pytest.raises(ValueError, match=rf"--base-url is '{url}'; the API is under /api/v4"):
        choose({}, base_url=f"{url}/")
    assert choose({}, kind="prism", base_url=url).base_url == url


def test_no_call_is_spent_on_an_address_of_the_publishers_without_the_path() -> None:
    with pytest.raises(ValueError, match="the API is under /api/v4, so add that"):
        choose(REAL, base_url="https://api.enphaseenergy.com")
    assert choose(REAL, kind="real", base_url="https://proxy.example").kind == "real"


def test_credentials_leave_this_machine_over_tls_only() -> None:
    with pytest.raises(ValueError, match="over https only"):
        choose(REAL, kind="real", base_url="http://10.0.0.5/api/v4")
    assert choose(REAL, kind="real", base_url="http://127.0.0.1:1/api/v4").kind == "real"


@pytest.mark.parametrize("speed", [0, 1001, float("nan")])
def test_a_speed_that_no_mock_has_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="--clock-speed is"):
        choose({}, clock_speed=speed)


def test_only_a_mock_is_faster_than_real() -> None:
    with pytest.raises(ValueError, match="it is a mock's"):
        choose(REAL, kind="real", clock_speed=2)
    choose(REAL, kind="real", base_url="http://[::1]:4010/api/v4", clock_speed=2)


def test_a_budget_without_a_call_is_refused() -> None:
    with pytest.raises(ValueError, match="--calls is 0; one is the least"):
        choose(REAL, kind="real", calls=0)


def test_tokens_are_issued_beside_the_path_of_the_api() -> None:
    assert choose({}, base_url="http://h:1/api/v4/").origin == "http://h:1"
    assert choose({}, kind="prism").origin == "http://127.0.0.1:4011"
