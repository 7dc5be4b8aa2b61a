"""Who may open a stream: the checks in front of it, in the order in which they are made."""

from datetime import datetime

from enphase_streaming_mock.account import SYSTEM_ID, Account
from enphase_streaming_mock.answers import Answer, limit_exceeded, not_authorized
from enphase_streaming_mock.application import App, Excess
from enphase_streaming_mock.contract import Contract, Refusal
from enphase_streaming_mock.duration import read_duration
from enphase_streaming_mock.exchange import Request


def admit(
    account: Account, contract: Contract, request: Request, system_id: str, now: datetime
) -> int | Refusal | Answer:
    """Return the seconds that a stream may last, or why it may not open.

    The key comes first: the gateway knows the application, and counts its call, before it looks at
    its user. The duration comes before the site, and whose site it is comes last.
    """
    keys = request.header(contract.key_name) or request.parameter(contract.key_name)
    if not any(keys):
        return contract.refusal("apiKeyMissing")
    app = next((app for app in account.apps if keys == [app.api_key]), None)
    if app is None:
        return contract.refusal("apiKeyInvalid")
    exceeded = app.count(now)
    if exceeded is not None:
        return _beyond(exceeded, app, account, contract)
    grant = account.access.get(bearer(contract, request))
    if grant is None:
        return contract.refusal("accessTokenInvalid")
    if grant.expired(now):
        return contract.refusal("accessTokenExpired")
    if grant.app is not app:
        return not_authorized("API Key -Client mismatch")
    if not app.plan.streaming:
        return contract.refusal("applicationNotAuthorized")
    duration = read_duration(request.header(contract.duration_name), contract)
    if not isinstance(duration, int):
        return duration
    if system_id != str(SYSTEM_ID):
        return contract.refusal("systemNotFound")
    if SYSTEM_ID not in account.sites[grant.owner]:
        return contract.refusal("forbidden")
    app.count_stream()
    return duration


def bearer(contract: Contract, request: Request) -> str:
    """The access token of a request, "" if there is none or more than one."""
    values = [value.partition(" ") for value in request.header("authorization")]
    if len(values) != 1 or values[0][0].lower() != contract.token_scheme:
        return ""
    return values[0][2].strip()


def _beyond(exceeded: Excess, app: App, account: Account, contract: Contract) -> Answer | Refusal:
    if account.limit_answer == "documented":
        return contract.refusal("tooManyRequests")
    if account.limit_answer == "plain":
        return limit_exceeded(app.plan.name, {})
    return limit_exceeded(
        app.plan.name,
        {
            "period": exceeded.period,
            "period_start": exceeded.start,
            "period_end": exceeded.end,
            "limit": exceeded.limit,
        },
    )
