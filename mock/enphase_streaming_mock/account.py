"""Who may call: applications, owners with their sites, and the tokens of both."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from enphase_streaming_mock.application import App
from enphase_streaming_mock.given import check_choice, check_number, is_text
from enphase_streaming_mock.plans import find_plan

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
class Grant:
    """What a token or a code stands for: the owner's consent to one application, and until when.

    `expires` None is for ever.
    """

    app: App
    owner: str
    expires: datetime | None
    redirect_uri: str = ""

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires is not None and now >= self.expires


@dataclass(frozen=True, slots=True)
class Pair:
    """A new pair of tokens; `lifetime` of the access token is in seconds."""

    access_token: str
    refresh_token: str
    lifetime: int


class Account:
    """The applications and owners that the mock knows; one of each to begin with.

    `plan` is the first application's, a name out of `plans.PLANS`. `token_lifetime` is how long an
    access token lives, in seconds; when left out a new one lives for a day, and the first one for
    ever. `limit_answer` is how a call beyond a limit is refused: as the gateway does, with the
    "period" or "plain" without it, or as the stream's own error is "documented".
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
        self.app = App(API_KEY, CLIENT_ID, CLIENT_SECRET, find_plan(plan))
        self.apps = [self.app]
        self.passwords = {OWNER: PASSWORD}
        self.sites = {OWNER: {SYSTEM_ID}}
        first = None if token_lifetime is None else start + timedelta(seconds=token_lifetime)
        self.access = {ACCESS_TOKEN: Grant(self.app, OWNER, first)}
        self.refresh = {REFRESH_TOKEN: Grant(self.app, OWNER, start + _REFRESH_LIVES)}
        self.codes: dict[str, Grant] = {}
        self.secrets = [API_KEY, CLIENT_SECRET, PASSWORD, ACCESS_TOKEN, REFRESH_TOKEN, _CODE]
        """What may appear nowhere; tokens that are issued later begin with one of these."""
        self._issued = 0

    def set_plan(self, plan: str) -> None:
        """Put the first application on another plan. Raises ValueError with those that exist."""
        self.app.plan = find_plan(plan)

    def set_limit_answer(self, limit_answer: LimitAnswer) -> None:
        """How a call beyond a limit is refused. Raises ValueError with the choices."""
        check_choice("limit_answer", limit_answer, get_args(LimitAnswer))
        self.limit_answer = limit_answer

    def add_app(
        self, api_key: str, client_id: str, client_secret: str, plan: str = "unlimited"
    ) -> App:
        """Make one more application known; its three credentials have to be new.

        Raises ValueError that names the field.
        """
        for name, value in (
            ("api_key", api_key),
            ("client_id", client_id),
            ("client_secret", client_secret),
        ):
            if not is_text(value):
                raise ValueError(f"{name} has to be a text that is not empty")
            if any(getattr(app, name) == value for app in self.apps):
                raise ValueError(f"{name} belongs to another application already")
        app = App(api_key, client_id, client_secret, find_plan(plan))
        self.apps.append(app)
        self.secrets += [api_key, client_secret]
        return app

    def add_owner(self, name: str, password: str, *system_ids: int) -> None:
        """Make one more owner known, with the sites that are theirs; none is fine."""
        if not (is_text(name) and is_text(password)):
            raise ValueError("name and password have to be texts that are not empty")
        self.passwords[name] = password
        self.secrets.append(password)
        self.sites[name] = set(system_ids)

    def issue(self, app: App, owner: str, now: datetime) -> Pair:
        """Make a new pair of tokens for an owner and an application."""
        self._check_owner(owner)
        self._issued += 1
        pair = Pair(
            f"{ACCESS_TOKEN}.{self._issued}",
            f"{REFRESH_TOKEN}.{self._issued}",
            int(self.token_lifetime or _DAY),
        )
        ends = now + timedelta(seconds=self.token_lifetime or _DAY)
        self.access[pair.access_token] = Grant(app, owner, ends)
        self.refresh[pair.refresh_token] = Grant(app, owner, now + _REFRESH_LIVES)
        return pair

    def approve(self, now: datetime, redirect_uri: str, app: App | None, owner: str) -> str:
        """Approve an application as its owner would; the code is good once, for ten minutes."""
        self._check_owner(owner)
        self._issued += 1
        code = f"{_CODE}.{self._issued}"
        self.codes[code] = Grant(app or self.app, owner, now + _CODE_LIVES, redirect_uri)
        return code

    def grant(self, access_token: object = None) -> Grant:
        """What an access token stands for, the first one if None.

        Raises ValueError for one that was never issued.
        """
        token = ACCESS_TOKEN if access_token is None else access_token
        if not isinstance(token, str) or token not in self.access:
            raise ValueError("access_token was never issued by this mock")
        return self.access[token]

    def expire(self, access_token: str | None, now: datetime) -> None:
        """End an access token's life now. Raises ValueError as `grant` does."""
        self.grant(access_token).expires = now

    def _check_owner(self, owner: str) -> None:
        if owner not in self.sites:
            raise ValueError(f"there is no owner {owner!r}; choose from {', '.join(self.sites)}")
