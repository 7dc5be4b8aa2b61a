from urllib.parse import quote

import pytest

from enphase_streaming.cli.login import _code
from enphase_streaming.errors import InvalidArgument, LoginRequired

STATE = "the-state"


@pytest.mark.parametrize(
    "answer",
    [
        f"https://example.com/in?code=planted&state={STATE}",
        f"https://example.com/in?x=1&state={STATE}&code=planted#fragment",
        f"?code=planted&state={STATE}",
        f"code=planted&state={STATE}",
        "  planted  ",
    ],
)
def test_a_code_is_found_in_an_address_or_alone(answer: str) -> None:
    assert _code(answer, STATE) == "planted"


def test_a_code_may_look_like_a_parameter() -> None:
    assert _code("planted+/==", STATE) == "planted+/=="


@pytest.mark.parametrize("state", ["", "&state=", "&state=other", f"&state={STATE}x"])
def test_the_state_of_another_login_is_refused_and_not_shown(state: str) -> None:
    with pytest.raises(InvalidArgument, match="not the one of this login") as caught:
        _code(f"https://example.com/in?code=planted{state}", STATE)
    assert "planted" not in str(caught.value)


def test_a_refusal_of_the_owner_requires_another_login() -> None:
    why = quote("The owner said no")
    address = f"https://example.com/in?error=access_denied&error_description={why}&state={STATE}"
    with pytest.raises(LoginRequired, match="The owner said no"):
        _code(address, STATE)
    with pytest.raises(LoginRequired, match="holds no code"):
        _code(f"https://example.com/in?state={STATE}", STATE)
