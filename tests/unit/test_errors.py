"""What an exception says, and what it carries."""

from __future__ import annotations

import pytest

from enphase_streaming import (
    APIStatusError,
    ConnectionFailed,
    EnphaseStreamingError,
    InvalidDuration,
    MalformedEvent,
    NotAnEventStream,
    StreamEndedEarly,
)

CARRIERS = [ConnectionFailed, InvalidDuration, MalformedEvent, NotAnEventStream, StreamEndedEarly]


@pytest.mark.parametrize("kind", CARRIERS)
def test_an_exception_says_what_it_was_given(kind: type[EnphaseStreamingError]) -> None:
    assert str(kind("why")) == "why"


@pytest.mark.parametrize("kind", CARRIERS)
def test_an_exception_without_a_message_says_nothing(kind: type[EnphaseStreamingError]) -> None:
    assert str(kind()) == ""


def test_what_was_not_said_is_at_its_default() -> None:
    assert ConnectionFailed().untrusted is False
    assert InvalidDuration().status_code == 463
    assert MalformedEvent().data == ""
    assert NotAnEventStream().body == ""
    assert StreamEndedEarly().missing == 0.0


def test_what_was_said_is_kept() -> None:
    assert ConnectionFailed(untrusted=True).untrusted is True
    assert InvalidDuration(status_code=461).status_code == 461
    assert MalformedEvent(data="{").data == "{"
    assert NotAnEventStream(body="<p>").body == "<p>"
    assert StreamEndedEarly(missing=1.5).missing == 1.5


def test_an_answer_of_the_api_says_its_code_and_message_unless_there_is_a_text() -> None:
    error = APIStatusError(status_code=473, message="offline")
    assert str(error) == "473: offline"
    assert str(APIStatusError("The gateway sleeps.", status_code=473)) == "The gateway sleeps."


def test_an_answer_of_the_api_is_kept_word_for_word() -> None:
    error = APIStatusError(status_code=473, status="S", type="t", message="m", body="{}")
    assert (error.status_code, error.status, error.type) == (473, "S", "t")
    assert (error.message, error.body) == ("m", "{}")


def test_an_answer_of_the_api_that_says_nothing_is_empty() -> None:
    error = APIStatusError()
    assert str(error) == "0: "
    assert (error.status_code, error.status, error.type) == (0, None, None)
    assert (error.message, error.body) == ("", "")
