"""The page on which a site's owner lets an application in; the mock's owner agrees at once."""

from datetime import datetime
from urllib.parse import urlencode, urlsplit

from enphase_streaming_mock.account import OWNER, Account
from enphase_streaming_mock.exchange import Request
from enphase_streaming_mock.gateway.responses import Answer, unserved


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


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:  # an address of IPv6 that lacks a bracket
        return False
    return bool(parts.scheme and parts.netloc) and uri.isascii() and uri.isprintable()
