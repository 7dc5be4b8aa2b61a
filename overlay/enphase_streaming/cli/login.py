"""The login of a site's owner: a code or a password is exchanged for tokens, which are stored."""

from __future__ import annotations

import getpass
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from enphase_streaming.auth.oauth import authorize_url, login_with_code, login_with_password
from enphase_streaming.auth.tokens import FileTokenStore, TokenPair
from enphase_streaming.cli.exit_codes import say
from enphase_streaming.core.arguments import shown
from enphase_streaming.environment import APPLICATION, api_endpoints, credential, token_file
from enphase_streaming.errors import InvalidArgument, LoginRequired

_PARAMETER = re.compile(r"(?:^|[?&])(?:code|state|error)=")


def login(environ: Mapping[str, str], redirect_uri: str | None, *, password: bool) -> None:
    """Ask for what is missing, request tokens and store them. Opens no stream."""
    endpoints = api_endpoints(environ)
    path = token_file(environ)
    if redirect_uri is not None:
        _check_redirect_uri("--redirect-uri", redirect_uri)
    # Before any question: a code can be used only once.
    with _store(path):
        pass
    client_id, client_secret = (_application(environ, name) for name in APPLICATION)
    request: Callable[..., TokenPair]
    if password:
        username, typed = ask("User name: "), ask("Password: ", hidden=True)
        request = partial(login_with_password, username=username, password=typed)
    else:
        if redirect_uri is None:
            redirect_uri = ask("Redirect URI of the application: ")
            _check_redirect_uri("The redirect URI", redirect_uri)
        code = _authorize(endpoints["token_url"], client_id, redirect_uri)
        request = partial(login_with_code, code=code, redirect_uri=redirect_uri)
    with _store(path) as store:
        pair = request(
            client_id=client_id,
            client_secret=client_secret,
            token_url=endpoints["token_url"],
            insecure_http=endpoints["insecure_http"],
        )
        store.save(pair)
    say(f"Logged in. The tokens are in {path} and renew themselves.")


def ask(prompt: str, *, hidden: bool = False) -> str:
    """Return the answer to a question on stderr; `hidden` does not show what is typed."""
    if hidden and sys.stdin.isatty():
        try:
            answer = getpass.getpass(prompt, stream=sys.stderr)
        except EOFError:
            answer = ""
    else:
        print(prompt, end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer.endswith("\n") or not sys.stdin.isatty():
            say("")
    if not answer.strip():
        raise InvalidArgument(f"{prompt.rstrip(': ')}: the answer is empty.")
    return answer.strip("\r\n") if hidden else answer.strip()


def _application(environ: Mapping[str, str], name: str) -> str:
    if environ.get(name):
        return credential(environ, name)
    return credential({name: ask(f"{name}: ", hidden=True)}, name)


def _check_redirect_uri(name: str, uri: str) -> None:
    if not re.fullmatch(r"[A-Za-z][\w+.-]*://[^\s/?#][^\s]*", uri):
        raise InvalidArgument(
            f"{name} must be the URL that the application is registered with, such as "
            f"https://example.com/in, got {shown(uri)}."
        )


def _authorize(token_url: str, client_id: str, redirect_uri: str) -> str:
    state = secrets.token_urlsafe(16)
    page = token_url.removesuffix("token") + "authorize"
    say("Open this page as the site's owner, log in and allow access:\n")
    say(authorize_url(client_id=client_id, redirect_uri=redirect_uri, state=state, base=page))
    say("\nThe browser is then sent to an address that starts with the redirect URI.")
    return _code(ask("Paste that address, or its code (not shown): ", hidden=True), state)


def _code(answer: str, state: str) -> str:
    """Return the code in an answer: a whole address, whose state is checked, or the code alone."""
    answer = answer.strip()
    if "://" not in answer and not _PARAMETER.search(answer):
        return answer
    query = urlsplit(answer).query if "://" in answer else answer.lstrip("?")
    found = {name: values[-1] for name, values in parse_qs(query).items()}
    if not secrets.compare_digest(found.get("state", "").encode(), state.encode()):
        raise InvalidArgument(
            "The state in that address is not the one of this login: it belongs to another login, "
            "or is forged. Nothing was sent."
        )
    if "code" not in found:
        refusal = found.get("error_description") or found.get("error") or "it holds no code"
        raise LoginRequired(f"Access was not allowed ({refusal}): log in again.")
    return found["code"]


@contextmanager
def _store(path: Path) -> Iterator[FileTokenStore]:
    """Yield the token store, while no other process renews the tokens."""
    store = FileTokenStore(path)
    try:
        with store.lock():
            yield store
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidArgument(f"The token file {path} cannot be written: {why}.") from error
