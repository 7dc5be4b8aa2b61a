"""A client's settings: what they ask its `auth` for, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from enphase_streaming import InvalidArgument
from enphase_streaming.core.options import StreamOptions
from simulated import make_options

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)


class Renewing:
    """An `auth` whose new tokens say what they were made of."""

    can_refresh = True

    def current(self, now: datetime) -> str | None:
        return None

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        return f"{stale} {token_url} {now.isoformat()}"

    def secrets(self) -> tuple[str, ...]:
        return ()


@pytest.mark.parametrize("stale", [None, "the-old-token"])
def test_a_renewal_receives_the_stale_token_the_url_and_the_time(stale: str | None) -> None:
    options = make_options(auth=Renewing(), token_url="https://example.com/t", now=lambda: NOW)
    assert options.renewal(stale)() == f"{stale} https://example.com/t 2026-06-21T12:00:00+00:00"


def test_a_token_that_no_header_can_carry_is_refused_by_name() -> None:
    asked = StreamOptions(system_id=1765, duration=None, budget=None, once=True)
    with pytest.raises(
        InvalidArgument, match=r"^access_token must be .*It is what auth returned\.$"
    ):
        make_options().request(asked, "two lines\n")


@pytest.mark.parametrize("on_malformed", ["skip", "raise", print])
def test_a_stream_takes_either_word_or_a_callable(on_malformed: Any) -> None:
    asked = StreamOptions(
        system_id=1765, duration=None, budget=None, once=True, on_malformed=on_malformed
    )
    assert asked.on_malformed == on_malformed


def test_a_stream_refuses_another_word_by_name() -> None:
    with pytest.raises(InvalidArgument, match=r"^on_malformed must be 'skip', .* got 'stop'\.$"):
        StreamOptions(
            system_id=1765,
            duration=None,
            budget=None,
            once=True,
            on_malformed="stop",  # type: ignore[arg-type]  # what the test is about
        )
