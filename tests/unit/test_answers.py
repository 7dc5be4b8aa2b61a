"""What an answer that is an error says, word for word, and when it asks to be called again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming import (
    APIStatusError,
    GatewayNotReportingError,
    RateLimitError,
    UnexpectedStatusError,
)
from enphase_streaming.core.answers import error_from_answer, error_from_envelope

NOW = datetime(2026, 6, 21, 12, tzinfo=UTC)
OFFLINE = {"error": {"code": 473, "status": "OFFLINE", "message": "no gateway"}, "type": "site"}


def hush(text: str) -> str:
    """A mask with one secret."""
    return text.replace("hush", "***")


def answered(status_code: int, body: object) -> APIStatusError:
    """The exception of an answer: a text is its body, anything else is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return error_from_answer(status_code, text.encode(), now=NOW, mask=hush)


# The message


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (OFFLINE, "473 OFFLINE: no gateway"),
        ({"data": OFFLINE}, "473 OFFLINE: no gateway"),
        ({"error": None, "data": OFFLINE}, "473 OFFLINE: no gateway"),
        (f"data:{json.dumps(OFFLINE)}", "473 OFFLINE: no gateway"),
        (f"event: error\ndata:{json.dumps(OFFLINE)}\n\ndata:{{}}\n\n", "473 OFFLINE: no gateway"),
        ({"error": {"status": "OFFLINE"}, "message": "m"}, "473 OFFLINE: m"),
        ({"error": {"message": "m"}}, "473: m"),
        ({"message": "No", "details": "Not your site"}, "473: No: Not your site"),
        ({"details": "Not your site"}, "473: Not your site"),
        ({"message": ["one", 2, "three"]}, "473: one, three"),
        ({"message": [], "errorMessages": ["one"]}, "473: one"),
        ({"error": "invalid_grant", "error_description": "No such code"}, "473: No such code"),
        ({"error": "invalid_grant", "error_description": ""}, "473: invalid_grant"),
        ({"message": "outer", "data": {"message": "inner"}}, "473: outer"),
        ({"message": "outer", "data": "inner"}, "473: outer"),
        ({"error": {"message": "outer"}, "data": OFFLINE}, "473: outer"),
        ({"message": "all\r\nin\tone\u2028line"}, "473: all  in one line"),
        ("", "473: an empty body"),
        ("<p>\n", "473: no error envelope; the body starts '<p>\\n'"),
        ("x" * 80, f"473: no error envelope; the body starts '{'x' * 80}'"),
        ("x" * 81, f"473: no error envelope; the body starts '{'x' * 80}'"),
        ({"message": "x" * 395}, f"473: {'x' * 395}"),
        ({"message": "x" * 396}, f"473: {'x' * 395}…"),
    ],
)
def test_an_answer_is_told_in_one_short_line(body: object, says: str) -> None:
    assert str(answered(473, body)) == says


@given(st.text())
def test_whatever_is_sent_is_told_in_one_short_line(message: str) -> None:
    for body in ({"message": message}, message):
        says = str(answered(500, body))
        assert says.startswith("500: ")
        assert says.isprintable()
        assert len(says) <= 401


def test_bytes_that_are_no_text_are_told_as_such() -> None:
    error = error_from_answer(502, b"\xff<p>", now=NOW)
    assert str(error) == "502: no error envelope; the body starts '\ufffd<p>'"
    assert error.body == "\ufffd<p>"


# An envelope inside a stream


@pytest.mark.parametrize(
    "envelope",
    [
        {"error": {"code": 473, "message": "m"}, "code": 468},
        {"error": {"message": "m"}, "code": 473},
        {"error": "m", "code": "473"},
    ],
)
def test_an_envelope_has_the_class_of_the_code_that_it_carries(envelope: dict[str, Any]) -> None:
    error = error_from_envelope(envelope)
    assert type(error) is GatewayNotReportingError
    assert str(error) == "473: m"
    assert json.loads(error.body) == envelope


def test_an_envelope_without_a_code_is_unexpected() -> None:
    error = error_from_envelope({"error": "m"})
    assert type(error) is UnexpectedStatusError
    assert str(error) == "200: m"


# The body


@given(st.text())
def test_a_body_without_a_secret_is_kept_as_it_was_spelled(text: str) -> None:
    escaped = json.dumps({"message": text}).replace("/", "\\/")
    for body in (escaped, text):
        assert answered(500, body).body == hush(body)


# When to come back


def comes_back(body: object, retry_after: str | None = None) -> datetime | None:
    text = json.dumps(body).encode()
    error = error_from_answer(429, text, now=NOW, retry_after=retry_after)
    assert isinstance(error, RateLimitError)
    return error.retry_at


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000", ""])
def test_where_the_client_is_changes_no_date(zone: str) -> None:
    retry_at = comes_back({}, f"Sun, 21 Jun 2026 12:02:00 {zone}")
    assert retry_at == NOW + timedelta(minutes=2)
    assert retry_at.utcoffset() == timedelta(0)


@pytest.mark.usefixtures("far_from_utc")
def test_a_date_of_another_zone_is_told_in_utc() -> None:
    retry_at = comes_back({}, "Sun, 21 Jun 2026 14:02:00 +0200")
    assert retry_at == NOW + timedelta(minutes=2)
    assert retry_at.utcoffset() == timedelta(0)


def test_only_the_digits_that_the_api_writes_are_a_number() -> None:
    end = "1782043320"
    arabic = end.translate({ord(digit): 0x0660 + int(digit) for digit in "0123456789"})
    assert comes_back({"period_end": end}) == NOW + timedelta(minutes=2)
    assert comes_back({"period_end": arabic}) is None
    assert comes_back({}, "120") == NOW + timedelta(minutes=2)
    assert comes_back({}, "\u0661\u0662\u0660") is None
