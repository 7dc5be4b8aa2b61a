"""Client arguments from the ENPHASE_* variables: the command's, and those of `from_env`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from enphase_streaming.auth.auth import StaticAuth
from enphase_streaming.auth.refreshing import RefreshingAuth
from enphase_streaming.auth.tokens import FileTokenStore
from enphase_streaming.core import arguments
from enphase_streaming.core.options import BASE_URL, Auth
from enphase_streaming.errors import InvalidArgument

APPLICATION = ("ENPHASE_CLIENT_ID", "ENPHASE_CLIENT_SECRET")
_PORTAL = "your application's page in Enphase's developer portal"
_SOURCES = {
    "ENPHASE_API_KEY": f"the API key is on {_PORTAL}",
    "ENPHASE_ACCESS_TOKEN": "the access token comes from the OAuth login of the site's owner and "
    "lives for a day; `enphase-streaming login` stores one that renews itself",
    "ENPHASE_SYSTEM_ID": "the system ID is the number of the site; it can be an argument instead",
}


def client_arguments(environ: Mapping[str, str], required: Iterable[str] = ()) -> dict[str, Any]:
    """Return the keyword arguments of a client: key, tokens and URLs.

    Args:
        environ: the variables, such as `os.environ`.
        required: further variables that must be set, to be reported along with missing credentials.

    Raises:
        InvalidArgument: a variable is missing or has a wrong value, or the token file is damaged.
    """
    url = base_url(environ)
    auth = _auth(environ)
    missing = [name for name in ("ENPHASE_API_KEY", *required) if not environ.get(name)]
    if auth is None:
        missing.insert("ENPHASE_API_KEY" in missing, "ENPHASE_ACCESS_TOKEN")
    if auth is None or missing:
        sources = "; ".join(_SOURCES[name] for name in missing)
        raise InvalidArgument(f"{_not_set(missing)}: {sources}.")
    return {
        "api_key": credential(environ, "ENPHASE_API_KEY"),
        "auth": auth,
        "base_url": url,
        "token_url": token_url(url),
    }


def base_url(environ: Mapping[str, str]) -> str:
    """Return the URL of the API. Raises `InvalidArgument`."""
    return arguments.url("ENPHASE_BASE_URL", environ.get("ENPHASE_BASE_URL") or BASE_URL)


def token_url(base_url: str) -> str:
    """Return where the API at `base_url` issues tokens: on the same host."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}/oauth/token"


def token_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the token store."""
    if given := environ.get("ENPHASE_TOKEN_FILE"):
        return Path(given)
    usual = environ.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME")
    # The XDG specification: a path that is not absolute is ignored.
    folder = Path(usual) if usual and Path(usual).is_absolute() else Path.home() / ".config"
    return folder / "enphase-streaming" / "tokens.json"


def credential(environ: Mapping[str, str], name: str) -> str:
    """Return the credential in a variable. Raises `InvalidArgument` if no request can carry it."""
    source = _SOURCES.get(name, f"it is on {_PORTAL}")
    return arguments.secret(name, environ[name], f"{source[0].upper()}{source[1:]}.")


def _auth(environ: Mapping[str, str]) -> Auth | None:
    """Return an access token or the stored tokens, None without either."""
    if environ.get("ENPHASE_ACCESS_TOKEN"):
        return StaticAuth(credential(environ, "ENPHASE_ACCESS_TOKEN"))
    path = token_file(environ)
    store = FileTokenStore(path)
    if store.load() is None:
        return None
    if missing := [name for name in APPLICATION if not environ.get(name)]:
        raise InvalidArgument(
            f"{_not_set(missing)}: the tokens in {path} cannot be renewed without; both are on "
            f"{_PORTAL}."
        )
    client_id, client_secret = (credential(environ, name) for name in APPLICATION)
    return RefreshingAuth(client_id=client_id, client_secret=client_secret, store=store)


def _not_set(names: list[str]) -> str:
    listed = " and ".join(", ".join(names).rsplit(", ", 1))
    return f"{listed} {'is' if len(names) == 1 else 'are'} not set"
