"""Client arguments from the ENPHASE_* variables: the command's, and those of `from_env`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from enphase_streaming.auth.refreshing import RefreshingAuth
from enphase_streaming.auth.tokens import FileTokenStore, StaticAuth
from enphase_streaming.core import arguments
from enphase_streaming.core.options import BASE_URL, Auth
from enphase_streaming.errors import InvalidArgument

APPLICATION = ("ENPHASE_CLIENT_ID", "ENPHASE_CLIENT_SECRET")
_PORTAL = "your application's page in Enphase's developer portal"
_SOURCES = {
    "ENPHASE_API_KEY": f"the API key is on {_PORTAL}, or is printed by `enphase-mock serve`",
    "ENPHASE_ACCESS_TOKEN": "the access token comes from the OAuth login of the site's owner and "
    "lives for a day; `enphase-streaming login` stores one that renews itself",
    "ENPHASE_SYSTEM_ID": "the system ID is the number of the site; it can be an argument instead",
}


def client_arguments(environ: Mapping[str, str], required: Iterable[str] = ()) -> dict[str, Any]:
    """Return the keyword arguments of a client: API key, tokens and URLs.

    `required` are further variables that must be set, to be reported along with missing
    credentials. Raises `InvalidArgument` for a variable that is missing or has a wrong value, and
    for a token file that is damaged.
    """
    endpoints = api_endpoints(environ)
    auth = _auth(environ, insecure_http=endpoints["insecure_http"])
    missing = [name for name in ("ENPHASE_API_KEY", *required) if not environ.get(name)]
    if auth is None:
        missing.insert("ENPHASE_API_KEY" in missing, "ENPHASE_ACCESS_TOKEN")
    if auth is None or missing:
        sources = "; ".join(_SOURCES[name] for name in missing)
        raise InvalidArgument(f"{_not_set(missing)}: {sources}.")
    return {"api_key": credential(environ, "ENPHASE_API_KEY"), "auth": auth, **endpoints}


def api_endpoints(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return `base_url`, `token_url` on the same host, and `insecure_http`.

    Raises `InvalidArgument` for a variable that has a wrong value.
    """
    value = environ.get("ENPHASE_INSECURE_HTTP") or "0"
    if value not in ("0", "1"):
        raise InvalidArgument(
            f"ENPHASE_INSECURE_HTTP must be 0 or 1, got {arguments.shown(value)}."
        )
    insecure_http = value == "1"
    url = environ.get("ENPHASE_BASE_URL") or BASE_URL
    base_url = arguments.url("ENPHASE_BASE_URL", url, insecure_http=insecure_http)
    return {
        "base_url": base_url,
        "token_url": urljoin(base_url, "/oauth/token"),
        "insecure_http": insecure_http,
    }


def token_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the stored tokens, in the platform's folder unless it is set.

    Raises `InvalidArgument` if the home directory is unknown or platformdirs is not installed.
    """
    given = environ.get("ENPHASE_TOKEN_FILE")
    try:
        return Path(given).expanduser() if given else _platform_folder() / "tokens.json"
    except RuntimeError:
        what = f"ENPHASE_TOKEN_FILE is {given!r}" if given else "No folder for the stored tokens"
        raise InvalidArgument(
            f"{what}, but HOME is not set and this user has no home directory: set HOME or "
            "ENPHASE_TOKEN_FILE to an absolute path, or set ENPHASE_ACCESS_TOKEN."
        ) from None


def credential(environ: Mapping[str, str], name: str) -> str:
    """Return the credential in a variable. Raises `InvalidArgument` if no request can carry it."""
    source = _SOURCES.get(name, f"it is on {_PORTAL}")
    return arguments.secret(name, environ[name], f"{source[0].upper()}{source[1:]}.")


def _platform_folder() -> Path:
    try:
        import platformdirs
    except ImportError:
        raise InvalidArgument(
            "platformdirs, which finds stored tokens, is not installed: set ENPHASE_ACCESS_TOKEN "
            "or ENPHASE_TOKEN_FILE, or run pip install 'enphase-streaming[cli]'."
        ) from None
    folder = platformdirs.user_config_path("enphase-streaming", appauthor=False, roaming=True)
    if not folder.is_absolute():  # as some versions return where others raise
        raise RuntimeError("no home directory")
    return folder


def _auth(environ: Mapping[str, str], *, insecure_http: bool) -> Auth | None:
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
    return RefreshingAuth(
        client_id=client_id,
        client_secret=client_secret,
        store=store,
        insecure_http=insecure_http,
    )


def _not_set(names: list[str]) -> str:
    listed = " and ".join(", ".join(names).rsplit(", ", 1))
    return f"{listed} {'is' if len(names) == 1 else 'are'} not set"
