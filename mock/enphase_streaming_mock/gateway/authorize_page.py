"""The page on which a site's owner lets an application in: an answer leads to a redirect."""

from datetime import datetime
from html import escape
from urllib.parse import urlencode, urlsplit

from enphase_streaming_mock.account import OWNER, Account
from enphase_streaming_mock.exchange import Request
from enphase_streaming_mock.gateway.responses import HTML, Answer, unserved

_PAGE = """<!DOCTYPE html>
<html><head><title>Enphase mock</title></head><body>
<h1>Let {client_id} read your site?</h1>
<p>This is a mock: no login is needed.</p>
<p><a href="{allow}">Allow</a> or <a href="{deny}">deny</a></p>
</body></html>
"""


def authorize(account: Account, request: Request, now: datetime) -> Answer:
    """Answer a request for the page, or with `answer=allow` or `answer=deny` that of its links."""
    if request.method != "GET":
        return unserved(405, "Method not allowed", (("Allow", "GET"),))
    given = dict(request.query)
    client_id, redirect_uri = given.get("client_id", ""), given.get("redirect_uri", "")
    app = next((app for app in account.apps if app.client_id == client_id), None)
    # RFC 6749, section 4.1.2.1: with either of them wrong there is nowhere to redirect to.
    if app is None:
        return unserved(400, "client_id must be that of an application")
    if not _is_address(redirect_uri):
        return unserved(400, "redirect_uri must be an absolute address")
    state = {"state": given["state"]} if "state" in given else {}
    if given.get("response_type") != "code":
        return _redirect(redirect_uri, {"error": "unsupported_response_type", **state})
    answer = given.get("answer")
    if answer == "allow":
        code = account.approve(now, redirect_uri, app, OWNER)
        return _redirect(redirect_uri, {"code": code, **state})
    if answer == "deny":
        return _redirect(redirect_uri, {"error": "access_denied", **state})
    links = {each: escape(f"?{urlencode({**given, 'answer': each})}") for each in ("allow", "deny")}
    return Answer(200, _PAGE.format(client_id=escape(client_id), **links).encode(), HTML)


def _redirect(redirect_uri: str, parameters: dict[str, str]) -> Answer:
    join = "&" if urlsplit(redirect_uri).query else "?"
    location = f"{redirect_uri}{join}{urlencode(parameters)}"
    return Answer(302, b"", (("Location", location), ("Cache-Control", "no-store")))


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:  # an address of IPv6 that lacks a bracket
        return False
    return bool(parts.scheme and parts.netloc) and uri.isascii() and uri.isprintable()
