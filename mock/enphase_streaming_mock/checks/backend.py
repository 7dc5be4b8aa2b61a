"""What the suite runs on: the mock, Prism or the real API, its address and its credentials."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.validation import is_loopback

Kind = Literal["mock", "prism", "real"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_KEY, _TOKEN, _SITE = "ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN", "ENPHASE_SYSTEM_ID"
# Where `make mock` and `make prism` serve; Prism does not know the base path.
_AT = {"mock": "http://127.0.0.1:4010/api/v4", "prism": "http://127.0.0.1:4011"}


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend; `clock_speed` is how much faster than real its seconds pass.

    `calls` bounds the requests to the real API, refused ones included, as nobody knows whether
    those are billed.
    """

    kind: Kind
    base_url: str
    system_id: int
    api_key: str = field(repr=False)
    access_token: str = field(repr=False)
    clock_speed: float = 1.0
    calls: int = 1

    @property
    def origin(self) -> str:
        """The address without the path of the API, under which tokens are issued."""
        return self.base_url.removesuffix(load_contract().base_path)

    @property
    def paid(self) -> bool:
        """Whether it is the real API: one on loopback is a mock that stands in for it."""
        return self.kind == "real" and not is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may be shown and written nowhere; a mock's credentials are no secrets."""
        return (self.api_key, self.access_token) if self.kind == "real" else ()


def choose(
    environment: Mapping[str, str],
    *,
    kind: Kind | None = None,
    base_url: str | None = None,
    system_id: str | None = None,
    clock_speed: float = 1.0,
    calls: int = 1,
) -> Backend:
    """Take what the user gave; what is left out is the mock at its usual address.

    The real API's credentials come from the environment alone, and go nowhere else: the mock and
    Prism get the mock's. Raises ValueError that names the option and its rule.
    """
    meant = _is_real(base_url or "")
    kind = kind or ("real" if meant else "mock")
    if meant and kind != "real":
        raise ValueError(f"--base-url is the real API, which costs money; --backend is {kind}")
    address = (base_url or _AT.get(kind, load_contract().base_url)).rstrip("/")
    parts = urlsplit(address)
    try:
        is_usable = parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:  # a port that is none
        is_usable = False
    if parts.scheme not in ("http", "https") or not is_usable:
        raise ValueError(f"--base-url is {address!r}; give http(s)://host[:port]/path")
    path = load_contract().base_path
    if (meant or kind == "mock") and not address.endswith(path):
        raise ValueError(f"--base-url is {address!r}; the API is under {path}, so add that")
    if calls < 1:
        raise ValueError(f"--calls is {calls}; one is the least")
    if kind != "real":
        environment = {_KEY: API_KEY, _TOKEN: ACCESS_TOKEN, _SITE: str(SYSTEM_ID)}
    site, name = (system_id, "--system-id") if system_id else (_variable(environment, _SITE), _SITE)
    if not re.fullmatch(r"[1-9][0-9]{0,18}", site):
        raise ValueError(f"{name} is {site!r}; give the number of the site")
    backend = Backend(
        kind,
        address,
        int(site),
        _secret(environment, _KEY),
        _secret(environment, _TOKEN),
        clock_speed,
        calls,
    )
    if backend.paid and parts.scheme != "https":
        raise ValueError(f"--base-url is {address!r}; credentials are sent over https only")
    if not 0.001 <= clock_speed <= 1000 or (backend.paid and clock_speed != 1):
        raise ValueError(f"--clock-speed is {clock_speed:g}; it is a mock's, from 0.001 to 1000")
    return backend


def _is_real(address: str) -> bool:
    """Whether an address is one of the publisher's: none of these may be called by mistake."""
    known, host = (urlsplit(each).hostname or "" for each in (load_contract().base_url, address))
    domain = known.partition(".")[2]
    return f".{host.rstrip('.')}".endswith(f".{domain}")


def _variable(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ValueError(f"{name} is not set; the real API takes it from the environment")
    return value


def _secret(environment: Mapping[str, str], name: str) -> str:
    value = _variable(environment, name)
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError(f"{name} holds a character that no header can carry")
    return value
