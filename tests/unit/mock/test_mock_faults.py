"""Faults as they are set, and whose turn it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from enphase_streaming_mock import Mock
from enphase_streaming_mock.faults import KINDS, Fault, Faults

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_be_set_by_its_name_alone(name: str) -> None:
    Mock().fault(name)
    Faults().add(Fault(name), NOW)
    assert KINDS[name].summary
    assert Fault(name).always is False


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ([], {}, "there is no fault \\[\\]; choose from reset"),
        ("error", {"example": []}, "example is \\[\\]; for code 551 choose from unreachable"),
        ("explode", {}, "there is no fault 'explode'; choose from reset, drop, close"),
        ("drop", {"after_events": -1}, "after_events is -1; it has to lie between 0"),
        ("drop", {"after_events": 1.5}, "after_events is 1.5; give a whole number"),
        ("drop", {"after_bytes": True}, "after_bytes is True; give a whole number"),
        ("drop", {"after_events": 1, "after_bytes": 1}, "^after_events and after_bytes contradict"),
        ("drop", {"requests": 2, "always": True}, "^always and requests contradict"),
        ("drop", {"requests": 0}, "requests is 0; it has to lie between 1"),
        ("drop", {"always": 1}, "always is 1; give True or False"),
        ("drop", {"size": 5000}, "'drop' takes no size; it takes after_events, after_bytes"),
        ("drop", {"on": "tokens"}, "'drop' takes no on"),
        ("overrun", {"after_events": 3}, "'overrun' takes no after_events; it takes seconds"),
        ("error", {"code": 500}, "code is 500, which is not documented; choose from 401, 403"),
        ("error-event", {"code": 500}, "code is 500, which is not documented"),
        ("error", {"code": 401, "example": "x"}, "choose from apiKeyMissing, apiKeyInvalid, acc"),
        ("error", {"form": "xml"}, "form is 'xml'; choose from 'json', 'event-stream', 'framed'"),
        ("gateway", {"shape": "x"}, "shape is 'x'; choose from 'unauthorized'"),
        ("hang-up", {"how": "x"}, "how is 'x'; choose from 'close', 'reset'"),
        ("html", {"on": "x"}, "on is 'x'; choose from 'stream', 'tokens'"),
        ("oversized-event", {"size": 10}, "size is 10; it has to lie between 1,024"),
        ("slow-head", {"seconds": float("nan")}, "seconds is nan; it has to lie between"),
        ("refuse", {"always": True}, "'refuse' takes no always; it takes seconds"),
    ],
)
def test_what_contradicts_or_is_unknown_is_refused_with_the_choices(
    name: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Mock().fault(name, **options)


def test_an_option_that_no_fault_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="there is no option 'after'; choose from after_events"):
        Mock().fault("drop", after=3)


def test_a_fault_behind_one_that_strikes_always_is_refused() -> None:
    faults = Faults()
    faults.add(Fault("drop", always=True), NOW)
    said = "'drop' strikes always, so 'error' never would; clear the faults first"
    with pytest.raises(ValueError, match=said):
        faults.add(Fault("error"), NOW)
    faults.add(Fault("html", on="tokens"), NOW)
    faults.clear()
    faults.add(Fault("error"), NOW)


def test_faults_of_the_tokens_address_wait_for_it() -> None:
    faults = Faults()
    faults.add(Fault("html", on="tokens"), NOW)
    faults.add(Fault("error"), NOW)
    assert faults.take("answer") == Fault("error")
    assert faults.take("answer") is None
    assert faults.take("answer", "tokens") == Fault("html", on="tokens")


@pytest.mark.parametrize(
    ("how_often", "times"), [({}, 1), ({"requests": 1}, 1), ({"requests": 3}, 3)]
)
def test_a_fault_has_so_many_turns_before_the_next_one(
    how_often: dict[str, Any], times: int
) -> None:
    faults, first, other = Faults(), Fault("drop", after_bytes=1, **how_often), Fault("close")
    faults.add(first, NOW)
    faults.add(other, NOW)
    taken = [faults.take("stream") for _ in range(times + 2)]
    assert taken == [first] * times + [other, None]


def test_a_fault_that_strikes_always_keeps_its_turn() -> None:
    faults, fault = Faults(), Fault("error", always=True)
    faults.add(fault, NOW)
    assert [faults.take("answer") for _ in range(9)] == [fault] * 9


def test_connections_are_refused_until_their_time_is_over_or_they_are_cleared() -> None:
    faults, told = Faults(), list[bool]()
    faults.on_refuse = lambda: told.append(faults.refusing(NOW))
    faults.clear()
    assert not faults.refusing(NOW)
    faults.add(Fault("refuse", seconds=5), NOW)
    assert faults.refusing(NOW + timedelta(seconds=4.9))
    assert not faults.refusing(NOW + timedelta(seconds=5))
    faults.clear()
    assert not faults.refusing(NOW)
    assert told == [True, False]
