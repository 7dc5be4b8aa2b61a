import pytest

from enphase_streaming_mock import Mock
from enphase_streaming_mock.checks.backend import choose_backend

REAL = {
    "ENPHASE_API_KEY": "planted-key",
    "ENPHASE_ACCESS_TOKEN": "planted-token",
    "ENPHASE_SYSTEM_ID": "5550123",
}
API = "https://api.enphaseenergy.com/api/v4"


def test_default_is_the_mock_at_its_usual_address_with_its_own_credentials() -> None:
    backend, mock = choose_backend(REAL), Mock()
    assert not backend.is_real
    assert backend.base_url == "http://127.0.0.1:4010/api/v4"
    assert (backend.api_key, backend.access_token) == (mock.api_key, mock.access_token)
    assert backend.system_id == mock.system_id


def test_real_api_is_configured_by_the_environment() -> None:
    backend = choose_backend(REAL, kind="real")
    assert backend.is_real
    assert (backend.base_url, backend.system_id) == (API, 5550123)
    assert (backend.api_key, backend.access_token) == ("planted-key", "planted-token")
    assert backend.calls == 1


def test_real_credentials_are_not_sent_to_a_mock_or_shown() -> None:
    assert "planted-key" not in choose_backend(REAL, base_url="http://mock:4010/api/v4").api_key
    assert "planted" not in repr(choose_backend(REAL, kind="real"))


@pytest.mark.parametrize("url", [API, "https://API.enphaseenergy.com./api/v4", f"{API}/"])
def test_address_of_the_real_api_is_recognised(url: str) -> None:
    assert choose_backend(REAL, base_url=url).is_real


@pytest.mark.parametrize("url", [API, "https://api-qa2.enphaseenergy.com/api/v4"])
def test_real_api_is_never_called_as_a_mock(url: str) -> None:
    with pytest.raises(ValueError, match="is the real API, where calls cost money"):
        choose_backend(REAL, kind="mock", base_url=url)


@pytest.mark.parametrize(
    "url", ["https://enphaseenergy.com.example/api/v4", "https://notenphaseenergy.com/api/v4"]
)
def test_similar_address_is_a_mock(url: str) -> None:
    assert not choose_backend({}, base_url=url).is_real


@pytest.mark.parametrize("url", ["http://127.0.0.1:4011", "http://mock:4010/api/v4"])
def test_mock_may_be_anywhere(url: str) -> None:
    assert choose_backend({}, base_url=f"{url}/").base_url == url


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("value", ["", " "])
def test_missing_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is not set"):
        choose_backend(REAL | {name: value}, kind="real")


@pytest.mark.parametrize("name", ["ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN"])
def test_secret_that_no_header_can_carry_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} contains a character") as refused:
        choose_backend(REAL | {name: "planted\nkey"}, kind="real")
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize("system_id", ["0", "-5", "12a", "1" * 20])
def test_system_id_must_be_a_number(system_id: str) -> None:
    with pytest.raises(ValueError, match=r"--system-id must be the number of a system, got '"):
        choose_backend({}, system_id=system_id)
    with pytest.raises(ValueError, match="ENPHASE_SYSTEM_ID must be"):
        choose_backend(REAL | {"ENPHASE_SYSTEM_ID": system_id}, kind="real")


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1", "127.0.0.1:4010", "http://", "http://h:99999/api/v4", "http://[::1/api/v4"],
)
def test_base_url_must_be_an_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"--base-url must be http\(s\)://"):
        choose_backend({}, base_url=url)


def test_password_in_the_base_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match=r"--base-url must be http\(s\)://") as refused:
        choose_backend({}, base_url="http://user:planted@host/api/v4")
    assert "planted" not in str(refused.value)


def test_no_call_is_spent_on_the_real_api_without_its_path() -> None:
    with pytest.raises(ValueError, match="--base-url must end with /api/v4, got 'https://api"):
        choose_backend(REAL, base_url="https://api.enphaseenergy.com")
    assert choose_backend(REAL, kind="real", base_url="https://proxy.example").is_real


def test_real_credentials_leave_this_machine_over_https_only() -> None:
    with pytest.raises(ValueError, match="--base-url must be https"):
        choose_backend(REAL, kind="real", base_url="http://10.0.0.5/api/v4")
    assert choose_backend(REAL, kind="real", base_url="http://127.0.0.1:1/api/v4").is_real


@pytest.mark.parametrize("speed", [0, 1001, float("nan")])
def test_clock_speed_must_be_one_of_a_mock(speed: float) -> None:
    with pytest.raises(ValueError, match=r"--clock-speed must be from 0\.001 to 1000, got"):
        choose_backend({}, clock_speed=speed)


def test_real_api_has_no_clock_speed() -> None:
    with pytest.raises(ValueError, match="--clock-speed is for mocks only, got 2"):
        choose_backend(REAL, kind="real", clock_speed=2)
    choose_backend(REAL, kind="real", base_url="http://[::1]:4010/api/v4", clock_speed=2)


def test_at_least_one_call_is_needed() -> None:
    with pytest.raises(ValueError, match="--calls must be at least 1, got 0"):
        choose_backend(REAL, kind="real", calls=0)


def test_tokens_are_issued_beside_the_path_of_the_api() -> None:
    assert choose_backend({}, base_url="http://h:1/api/v4/").origin == "http://h:1"
    assert choose_backend({}, base_url="http://h:1").origin == "http://h:1"
