"""The exceptions: their tree, what each status means, and what each carries."""

from __future__ import annotations

import inspect
import pickle
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

import enphase_streaming
from enphase_streaming import errors
from enphase_streaming.errors import STATUSES, APIStatusError, Retry, StatusRow, status_row

PACKAGE: ModuleType = enphase_streaming
"""As at run time: type checkers see neither its `__all__` nor its `__getattr__`."""

# The tree

TREE = {
    "EnphaseStreamingError": "Exception",
    "InvalidArgument": "EnphaseStreamingError ValueError",
    "InvalidDuration": "InvalidArgument",
    "ConnectionFailed": "EnphaseStreamingError",
    "LoginRequired": "EnphaseStreamingError",
    "BudgetExhausted": "EnphaseStreamingError",
    "LedgerUnavailable": "EnphaseStreamingError",
    "APIStatusError": "EnphaseStreamingError",
    "AuthenticationError": "APIStatusError",
    "PermissionDeniedError": "APIStatusError",
    "RateLimitError": "APIStatusError",
    "InvalidDurationError": "APIStatusError InvalidDuration",
    "UnsupportedGatewayError": "APIStatusError",
    "SystemNotFoundError": "APIStatusError",
    "LiveStreamNotSupportedError": "APIStatusError",
    "GatewayNotReportingError": "APIStatusError",
    "ServiceUnavailableError": "APIStatusError",
    "UnexpectedStatusError": "APIStatusError",
    "StreamError": "EnphaseStreamingError",
    "StreamEndedEarly": "StreamError",
    "StreamDropped": "StreamError",
    "StreamStalled": "StreamError",
    "MalformedEvent": "StreamError",
    "EventTooLarge": "StreamError",
    "NotAnEventStream": "StreamError",
}
"""The settled names, each with its bases. Exceptions of new statuses may join them."""


def real_tree() -> dict[str, str]:
    """Return every exception of errors.py by name, with the names of its bases."""
    return {
        name: " ".join(base.__name__ for base in found.__bases__)
        for name, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, BaseException)
    }


EXCEPTIONS = [getattr(errors, name) for name in real_tree()]
every_exception = pytest.mark.parametrize("kind", EXCEPTIONS)


def test_the_tree_has_the_settled_exceptions() -> None:
    assert real_tree() | TREE == real_tree()
    of_statuses = {row.error.__name__ for row in STATUSES.values()}
    assert real_tree().keys() - TREE.keys() <= of_statuses


@every_exception
def test_every_exception_is_importable_from_the_package(kind: type[Exception]) -> None:
    assert kind.__name__ in PACKAGE.__all__, (
        f"name {kind.__name__} in __all__ of overlay/enphase_streaming/errors.py"
    )
    assert getattr(PACKAGE, kind.__name__) is kind


def test_everything_that_the_package_lists_is_there() -> None:
    missing = [name for name in PACKAGE.__all__ if not hasattr(PACKAGE, name)]
    assert missing == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        _ = PACKAGE.nothing_like_this


# Statuses


def test_the_rows_of_the_published_statuses_are_settled() -> None:
    settled = {
        401: (errors.AuthenticationError, Retry.REFRESH),
        403: (errors.PermissionDeniedError, Retry.NEVER),
        429: (errors.RateLimitError, Retry.PERIOD),
        461: (errors.InvalidDurationError, Retry.NEVER),
        462: (errors.InvalidDurationError, Retry.NEVER),
        463: (errors.InvalidDurationError, Retry.NEVER),
        466: (errors.UnsupportedGatewayError, Retry.NEVER),
        468: (errors.SystemNotFoundError, Retry.NEVER),
        472: (errors.LiveStreamNotSupportedError, Retry.NEVER),
        473: (errors.GatewayNotReportingError, Retry.SLOWLY),
        550: (errors.ServiceUnavailableError, Retry.BACKOFF),
        551: (errors.ServiceUnavailableError, Retry.BACKOFF),
        552: (errors.ServiceUnavailableError, Retry.BACKOFF),
    }
    assert {code: tuple(status_row(code)) for code in settled} == settled


@pytest.mark.parametrize(
    "code", sorted({100, 204, 302, 400, 404, 499, 600, 999, 0, -1} - STATUSES.keys())
)
def test_an_undocumented_status_is_unexpected_and_final(code: int) -> None:
    assert status_row(code) == StatusRow(errors.UnexpectedStatusError, Retry.NEVER)


@pytest.mark.parametrize("code", sorted({500, 503, 599} - STATUSES.keys()))
def test_an_undocumented_5xx_is_retried(code: int) -> None:
    assert status_row(code) == StatusRow(errors.ServiceUnavailableError, Retry.BACKOFF)


@pytest.mark.parametrize(
    ("retry", "retryable"),
    [
        (Retry.NEVER, False),
        (Retry.REFRESH, False),
        (Retry.BACKOFF, True),
        (Retry.SLOWLY, True),
        (Retry.PERIOD, True),
    ],
)
def test_retryable_means_that_the_same_call_can_succeed_later(
    retry: Retry, retryable: bool
) -> None:
    error = APIStatusError(status_code=404)
    error.retry = retry
    assert error.retryable is retryable


def test_an_exception_that_is_no_answer_says_so_too() -> None:
    assert errors.StreamDropped().retryable
    assert errors.ConnectionFailed().retryable
    assert not errors.ConnectionFailed(untrusted=True).retryable
    assert not errors.MalformedEvent().retryable
    assert not errors.BudgetExhausted().retryable


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (errors.EnphaseStreamingError(), Retry.NEVER),
        (errors.InvalidArgument(), Retry.NEVER),
        (errors.InvalidDuration(), Retry.NEVER),
        (errors.LoginRequired(), Retry.NEVER),
        (errors.BudgetExhausted(), Retry.NEVER),
        (errors.ConnectionFailed(), Retry.BACKOFF),
        (errors.ConnectionFailed(untrusted=True), Retry.NEVER),
        (errors.StreamEndedEarly(), Retry.BACKOFF),
        (errors.StreamDropped(), Retry.BACKOFF),
        (errors.StreamStalled(), Retry.BACKOFF),
        (errors.NotAnEventStream(), Retry.BACKOFF),
        (errors.MalformedEvent(), Retry.NEVER),
        (errors.EventTooLarge(), Retry.NEVER),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_failure_says_how_watch_reacts(
    error: errors.EnphaseStreamingError, retry: Retry
) -> None:
    assert error.retry is retry


# What they carry

ATTRIBUTES: dict[type[Exception], dict[str, Any]] = {
    errors.ConnectionFailed: {"untrusted": True},
    errors.InvalidDuration: {"status_code": 461},
    errors.MalformedEvent: {"data": "{"},
    errors.NotAnEventStream: {"body": "<p>"},
    errors.StreamEndedEarly: {"missing": 1.5},
}
DEFAULTS: dict[type[Exception], dict[str, Any]] = {
    errors.ConnectionFailed: {"untrusted": False},
    errors.InvalidDuration: {"status_code": 463},
    errors.MalformedEvent: {"data": ""},
    errors.NotAnEventStream: {"body": ""},
    errors.StreamEndedEarly: {"missing": 0.0},
}
STATUS = {"status_code": 599, "status": "S", "type": "t", "message": "m", "body": "b"}


@every_exception
def test_an_exception_can_be_made_with_a_message_alone(kind: type[Exception]) -> None:
    assert str(kind("what happened")) == "what happened"


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_attributes_are_kept_or_at_their_defaults(kind: type[Exception]) -> None:
    for name, value in ATTRIBUTES[kind].items():
        assert getattr(kind(**{name: value}), name) == value
        assert getattr(kind(), name) == DEFAULTS[kind][name]
    assert str(kind()) == ""


@every_exception
def test_an_exception_survives_pickling(kind: type[Exception]) -> None:
    attributes = STATUS if issubclass(kind, APIStatusError) else ATTRIBUTES.get(kind, {})
    error = kind("what happened", **attributes)
    if isinstance(error, errors.RateLimitError):
        error.retry_at, error.period = datetime(2026, 1, 1, tzinfo=UTC), "minute"
        error.retry_in, error.retry = 20.0, Retry.NEVER
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.args) == ("what happened", error.args)
    assert vars(again) == vars(error)


def test_a_status_error_shows_its_code_and_message_unless_it_has_a_text() -> None:
    error = APIStatusError(status_code=473, message="offline")
    assert str(error) == "473: offline"
    assert str(APIStatusError("The gateway sleeps.", status_code=473)) == "The gateway sleeps."


def test_a_status_error_keeps_what_the_api_said() -> None:
    error = APIStatusError(status_code=473, status="S", type="t", message="m", body="{}")
    assert (error.status_code, error.status, error.type) == (473, "S", "t")
    assert (error.message, error.body) == ("m", "{}")


def test_a_status_error_without_details_is_empty() -> None:
    error = APIStatusError()
    assert str(error) == "0: "
    assert (error.status_code, error.status, error.type) == (0, None, None)
    assert (error.message, error.body) == ("", "")


def test_a_limit_that_does_not_say_when_it_ends_leaves_it_open() -> None:
    error = errors.RateLimitError(status_code=429)
    assert (error.retry_at, error.retry_in, error.period) == (None, None, None)
