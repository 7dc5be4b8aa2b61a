"""Which site, with which credentials, and where: from the environment and the token store.

Credentials never come from arguments, which every user of a machine can read in its process list.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from enphase_streaming.auth.auth import StaticAuth
from enphase_streaming.auth.refreshing import RefreshingAuth
from enphase_streaming.auth.tokens import FileTokenStore
from enphase_streaming.cli import given
from enphase_streaming.client import StreamingClient, utc_now
from enphase_streaming.core import arguments
from enphase_streaming.core.arguments import is_loopback
from enphase_streaming.core.options import BASE_URL, Auth
from enphase_streaming.errors import InvalidArgument

APPLICATION = "your application's page in Enphase's developer portal"
PAIR = ("ENPHASE_CLIENT_ID", "ENPHASE_CLIENT_SECRET")
_WHERE = {
    "ENPHASE_API_KEY": f"the API key is on {APPLICATION}",
    "ENPHASE_ACCESS_TOKEN": "the access token comes from the OAuth login of the site's owner and "
    "lives for a day; `enphase-streaming login` gets one that renews itself",
    "ENPHASE_SYSTEM_ID": "the system id is the number of the site, and may be given as an "
    "argument as well",
}
_FASTEST = 1_000.0


@dataclass(frozen=True, kw_only=True)
class Access:
    """A site and what opens its stream. `host` is where the API is."""

    system_id: int
    base_url: str
    host: str
    api_key: str = field(repr=False)
    auth: Auth = field(repr=False)
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)
    now: Callable[[], datetime] = field(default=utc_now, repr=False)

    @property
    def mock(self) -> str | None:
        """The host of a mock: whatever listens on this machine. None for the real API."""
        return self.host if is_loopback(urlsplit(self.base_url).hostname or "") else None

    def client(self) -> StreamingClient:
        """Return a client for the site. Raises `InvalidArgument` for a credential out of form."""
        return StreamingClient(
            api_key=self.api_key,
            auth=self.auth,
            base_url=self.base_url,
            token_url=token_url(self.base_url),
            monotonic=self.monotonic,
            now=self.now,
        )


def find_access(
    environment: Mapping[str, str], system_id: str | None, clock_speed: str = "1"
) -> Access:
    """Return the access that the environment gives; `system_id` is the argument, if there was one.

    Raises `InvalidArgument` naming everything that is missing, and where to get it.
    """
    speed = given.number("--clock-speed", clock_speed, 1.0, _FASTEST)
    site = _find_site(environment, system_id)
    base_url = find_base_url(environment)
    auth = _find_auth(environment)
    found = {
        "ENPHASE_API_KEY": environment.get("ENPHASE_API_KEY"),
        "ENPHASE_ACCESS_TOKEN": auth,
        "ENPHASE_SYSTEM_ID": site,
    }
    missing = [name for name, value in found.items() if not value]
    if missing or auth is None or site is None:
        raise InvalidArgument(f"{not_set(missing)}: {'; '.join(_WHERE[each] for each in missing)}.")
    access = Access(
        system_id=site,
        base_url=base_url,
        host=urlsplit(base_url).netloc,
        api_key=credential(environment, "ENPHASE_API_KEY"),
        auth=auth,
    )
    return access if speed == 1 else _on_faster_clock(access, speed)


def find_base_url(environment: Mapping[str, str]) -> str:
    """Return where the API is. Raises `InvalidArgument`."""
    return arguments.url("ENPHASE_BASE_URL", environment.get("ENPHASE_BASE_URL") or BASE_URL)


def token_url(base_url: str) -> str:
    """Return where the API at `base_url` issues tokens: at its own host."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}/oauth/token"


def token_file(environment: Mapping[str, str]) -> Path:
    """Return the path of the token store."""
    if given := environment.get("ENPHASE_TOKEN_FILE"):
        return Path(given)
    usual = environment.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME")
    # The XDG specification: a path that is not absolute is ignored.
    folder = Path(usual) if usual and Path(usual).is_absolute() else Path.home() / ".config"
    return folder / "enphase-streaming" / "tokens.json"


def not_set(names: list[str]) -> str:
    """Return a sentence's beginning: these variables are not set."""
    listed = " and ".join(", ".join(names).rsplit(", ", 1))
    return f"{listed} {'is' if len(names) == 1 else 'are'} not set"


def credential(environment: Mapping[str, str], name: str) -> str:
    """Return what a variable holds. Raises `InvalidArgument` if no request can carry it."""
    where = _WHERE.get(name, f"it is on {APPLICATION}")
    return arguments.secret(name, environment[name], f"{where[0].upper()}{where[1:]}.")


def _find_site(environment: Mapping[str, str], system_id: str | None) -> int | None:
    if system_id is not None:
        return given.site("SYSTEM_ID", system_id)
    text = environment.get("ENPHASE_SYSTEM_ID")
    return given.site("ENPHASE_SYSTEM_ID", text) if text else None


def _find_auth(environment: Mapping[str, str]) -> Auth | None:
    if environment.get("ENPHASE_ACCESS_TOKEN"):
        return StaticAuth(credential(environment, "ENPHASE_ACCESS_TOKEN"))
    path = token_file(environment)
    store = FileTokenStore(path)
    if store.load() is None:
        return None
    if missing := [name for name in PAIR if not environment.get(name)]:
        raise InvalidArgument(
            f"{not_set(missing)}, and the tokens in {path} cannot be renewed without: both are on "
            f"{APPLICATION}."
        )
    client_id, client_secret = (credential(environment, name) for name in PAIR)
    return RefreshingAuth(client_id=client_id, client_secret=client_secret, store=store)


def _on_faster_clock(access: Access, speed: float) -> Access:
    if access.mock is None:
        raise InvalidArgument(
            f"--clock-speed is for a mock on this machine, and ENPHASE_BASE_URL is "
            f"{access.base_url}: time passes at its own speed there."
        )
    began, began_at = time.monotonic(), utc_now()

    def monotonic() -> float:
        return began + (time.monotonic() - began) * speed

    def now() -> datetime:
        return began_at + timedelta(seconds=monotonic() - began)

    return replace(access, monotonic=monotonic, now=now)
