"""Who may open a stream, and for how long: the checks in front of it, in their order.

How leniently the real API reads `duration` is unknown, so the mock is strict: a client that sends
`30` as the document has it passes, and one that relies on leniency fails here first.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from enphase_streaming_mock.account import SYSTEM_ID, Account
from enphase_streaming_mock.contract import Contract, Refusal
from enphase_streaming_mock.exchange import Request
from enphase_streaming_mock.gateway.responses import (
    Answer,
    documented,
    limit_exceeded,
    not_authorized,
)

# An integer as JSON writes it, in whose types the document describes it: no leading zero, no plus,
# no exponent, no fraction, and no digits but ASCII's.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")


def admit(account: Account, contract: Contract, request: Request, now: datetime) -> int | Answer:
    """Return the seconds that a stream lasts, or why it may not open.

    The gateway knows the application, and counts its call, before it looks at the user.
    """

    def refused(name: str) -> Answer:
        return documented(contract.refusal(name), now)

    keys = request.header(contract.key_name) or request.parameter(contract.key_name)
    if not any(keys):
        return refused("apiKeyMissing")
    app = next((app for app in account.apps if keys == [app.api_key]), None)
    if app is None:
        return refused("apiKeyInvalid")
    exceeded = app.count(now)
    if exceeded:
        if account.limit_answer == "documented":
            return refused("tooManyRequests")
        return limit_exceeded(app.plan.name, exceeded if account.limit_answer == "period" else {})
    grant = account.access.get(bearer(contract, request))
    if grant is None:
        return refused("accessTokenInvalid")
    if grant.expired(now):
        return refused("accessTokenExpired")
    if grant.app is not app:
        return not_authorized("API Key -Client mismatch")
    if not app.plan.streaming:
        return refused("applicationNotAuthorized")
    duration = read_duration(request.header(contract.duration_name), contract)
    if isinstance(duration, Refusal):
        return documented(duration, now)
    system_id = contract.system_id(request.path)
    if system_id not in map(str, {SYSTEM_ID}.union(*account.sites.values())):
        return refused("systemNotFound")
    if int(system_id) not in account.sites[grant.owner]:
        return refused("forbidden")
    app.count_stream()
    return duration


def read_duration(values: Sequence[str], contract: Contract) -> int | Refusal:
    """Return the seconds that a stream lasts, given every `duration` header of the request."""
    if not values:
        return contract.shortest
    text = values[0].strip(" \t")  # space around a field's value is no part of it, RFC 9110 5.5
    if len(values) > 1 or _INTEGER.fullmatch(text) is None:
        return contract.refusal("notInteger")
    if text.startswith("-"):
        return contract.refusal("tooShort")
    # Compared by length first: Python refuses to convert thousands of digits.
    if len(text) > len(str(contract.longest)) or int(text) > contract.longest:
        return contract.refusal("tooLong")
    return int(text) if int(text) >= contract.shortest else contract.refusal("tooShort")


def bearer(contract: Contract, request: Request) -> str:
    """Return the access token of a request, "" if there is none or more than one."""
    values = [value.partition(" ") for value in request.header("authorization")]
    if len(values) != 1 or values[0][0].lower() != contract.token_scheme:
        return ""
    return values[0][2].strip()
