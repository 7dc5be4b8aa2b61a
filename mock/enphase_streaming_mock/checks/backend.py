"""The server under test: its address, its credentials and what may be spent on it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from enphase_streaming_mock.checks.document import CONTRACT
from enphase_streaming_mock.validation import is_loopback

KINDS = ("mock", "real")
_KEY, _TOKEN, _SYSTEM_ID = "ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN", "ENPHASE_SYSTEM_ID"
# Where `enphase-mock serve` listens unless told otherwise.
_MOCK_ORIGIN = "http://127.0.0.1:4010"


@dataclass(frozen=True, slots=True)
class Backend:
    """The server under test.

    Args:
        base_url: Where the API begins, without a trailing slash.
        clock_speed: How many times faster than real time the server's clock runs.
        calls: The most requests to the real API. Refused ones count too: whether those are billed
            is unknown.
    """

    base_url: str
    system_id: int
    api_key: str = field(repr=False)
    access_token: str = field(repr=False)
    is_real: bool = False
    clock_speed: float = 1.0
    calls: int = 1

    @property
    def origin(self) -> str:
        """The base URL without the API's path; tokens are issued below it."""
        return self.base_url.removesuffix(CONTRACT.base_path)

    @property
    def is_remote(self) -> bool:
        """Whether this is the real API, and not a stand-in for it on loopback."""
        return self.is_real and not is_loopback(urlsplit(self.base_url).hostname or "")


def choose_backend(
    environment: Mapping[str, str],
    *,
    kind: str | None = None,
    base_url: str | None = None,
    system_id: str | None = None,
    clock_speed: float = 1.0,
    calls: int = 1,
) -> Backend:
    """Return the server that the options name, by default the mock at its usual address.

    Credentials of the real API are read from `environment` only, and sent to no other server: all
    others get the mock's.

    Raises:
        ValueError: An option or variable breaks a rule; the message names it.
    """
    address, is_real = _choose_address(kind, base_url)
    if calls < 1:
        raise ValueError(f"--calls must be at least 1, got {calls}.")
    if not is_real:
        environment = {_KEY: API_KEY, _TOKEN: ACCESS_TOKEN, _SYSTEM_ID: str(SYSTEM_ID)}
    name = "--system-id" if system_id else _SYSTEM_ID
    system_id = system_id or _variable(environment, _SYSTEM_ID)
    if not re.fullmatch(r"[1-9][0-9]{0,18}", system_id):
        raise ValueError(f"{name} must be the number of a system, got {system_id!r}.")
    credentials = _variable(environment, _KEY), _variable(environment, _TOKEN)
    backend = Backend(address, int(system_id), *credentials, is_real, clock_speed, calls)
    if backend.is_remote and not address.startswith("https:"):
        raise ValueError(f"--base-url must be https, to protect credentials, got {address!r}.")
    if backend.is_remote and clock_speed != 1:
        raise ValueError(f"--clock-speed is for mocks only, got {clock_speed:g}.")
    if not 0.001 <= clock_speed <= 1000:
        raise ValueError(f"--clock-speed must be from 0.001 to 1000, got {clock_speed:g}.")
    return backend


def _choose_address(kind: str | None, base_url: str | None) -> tuple[str, bool]:
    """Return the base URL, and whether it is to be treated as the real API."""
    if not base_url:
        is_real = kind == "real"
        return (CONTRACT.base_url if is_real else _MOCK_ORIGIN + CONTRACT.base_path), is_real
    address = base_url.rstrip("/")
    _check_address(address)
    is_official = _is_official(address)
    if is_official and kind == "mock":
        raise ValueError("--base-url is the real API, where calls cost money: give --backend real.")
    if is_official and not address.endswith(CONTRACT.base_path):
        raise ValueError(f"--base-url must end with {CONTRACT.base_path}, got {address!r}.")
    return address, is_official or kind == "real"


def _is_official(address: str) -> bool:
    """Whether the host belongs to the domain of the documented API, test hosts included."""
    documented, host = (urlsplit(each).hostname or "" for each in (CONTRACT.base_url, address))
    domain = documented.partition(".")[2]
    return f".{host.rstrip('.')}".endswith(f".{domain}")


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # the port is not a number up to 65535, or a bracket is missing
        is_usable = False
    # A password in the address is not repeated.
    *user, shown = address.rpartition("@")
    if not is_usable or any(user):
        raise ValueError(f"--base-url must be http(s)://host[:port]/path, got {shown!r}.")


def _variable(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ValueError(f"{name} is not set: the real API needs it in the environment.")
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError(f"{name} contains a character that an HTTP header cannot carry.")
    return value
