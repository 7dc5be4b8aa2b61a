"""Keys, tokens, plans and the bill, asked of the engine without a socket."""

import base64
import json
import re
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from enphase_streaming_mock import Mock, Reply, Request
from enphase_streaming_mock.account import Account
from enphase_streaming_mock.plans import PLANS

START = datetime(2026, 6, 21, 12, tzinfo=UTC)
PATH = "/api/v4/systems/1765/live_data"
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.fixture
def mock() -> Mock:
    return Mock()


def ask(
    mock: Mock, key: str | None = None, token: str | None = None, after: float = 0, **headers: str
) -> Reply:
    given = (
        ("key", key or mock.api_key),
        ("Authorization", f"Bearer {token or mock.access_token}"),
        *headers.items(),
    )
    now = mock.now() + timedelta(seconds=after)
    return mock.engine.answer(Request("GET", PATH, given), now)


def message(reply: Reply) -> str:
    envelope = json.loads(reply.body)
    return str(envelope["error"]["message"] if "error" in envelope else envelope["details"])


def trade(
    mock: Mock,
    query: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    client: tuple[str, str] | None = None,
    method: str = "POST",
    after: float = 0,
) -> tuple[int, dict[str, Any]]:
    pair = ":".join(client or (mock.client_id, mock.client_secret))
    basic = "Basic " + base64.b64encode(pair.encode()).decode()
    headers = (("Authorization", basic), FORM)
    request = Request(method, "/oauth/token", headers, query, body)
    reply = mock.engine.answer(request, mock.now() + timedelta(seconds=after))
    return reply.status, json.loads(reply.body)


def refreshing(token: str) -> tuple[tuple[str, str], ...]:
    return ("grant_type", "refresh_token"), ("refresh_token", token)


def test_a_refresh_token_buys_a_pair_that_opens_a_stream(mock: Mock) -> None:
    status, pair = trade(mock, refreshing(mock.refresh_token))
    assert (status, pair["token_type"], pair["expires_in"]) == (200, "bearer", 86_400)
    assert set(pair) == {
        "access_token", "token_type", "refresh_token", "expires_in", "scope", "enl_uid", "enl_cid",
        "enl_password_last_changed", "is_internal_app", "app_type", "jti",
    }  # fmt: skip
    assert ask(mock, token=pair["access_token"]).status == 200


def test_a_spent_refresh_token_is_refused_and_the_new_one_is_not(mock: Mock) -> None:
    _, pair = trade(mock, refreshing(mock.refresh_token))
    assert trade(mock, refreshing(mock.refresh_token))[0] == 400
    assert trade(mock, refreshing(mock.refresh_token))[1]["error"] == "invalid_grant"
    assert trade(mock, refreshing(pair["refresh_token"]))[0] == 200


def test_the_parameters_may_stand_in_a_form_as_well(mock: Mock) -> None:
    body = f"grant_type=refresh_token&refresh_token={mock.refresh_token}".encode()
    assert trade(mock, body=body)[0] == 200


def test_a_code_is_good_once_for_its_own_redirect_uri(mock: Mock) -> None:
    code = mock.authorization_code("https://a.example/cb")

    def grant(uri: str) -> tuple[tuple[str, str], ...]:
        return ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", uri)

    assert trade(mock, grant("https://b.example/cb"))[1]["error"] == "invalid_grant"
    assert trade(mock, grant("https://a.example/cb"))[0] == 200
    assert trade(mock, grant("https://a.example/cb"))[1]["error"] == "invalid_grant"


def test_a_code_lives_ten_minutes(mock: Mock) -> None:
    given = (
        ("grant_type", "authorization_code"),
        ("code", mock.authorization_code("x:/")),
        ("redirect_uri", "x:/"),
    )
    assert trade(mock, given, after=600)[1]["error"] == "invalid_grant"


def test_owners_log_in_by_partner_applications_only(mock: Mock) -> None:
    mock.account.add_owner("ann", "secret", mock.system_id)
    given = ("grant_type", "password"), ("username", "ann"), ("password", "secret")
    assert trade(mock, given)[0] == 200
    assert trade(mock, (*given[:2], ("password", "wrong")))[1]["error"] == "invalid_grant"
    mock.set_plan("kilowatt")
    assert trade(mock, given)[1]["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ((), 400, "invalid_request"),
        ((("grant_type", "client_credentials"),), 401, "unauthorized_client"),
        ((("grant_type", "implicit"),), 400, "unsupported_grant_type"),
        ((("grant_type", "refresh_token"),), 400, "invalid_request"),
        ((*refreshing("x"), ("refresh_token", "y")), 400, "invalid_request"),
        (refreshing("never-issued"), 400, "invalid_grant"),
    ],
)
def test_a_bad_grant_is_refused_as_oauth_says(
    mock: Mock, query: tuple[tuple[str, str], ...], status: int, error: str
) -> None:
    found, body = trade(mock, query)
    assert (found, body["error"]) == (status, error)
    assert set(body) == {"error", "error_description"}


@pytest.mark.parametrize("where", ["form", "query"])
def test_a_token_request_with_thousands_of_parameters_is_refused_in_linear_time(
    mock: Mock, where: str
) -> None:
    pairs = tuple((f"name{number}", "value") for number in range(16_000))
    form = "&".join(f"{name}={value}" for name, value in pairs).encode()
    before = time.process_time()
    sent: dict[str, Any] = {"body": form} if where == "form" else {"query": pairs}
    status, body = trade(mock, **sent)
    assert time.process_time() - before < 0.5
    assert (status, body["error"]) == (400, "invalid_request")
    assert len(body["error_description"]) < 200


def test_wrong_client_credentials_are_refused_and_spend_nothing(mock: Mock) -> None:
    given = refreshing(mock.refresh_token)
    assert trade(mock, given, client=(mock.client_id, "wrong"))[0] == 401
    assert trade(mock, given)[0] == 200


@pytest.mark.parametrize("value", ["", "Bearer x", "Basic ???", "Basic /w==", "Basic eA=="])
def test_an_authorization_that_is_not_basic_is_refused(mock: Mock, value: str) -> None:
    request = Request("POST", "/oauth/token", (("Authorization", value),))
    assert mock.engine.answer(request, mock.now()).status == 401


def test_tokens_are_issued_by_post_only(mock: Mock) -> None:
    assert trade(mock, method="GET") == (405, {"reason": "405", "message": ["Method not allowed"]})


def test_another_applications_refresh_token_is_refused_and_not_spent(mock: Mock) -> None:
    mock.account.add_app("other-key", "other-id", "other-secret")
    given = refreshing(mock.refresh_token)
    assert trade(mock, given, client=("other-id", "other-secret"))[0] == 400
    assert trade(mock, given)[0] == 200


def test_a_token_needs_its_own_applications_key(mock: Mock) -> None:
    mock.account.add_app("other-key", "other-id", "other-secret")
    reply = ask(mock, key="other-key")
    assert (reply.status, message(reply)) == (401, "API Key -Client mismatch")


def test_a_token_expires_after_its_lifetime() -> None:
    mock = Mock(token_lifetime=60)
    assert ask(mock, after=59.9).status == 200
    reply = ask(mock, after=60)
    assert (reply.status, message(reply)) == (401, "Access token has expired")
    _, pair = trade(mock, refreshing(mock.refresh_token), after=60)
    assert pair["expires_in"] == 60
    assert ask(mock, token=pair["access_token"], after=61).status == 200


def test_the_first_token_never_expires_by_default(mock: Mock) -> None:
    assert ask(mock, after=10 * 86_400).status == 200
    mock.expire_token()
    assert message(ask(mock)) == "Access token has expired"


def test_a_refresh_token_lives_for_a_month(mock: Mock) -> None:
    assert trade(mock, refreshing(mock.refresh_token), after=30 * 86_400)[0] == 400


def test_another_owners_site_is_forbidden(mock: Mock) -> None:
    mock.account.add_owner("ann", "secret")
    pair = mock.account.issue(mock.account.app, "ann", mock.now())
    reply = ask(mock, token=pair.access_token)
    assert (reply.status, message(reply)) == (403, "User is not authorized")


def test_the_watt_plan_does_not_stream() -> None:
    reply = ask(Mock(plan="watt"))
    assert reply.status == 401
    assert message(reply) == "Application is not authorized to access the requested resource"


def test_calls_beyond_the_minutes_limit_are_refused_until_it_is_over() -> None:
    mock = Mock(plan="kilowatt")
    assert {ask(mock).status for _ in range(50)} == {200}
    reply = ask(mock)
    body = json.loads(reply.body)
    assert (reply.status, body["period"], body["limit"]) == (429, "minute", 50)
    assert body["details"] == "Usage limit exceeded for plan Kilowatt"
    assert body["period_end"] - body["period_start"] == 60
    assert body["period_start"] <= mock.now().timestamp() < body["period_end"]
    assert ask(mock, after=body["period_end"] - mock.now().timestamp() + 0.001).status == 200


def test_a_used_up_month_outlasts_the_minute() -> None:
    mock = Mock(plan="kilowatt")
    mock.use_up("month")
    body = json.loads(ask(mock, after=61).body)
    assert (body["period"], body["limit"]) == ("month", 50_000)
    ends = datetime.fromtimestamp(body["period_end"], UTC)
    assert (ends.day, ends.hour, ends.minute) == (1, 0, 0)


@pytest.mark.parametrize("how", ["plain", "documented"])
def test_a_limit_may_be_refused_without_its_period(how: Any) -> None:
    mock = Mock(plan="kilowatt", limit_answer=how)
    mock.use_up("minute")
    reply = ask(mock)
    assert reply.status == 429
    assert b"period" not in reply.body
    assert (b"request_exceeded_error" in reply.body) == (how == "documented")


def test_the_bill_counts_every_call_and_charges_streams() -> None:
    mock = Mock(plan="kilowatt")
    ask(mock)
    ask(mock, duration="29")
    ask(mock, key="wrong")
    assert (mock.bill.calls, mock.bill.streams, mock.bill.dollars) == (2, 1, Decimal("0.10"))
    assert mock.bill.fee == 249


def test_a_partner_pays_for_calls_beyond_those_included() -> None:
    mock = Mock(plan="partner")
    mock.account.app._used["month"] = (int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()), 9_999)
    for _ in range(3):
        mock.engine.answer(
            Request(
                "GET", PATH, (("key", mock.api_key), ("Authorization", "Bearer mock-access-token"))
            ),
            START,
        )
    assert mock.bill.dollars == 3 * Decimal("0.10") + 2 * Decimal("0.005")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"plan": "gigawatt"}, "plan must be one of 'unlimited', 'watt', .*got 'gigawatt'"),
        ({"token_lifetime": 0}, "token_lifetime must be .* from 1.*got 0"),
        ({"token_lifetime": "1"}, "token_lifetime must be a number.*got '1'"),
        ({"limit_answer": "x"}, "limit_answer must be one of 'period', 'plain'.*got 'x'"),
    ],
)
def test_a_bad_option_of_the_account_is_refused(option: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Account(START, **option)


def test_a_refused_setting_changes_nothing(mock: Mock) -> None:
    with pytest.raises(ValueError, match=r"plan must be one of .*got 'x'"):
        mock.set_plan("x")
    with pytest.raises(ValueError, match="Plan Unlimited has no limit a minute: set another plan"):
        mock.use_up("minute")
    with pytest.raises(ValueError, match="api_key must be new: another application has it"):
        mock.account.add_app(mock.api_key, "a", "b")
    with pytest.raises(ValueError, match="client_id must be a non-empty string, got ''"):
        mock.account.add_app("a", "", "b")
    with pytest.raises(ValueError, match="owner must be one of 'owner', got 'x'"):
        mock.authorization_code(owner="x")
    with pytest.raises(ValueError, match="access_token must be one that this mock has issued"):
        mock.expire_token("x")
    assert mock.account.app.plan is PLANS["unlimited"]
    assert ask(mock).status == 200


def test_no_secret_of_the_account_is_in_the_journal(mock: Mock) -> None:
    mock.reset()
    code = mock.authorization_code()
    mock.account.add_app("other-key", "other-id", "other-secret")
    _, pair = trade(mock, refreshing(mock.refresh_token))
    secrets = [*pair.values(), code, mock.client_secret, "other-key", "other-secret"]
    secrets = [text for text in secrets if isinstance(text, str) and len(text) > 12]
    for secret in ("other-key", *secrets):
        ask(mock, key=secret, copy=f"x {secret} y")
    assert "mock-access" not in repr(mock.requests)
    for secret in ("other-key", "other-secret", code, mock.client_secret, mock.refresh_token):
        assert secret not in repr(mock.requests)
    assert "secret" not in repr(mock.account.app)


def test_further_sites_stream_under_their_own_number() -> None:
    mock = Mock()
    headers = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}

    def numbers(site: int | str) -> tuple[int, set[int]]:
        with httpx.Client(transport=mock.transport(), headers=headers) as client:
            answer = client.get(f"{mock.base_url}/systems/{site}/live_data")
        return answer.status_code, set(map(int, re.findall(r'"system_id":(\d+)', answer.text)))

    assert numbers(1766) == (468, set())
    mock.account.add_sites(1766, 1767)
    assert [numbers(site) for site in (1765, 1766, 1767)] == [
        (200, {1765}),
        (200, {1766}),
        (200, {1767}),
    ]
    assert [numbers(site)[0] for site in (1768, "01766")] == [468, 468]
    mock.account.add_owner("ann", "secret", 1768)
    assert numbers(1768)[0] == 403
    mock.use("night")
    assert numbers(1766) == (200, {1766})
