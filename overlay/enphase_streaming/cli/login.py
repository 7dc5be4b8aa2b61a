"""The login of a site's owner: from a code or a password to tokens in the store."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from enphase_streaming.auth.oauth import authorize_url, login_with_code, login_with_password
from enphase_streaming.auth.tokens import FileTokenStore, TokenPair
from enphase_streaming.cli.access import PAIR, credential, find_base_url, token_file, token_url
from enphase_streaming.cli.ask import ask
from enphase_streaming.cli.exits import say
from enphase_streaming.core.arguments import shown
from enphase_streaming.errors import InvalidArgument, LoginRequired

_PARAMETER = re.compile(r"(?:^|[?&])(?:code|state|error)=")


def login(environment: Mapping[str, str], redirect_uri: str | None, *, password: bool) -> None:
    """Ask for what is missing, get a pair of tokens and store it. Spends no streaming call.

    Raises `InvalidArgument`, `LoginRequired` if the login is refused, and what the token
    endpoint's other failures raise.
    """
    base_url = find_base_url(environment)
    path = token_file(environment)
    if redirect_uri is not None:
        _check_redirect("--redirect-uri", redirect_uri)
    # Before anybody types anything: a code can be used only once.
    _into(path, lambda: None)
    client_id, client_secret = (_application(environment, name) for name in PAIR)
    issue: Callable[..., TokenPair]
    if password:
        issue = partial(
            login_with_password,
            username=ask("User name: "),
            password=ask("Password: ", hidden=True),
        )
    else:
        uri = redirect_uri
        if uri is None:
            uri = ask("Redirect URI of the application: ")
            _check_redirect("The redirect URI", uri)
        issue = partial(login_with_code, code=_code(base_url, client_id, uri), redirect_uri=uri)
    application = {"client_id": client_id, "client_secret": client_secret}
    _into(path, lambda: issue(token_url=token_url(base_url), **application))
    say(f"Logged in. The tokens are in {path}; they renew themselves.")


def _application(environment: Mapping[str, str], name: str) -> str:
    if environment.get(name):
        return credential(environment, name)
    prompt = "Client secret: " if name.endswith("SECRET") else "Client ID: "
    return credential({name: ask(prompt, hidden=True, variable=name)}, name)


def _check_redirect(name: str, uri: str) -> None:
    if not re.fullmatch(r"[A-Za-z][\w+.-]*://[^\s/?#][^\s]*", uri):
        raise InvalidArgument(
            f"{name} is {shown(uri)}; give the address that your application is registered with, "
            "such as https://example.com/in."
        )


def _code(base_url: str, client_id: str, redirect_uri: str) -> str:
    state = secrets.token_urlsafe(16)
    page = token_url(base_url).removesuffix("token") + "authorize"
    say("Have the site's owner open this address, log in and agree:\n")
    say(authorize_url(client_id=client_id, redirect_uri=redirect_uri, state=state, base=page))
    say("\nThe browser then goes on to an address that begins with the redirect URI.")
    return _code_from(ask("That address, or the code in it (not shown): ", hidden=True), state)


def _code_from(answer: str, state: str) -> str:
    """Return the code of an answer: a whole address, whose state is checked, or the code alone."""
    answer = answer.strip()
    if "://" not in answer and not _PARAMETER.search(answer):
        return answer
    query = urlsplit(answer).query if "://" in answer else answer.lstrip("?")
    found = {name: values[-1] for name, values in parse_qs(query).items()}
    if not secrets.compare_digest(found.get("state", "").encode(), state.encode()):
        raise InvalidArgument(
            "The state in that address is not the one of this login: it belongs to another one, "
            "or somebody made it up. Nothing was sent"
        )
    if "code" not in found:
        refusal = found.get("error_description") or found.get("error") or "it carries no code"
        raise LoginRequired(f"The owner was not let through ({refusal}): log in again.")
    return found["code"]


def _into(path: Path, issue: Callable[[], TokenPair | None]) -> None:
    """Store what `issue` returns, with no other process refreshing meanwhile."""
    store = FileTokenStore(path)
    try:
        with store.lock():
            pair = issue()
            if pair is not None:
                store.save(pair)
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidArgument(f"The token file {path} cannot be written: {why}.") from error
