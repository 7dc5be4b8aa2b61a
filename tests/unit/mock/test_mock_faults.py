"""Faults as they are set, and the order in which they strike."""

from typing import Any, get_args

import pytest

from enphase_streaming_mock import Mock
from enphase_streaming_mock.faults import KINDS, Fault, FaultName, FaultOptions, Faults
from enphase_streaming_mock.faults.answer import AnswerFault
from enphase_streaming_mock.faults.stream import StreamFault


@pytest.mark.parametrize("name", get_args(FaultName))
def test_every_fault_can_be_set_by_its_name_alone(name: FaultName) -> None:
    Mock().fault(name)
    assert KINDS[name].summary()
    assert repr(Fault(name)).startswith(f"Fault(name={name!r}, effect={KINDS[name].__name__}(")


def test_every_fault_and_every_option_is_known_to_type_checkers() -> None:
    assert set(get_args(FaultName)) == KINDS.keys()
    assert {option for kind in KINDS.values() for option in kind.options()} == set(
        FaultOptions.__annotations__
    )


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ([], {}, "fault must be one of 'reset', 'drop'.*got \\[\\]"),
        ("error", {"example": []}, "example must be a string, got \\[\\]"),
        ("explode", {}, "fault must be one of 'reset', 'drop'.*got 'explode'"),
        ("drop", {"after_events": -1}, "after_events must be .* from 0.*got -1"),
        ("drop", {"after_events": 1.5}, "after_events must be an int.*got 1.5"),
        ("drop", {"after_bytes": True}, "after_bytes must be an int.*got True"),
        (
            "drop",
            {"after_events": 1, "after_bytes": 1},
            "^after_events and after_bytes contradict each other: pass one of them",
        ),
        ("drop", {"requests": 2, "always": True}, "^always and requests contradict each other"),
        ("drop", {"requests": 0}, "requests must be .* from 1.*got 0"),
        ("drop", {"always": 1}, "always must be one of False, True, got 1"),
        ("drop", {"size": 5000}, "'drop' takes no size; it takes after_events, after_bytes"),
        ("drop", {"on": "tokens"}, "'drop' takes no on"),
        ("overrun", {"after_events": 3}, "'overrun' takes no after_events; it takes seconds"),
        ("error", {"code": 500}, "code must be one of 401, 403.*got 500"),
        ("error-event", {"code": 500}, "code must be one of 401, 403.*got 500"),
        (
            "error",
            {"code": 401, "example": "x"},
            "example of code 401 must be one of 'apiKeyMissing'",
        ),
        (
            "error",
            {"form": "xml"},
            "form must be one of 'json', 'event-stream', 'framed'.*got 'xml'",
        ),
        ("gateway", {"shape": "x"}, "shape must be one of 'unauthorized'.*got 'x'"),
        ("hang-up", {"how": "x"}, "how must be one of 'close', 'reset'.*got 'x'"),
        ("html", {"on": "x"}, "on must be one of 'stream', 'tokens'.*got 'x'"),
        ("oversized-event", {"size": 10}, "size must be .* from 1,024.*got 10"),
        (
            "slow-head",
            {"seconds": float("nan")},
            "seconds must be a number from 0.01 to 86,400, got nan",
        ),
        ("refuse", {}, "fault must be one of .*got 'refuse'"),
    ],
)
def test_bad_options_of_a_fault_are_refused(name: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Mock().fault(name, **options)


def test_an_option_that_no_fault_has_is_refused() -> None:
    with pytest.raises(
        ValueError, match="Fault 'drop' takes no after; it takes after_events, after_bytes"
    ):
        Mock().fault("drop", after=3)  # type: ignore[call-arg]


def test_an_option_of_none_is_one_that_is_not_given() -> None:
    assert Fault("drop", size=None, after_events=None) == Fault("drop")


def test_a_fault_object_takes_no_more_options() -> None:
    with pytest.raises(ValueError, match="A Fault has its options already"):
        Mock().fault(Fault("drop"), after_events=3)


def test_a_fault_behind_one_that_strikes_always_is_refused() -> None:
    faults = Faults()
    faults.add(Fault("drop", always=True))
    said = "'drop' strikes always, so 'error' never would: clear the faults first"
    with pytest.raises(ValueError, match=said):
        faults.add(Fault("error"))
    faults.add(Fault("html", on="tokens"))
    faults.clear()
    faults.add(Fault("error"))


def test_faults_of_the_token_endpoint_wait_for_it() -> None:
    faults = Faults()
    faults.add(Fault("html", on="tokens"))
    faults.add(Fault("error"))
    assert faults.take(AnswerFault) == Fault("error").effect
    assert faults.take(AnswerFault) is None
    assert faults.take(AnswerFault, "tokens") == Fault("html", on="tokens").effect


@pytest.mark.parametrize(
    ("how_often", "times"), [({}, 1), ({"requests": 1}, 1), ({"requests": 3}, 3)]
)
def test_a_fault_strikes_so_many_requests_before_the_next_one(
    how_often: dict[str, Any], times: int
) -> None:
    faults, first, other = Faults(), Fault("drop", after_bytes=1, **how_often), Fault("close")
    faults.add(first)
    faults.add(other)
    taken = [faults.take(StreamFault) for _ in range(times + 2)]
    assert taken == [first.effect] * times + [other.effect, None]


def test_a_fault_that_strikes_always_stays_in_the_queue() -> None:
    faults, fault = Faults(), Fault("error", always=True)
    faults.add(fault)
    assert [faults.take(AnswerFault) for _ in range(9)] == [fault.effect] * 9
