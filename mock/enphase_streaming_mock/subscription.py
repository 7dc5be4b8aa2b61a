"""What a test does to the account of a running mock, and what it finds there."""

from datetime import datetime
from typing import TYPE_CHECKING

from enphase_streaming_mock.account import (
    CLIENT_ID,
    CLIENT_SECRET,
    OWNER,
    REDIRECT_URI,
    REFRESH_TOKEN,
    Account,
    LimitAnswer,
)
from enphase_streaming_mock.application import App, Period
from enphase_streaming_mock.plans import Bill

if TYPE_CHECKING:
    from enphase_streaming_mock.engine import Engine


class Subscription:
    """The account of a mock. Whatever is set holds from the next request on.

    Refusals are ValueErrors that name the option and its choices; nothing is changed then.
    """

    engine: "Engine"

    def now(self) -> datetime:
        """The time by the mock's clock, in UTC."""
        raise NotImplementedError

    @property
    def account(self) -> Account:
        """The applications, owners and tokens that the mock knows."""
        return self.engine.account

    @property
    def bill(self) -> Bill:
        """What the calls with `api_key` cost so far."""
        return self.account.app.bill

    def set_plan(self, plan: str) -> None:
        """Put the application on another plan: watt, kilowatt, megawatt, partner, unlimited."""
        self.account.set_plan(plan)

    def set_limit_answer(self, limit_answer: LimitAnswer) -> None:
        """How a call beyond a limit is refused: "period", "plain" or "documented"."""
        self.account.set_limit_answer(limit_answer)

    def use_up(self, period: Period) -> None:
        """Let nothing be left of the calls that the plan allows in this "minute" or "month"."""
        self.account.app.use_up(period, self.now())

    def expire_token(self, access_token: str | None = None) -> None:
        """End an access token's life now; the first one's when left out."""
        self.account.expire(access_token, self.now())

    def authorization_code(
        self, redirect_uri: str = REDIRECT_URI, app: App | None = None, owner: str = OWNER
    ) -> str:
        """Approve the application as the owner would; the code is good once, for ten minutes."""
        return self.account.approve(self.now(), redirect_uri, app, owner)

    @property
    def client_id(self) -> str:
        """The client id of the application, for the token address."""
        return CLIENT_ID

    @property
    def client_secret(self) -> str:
        """The client secret of the application."""
        return CLIENT_SECRET

    @property
    def refresh_token(self) -> str:
        """The refresh token that goes with `access_token`; good once."""
        return REFRESH_TOKEN
