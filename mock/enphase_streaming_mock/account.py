"""Who may call: applications with their plans and bills, owners with their sites, and tokens."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args

from enphase_streaming_mock.plans import Bill, Period, Plan, bounds_of, find_plan
from enphase_streaming_mock.validation import check_choice, check_number, check_text

API_KEY = "mock-api-key"
ACCESS_TOKEN = "mock-access-token"
REFRESH_TOKEN = "mock-refresh-token"
CLIENT_ID = "mock-client-id"
CLIENT_SECRET = "mock-client-secret"
OWNER = "owner"
PASSWORD = "mock-password"
REDIRECT_URI = "https://app.example/callback"
SYSTEM_ID = 1765

_CODE = "mock-code"
_DAY = 86_400.0
_CODE_LIVES = timedelta(minutes=10)
_REFRESH_LIVES = timedelta(days=30)

LimitAnswer = Literal["period", "plain", "documented"]


@dataclass(slots=True)
class App:
    """An application: it calls the API with `api_key` and gets tokens with the other two."""

    api_key: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    plan: Plan
    _calls: int = 0
    _streams: int = 0
    _dollars: Decimal = Decimal(0)
    # By period, when the present one began and how many calls fell into it.
    _used: dict[Period, tuple[int, int]] = field(default_factory=dict)

    def count(self, now: datetime) -> dict[str, object]:
        """Count a call, and return the limit that it exceeds, if any, as a 429 names it.

        A call beyond a limit counts and costs like any other.
        """
        exceeded: dict[str, object] = {}
        for period in get_args(Period):  # the month last: its limit outlasts the minute's
            start, end = bounds_of(period, now)
            began, used = self._used.get(period, (start, 0))
            used = used + 1 if began == start else 1
            self._used[period] = start, used
            limit = self.plan.limit(period)
            if limit is not None and used > limit:
                exceeded = {"period": period, "period_start": start, "period_end": end}
                exceeded["limit"] = limit
        self._calls += 1
        self._dollars += self.plan.per_call if used > self.plan.included else 0
        return exceeded

    def used(self, period: Period, now: datetime) -> int:
        """Return how many calls fell into the present minute or month."""
        began, used = self._used.get(period, (0, 0))
        return used if began == bounds_of(period, now)[0] else 0

    def count_stream(self) -> None:
        """Count a stream that opens, in addition to the call for it."""
        self._streams += 1
        self._dollars += self.plan.per_stream

    def use_up(self, period: Period, now: datetime) -> None:
        """Use up the calls that the plan allows in the present minute or month.

        Raises ValueError for a plan without that limit.
        """
        check_choice("period", period, get_args(Period))
        limit = self.plan.limit(period)
        if limit is None:
            raise ValueError(f"Plan {self.plan.name} has no limit a {period}: set another plan.")
        self._used[period] = bounds_of(period, now)[0], limit

    @property
    def bill(self) -> Bill:
        """What its calls cost so far."""
        return Bill(self._calls, self._streams, self._dollars, self.plan.fee)


@dataclass(slots=True)
class Grant:
    """What a token or a code stands for: an owner's consent to one application.

    It is valid until `expires`, for ever if that is None.
    """

    app: App
    owner: str
    expires: datetime | None
    redirect_uri: str = ""

    def expired(self, now: datetime) -> bool:
        """Return whether it is not valid any more."""
        return self.expires is not None and now >= self.expires


@dataclass(frozen=True, slots=True)
class Pair:
    """A new pair of tokens; `lifetime` of the access token is in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime: int


class Account:
    """The applications and owners that the mock knows; one of each to begin with.

    Args:
        start: When the mock starts (aware).
        plan: The first application's plan, a name of `plans.PLANS`.
        token_lifetime: How long an access token is valid (s): by default a day, the first for ever.
        limit_answer: How a call beyond a limit is refused: as the gateway does with the "period",
            as it does without it ("plain"), or as the stream's own error ("documented").
    """

    def __init__(
        self,
        start: datetime,
        *,
        plan: str = "unlimited",
        token_lifetime: float | None = None,
        limit_answer: LimitAnswer = "period",
    ) -> None:
        self.set_limit_answer(limit_answer)
        if token_lifetime is not None:
            check_number("token_lifetime", token_lifetime, 1.0, 30 * _DAY)
        self.token_lifetime = token_lifetime
        self.app: App = App(API_KEY, CLIENT_ID, CLIENT_SECRET, find_plan(plan))
        self.apps: list[App] = [self.app]
        self.passwords: dict[str, str] = {OWNER: PASSWORD}
        self.sites: dict[str, set[int]] = {OWNER: {SYSTEM_ID}}
        first = None if token_lifetime is None else start + timedelta(seconds=token_lifetime)
        self.access: dict[str, Grant] = {ACCESS_TOKEN: Grant(self.app, OWNER, first)}
        last = start + _REFRESH_LIVES
        self.refresh: dict[str, Grant] = {REFRESH_TOKEN: Grant(self.app, OWNER, last)}
        self.codes: dict[str, Grant] = {}
        secrets = [API_KEY, CLIENT_SECRET, PASSWORD, ACCESS_TOKEN, REFRESH_TOKEN, _CODE]
        self.secrets: list[str] = secrets
        """What is masked everywhere; tokens that are issued later begin with one of these."""
        self._issued = 0

    def __repr__(self) -> str:
        return f"<Account plan={self.app.plan.name!r} calls={self.app.bill.calls}>"

    def set_plan(self, plan: str) -> None:
        """Put the first application on another plan. Raises ValueError if there is none."""
        self.app.plan = find_plan(plan)

    def set_limit_answer(self, limit_answer: LimitAnswer) -> None:
        """Set how a call beyond a limit is refused. Raises ValueError for another value."""
        check_choice("limit_answer", limit_answer, get_args(LimitAnswer))
        self.limit_answer = limit_answer

    def add_app(
        self, api_key: str, client_id: str, client_secret: str, plan: str = "unlimited"
    ) -> App:
        """Add an application. Raises ValueError unless its three credentials are new."""
        app = App(api_key, client_id, client_secret, find_plan(plan))
        for name in ("api_key", "client_id", "client_secret"):
            check_text(name, getattr(app, name))
            if any(getattr(other, name) == getattr(app, name) for other in self.apps):
                raise ValueError(f"{name} must be new: another application has it.")
        self.apps.append(app)
        self.secrets += [api_key, client_secret]
        return app

    def add_owner(self, name: str, password: str, *system_ids: int) -> None:
        """Add an owner with the sites that are theirs, if any."""
        check_text("name", name)
        check_text("password", password)
        self.passwords[name] = password
        self.secrets.append(password)
        self.sites[name] = set(system_ids)

    def add_sites(self, *system_ids: int) -> None:
        """Add sites of the first owner, for a fleet. All have the same simulated day."""
        self.sites[OWNER].update(system_ids)

    def issue(self, app: App, owner: str, now: datetime) -> Pair:
        """Issue a new pair of tokens for an owner and an application."""
        check_choice("owner", owner, tuple(self.sites))
        self._issued += 1
        lifetime = self.token_lifetime or _DAY
        pair = Pair(
            f"{ACCESS_TOKEN}.{self._issued}", f"{REFRESH_TOKEN}.{self._issued}", int(lifetime)
        )
        ends = now + timedelta(seconds=lifetime)
        self.access[pair.access_token] = Grant(app, owner, ends)
        self.refresh[pair.refresh_token] = Grant(app, owner, now + _REFRESH_LIVES)
        return pair

    def approve(self, now: datetime, redirect_uri: str, app: App | None, owner: str) -> str:
        """Approve an application as its owner would; the code is good once, for ten minutes."""
        check_choice("owner", owner, tuple(self.sites))
        self._issued += 1
        code = f"{_CODE}.{self._issued}"
        self.codes[code] = Grant(app or self.app, owner, now + _CODE_LIVES, redirect_uri)
        return code

    def grant(self, access_token: object = None) -> Grant:
        """Return what an access token stands for, the first one by default.

        Raises ValueError for a token that was never issued.
        """
        token = ACCESS_TOKEN if access_token is None else access_token
        if not isinstance(token, str) or token not in self.access:
            raise ValueError("access_token must be one that this mock has issued.")
        return self.access[token]

    def expire(self, access_token: str | None, now: datetime) -> None:
        """Let an access token expire now. Raises ValueError for one that was never issued."""
        self.grant(access_token).expires = now
