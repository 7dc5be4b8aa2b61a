"""Which site, with which credentials, and where: from the environment.

Credentials never come from arguments, which every user of a machine can read in its process list.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from enphase_streaming import arguments
from enphase_streaming.arguments import is_loopback
from enphase_streaming.client import StreamingClient
from enphase_streaming.endpoints import BASE_URL
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.options import utc_now

_WHERE = {
    "ENPHASE_API_KEY": "the API key is on the page of your application at "
    "https://developer-v4.enphase.com",
    "ENPHASE_ACCESS_TOKEN": "the access token comes from the OAuth login of the site's owner and "
    "lives for a day",
    "ENPHASE_SYSTEM_ID": "the system id is the number in the address of the site's page in "
    "Enlighten, and may be given as an argument as well",
}
_FASTEST = 1_000.0


@dataclass(frozen=True, kw_only=True)
class Access:
    """A site and what opens its stream. `host` is where the API is."""

    system_id: int
    base_url: str
    host: str
    api_key: str = field(repr=False)
    access_token: str = field(repr=False)
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
            access_token=self.access_token,
            base_url=self.base_url,
            monotonic=self.monotonic,
            now=self.now,
        )


def find_access(
    environment: Mapping[str, str], system_id: str | None, clock_speed: float = 1.0
) -> Access:
    """Return the access that the environment gives; `system_id` is the argument, if there was one.

    Raises `InvalidArgument` naming everything that is missing, and where to get it.
    """
    given = {**environment, "ENPHASE_SYSTEM_ID": system_id or ""}
    missing = [name for name in _WHERE if not given.get(name)]
    if missing:
        names = " and ".join(", ".join(missing).rsplit(", ", 1))
        verb = "is" if len(missing) == 1 else "are"
        places = "; ".join(_WHERE[name] for name in missing)
        raise InvalidArgument(f"{names} {verb} not set: {places}.")
    base_url = arguments.url("ENPHASE_BASE_URL", given.get("ENPHASE_BASE_URL") or BASE_URL)
    access = Access(
        system_id=_site_number(given["ENPHASE_SYSTEM_ID"]),
        base_url=base_url,
        host=urlsplit(base_url).netloc,
        api_key=given["ENPHASE_API_KEY"],
        access_token=given["ENPHASE_ACCESS_TOKEN"],
    )
    return access if clock_speed == 1 else _on_faster_clock(access, clock_speed)


def _site_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        # Not shown: it may be a credential that was put into the wrong place.
        raise InvalidArgument("SYSTEM_ID is not a number; give the number of the site.")
    return arguments.system_id(int(text))


def _on_faster_clock(access: Access, speed: float) -> Access:
    if not (math.isfinite(speed) and 1 <= speed <= _FASTEST):
        raise InvalidArgument(f"--clock-speed is {speed}; give a number from 1 to {_FASTEST:g}.")
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

    return Access(**{**vars(access), "monotonic": monotonic, "now": now})
