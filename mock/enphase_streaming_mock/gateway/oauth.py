"""Consent and tokens, as OAuth 2.0 has them (RFC 6749); the mock's owner agrees at once."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from enphase_streaming_mock.account import OWNER, Account, App, Grant, Pair
from enphase_streaming_mock.exchange import Pairs, Request
from enphase_streaming_mock.gateway.responses import JSON, Answer, json_answer, unserved

_NEEDED = {
    "authorization_code": ("code", "redirect_uri"),
    "password": ("username", "password"),
    "refresh_token": ("refresh_token",),
}
# A request has at most seven; a form of thousands is not looked through.
_MOST = 64
# RFC 6749, section 5.1: tokens are kept in no cache.
_HEADERS: Pairs = (*JSON, ("Cache-Control", "no-store"))


def authorize(account: Account, request: Request, now: datetime) -> Answer:
    """Redirect to the application with a code, or with the error that RFC 6749 has for it."""
    if request.method != "GET":
        return unserved(405, "Method not allowed", (("Allow", "GET"),))
    given = dict(request.query)
    uri = given.get("redirect_uri", "")
    app = next((app for app in account.apps if app.client_id == given.get("client_id")), None)
    # Section 4.1.2.1: with either of them wrong there is nowhere to redirect to.
    if app is None:
        return unserved(400, "client_id must be that of an application")
    if not _is_address(uri):
        return unserved(400, "redirect_uri must be an absolute address")
    found = {"state": given["state"]} if "state" in given else {}
    if given.get("response_type") == "code":
        found["code"] = account.approve(now, uri, app, OWNER)
    else:
        found["error"] = "unsupported_response_type"
    location = f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode(found)}"
    return Answer(302, b"", (("Location", location), ("Cache-Control", "no-store")))


def issue(account: Account, request: Request, now: datetime) -> Answer:
    """Answer a request for tokens as of `now`; a code or refresh token is spent by that."""
    if request.method != "POST":
        return unserved(405, "Method not allowed", (("Allow", "POST"),))
    app = _client(account, request)
    if app is None:
        return _refused(401, "invalid_client", "The client id or client secret is wrong")
    # Published in the query string, seen to work in a form; both together add up.
    given = (*request.query, *form(request))
    if len(given) > _MOST:
        return _refused(400, "invalid_request", f"There are more than {_MOST} parameters")
    values = dict(given)
    twice = [name for name in values if sum(each == name for each, _ in given) > 1]
    grant_type = values.get("grant_type")
    if twice or not grant_type:
        what = f"{twice[0][:40]} is given twice" if twice else "grant_type is missing"
        return _refused(400, "invalid_request", what)
    if grant_type == "client_credentials":
        return _refused(401, "unauthorized_client", "An owner has to agree: use another grant")
    if grant_type not in _NEEDED:
        return _refused(400, "unsupported_grant_type", f"Choose from {', '.join(_NEEDED)}")
    for name in _NEEDED[grant_type]:
        if not values.get(name):
            return _refused(400, "invalid_request", f"{name} is missing")
    if grant_type == "password" and not app.plan.partner:
        return _refused(400, "unauthorized_client", "Only partner applications may log owners in")
    owner = _owner(account, app, grant_type, values, now)
    if owner is None:
        return _refused(400, "invalid_grant", "The grant is not valid any more")
    return _granted(account.issue(app, owner, now))


def _granted(pair: Pair) -> Answer:
    body = {
        "access_token": pair.access_token,
        "token_type": "bearer",
        "refresh_token": pair.refresh_token,
        "expires_in": pair.lifetime,
        "scope": "read write",
        "enl_uid": "217231",
        "enl_cid": "5",
        "enl_password_last_changed": "1638870641",
        "is_internal_app": False,
        "app_type": "system",
        "jti": f"mock-jti.{pair.access_token.rpartition('.')[2]}",
    }
    return json_answer(200, body, _HEADERS)


def form(request: Request) -> Pairs:
    """Return the parameters in a request's body; none if that is no form."""
    kinds = [kind.partition(";")[0].strip().lower() for kind in request.header("content-type")]
    if kinds != ["application/x-www-form-urlencoded"]:
        return ()
    # Every byte is a character of Latin-1, so no body is an error by itself.
    text = request.body.decode("latin-1")
    return tuple(parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace"))


def _client(account: Account, request: Request) -> App | None:
    """Return the application that HTTP Basic names, if its secret is right."""
    credentials = [value.partition(" ") for value in request.header("authorization")]
    if len(credentials) != 1 or credentials[0][0].lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials[0][2].strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    client_id, _, client_secret = decoded.partition(":")
    given = (client_id, client_secret)
    return next((app for app in account.apps if (app.client_id, app.client_secret) == given), None)


def _owner(
    account: Account, app: App, grant_type: str, values: Mapping[str, str], now: datetime
) -> str | None:
    """Return the owner who consents by a grant, if it is good; codes and tokens are spent."""
    if grant_type == "password":
        known = account.passwords.get(values["username"])
        return values["username"] if known == values["password"] else None
    if grant_type == "refresh_token":
        return _spend(account.refresh, values["refresh_token"], app, now, "")
    return _spend(account.codes, values["code"], app, now, values["redirect_uri"])


def _spend(
    grants: dict[str, Grant], token: str, app: App, now: datetime, redirect_uri: str
) -> str | None:
    grant = grants.get(token)
    # Another application's token, or one sent to another address, is refused and not spent.
    if grant is None or grant.app is not app or grant.redirect_uri != redirect_uri:
        return None
    del grants[token]
    return None if grant.expired(now) else grant.owner


def _refused(status: int, error: str, description: str) -> Answer:
    return json_answer(status, {"error": error, "error_description": description}, _HEADERS)


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:  # an address of IPv6 that lacks a bracket
        return False
    return bool(parts.scheme and parts.netloc) and uri.isascii() and uri.isprintable()
