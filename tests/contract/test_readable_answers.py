"""What can be read is read: odd headers, compressed bodies, and numbers that JSON does not have."""

from __future__ import annotations

import gzip
import json
import math
import zlib

import pytest

from callers import Caller
from enphase_streaming import (
    AuthenticationError,
    Budget,
    NotAnEventStream,
    RateLimitError,
    StreamEndedEarly,
)
from scripted import HandClock, Peer, scripted

EVENT = b'data:{"data":{"pv_power":7},"timestamp_epoch":1782043200000}\n\n'
PLAIN = "Content-Type: text/event-stream"


def answer(*headers: str, body: bytes = EVENT * 3, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


@pytest.mark.parametrize(
    "headers",
    [
        [PLAIN, "Content-Encoding: none"],
        [PLAIN, "Content-Encoding: Identity"],
        [PLAIN, "Content-Encoding: identity, identity"],
        [PLAIN, "Content-Encoding: utf-8"],
        [PLAIN, "Content-Encoding:"],
        [PLAIN, PLAIN],
        ["Content-Type: application/json, text/event-stream"],
        ["Content-Type: TEXT/Event-Stream;charset=utf-8"],
        [],
    ],
)
def test_a_readable_stream_is_read_with_odd_headers(caller: Caller, headers: list[str]) -> None:
    with scripted(lambda peer: peer.send(answer(*headers))) as server:
        outcome = caller({"base_url": server.base_url})
    assert isinstance(outcome.error, StreamEndedEarly)
    assert [reading.pv_power for reading in outcome.readings] == [7, 7, 7]


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP, identity", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
    ],
    ids=["gzip", "x-gzip", "gzip and identity", "deflate", "raw deflate"],
)
def test_a_compressed_stream_is_decoded(caller: Caller, coding: str, compress: object) -> None:
    assert callable(compress)
    body = compress(EVENT * 2000)
    with scripted(
        lambda peer: peer.send(answer(PLAIN, f"Content-Encoding: {coding}", body=body))
    ) as server:
        outcome = caller({"base_url": server.base_url})
    assert isinstance(outcome.error, StreamEndedEarly)
    assert len(outcome.readings) == 2000


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, br"])
def test_a_coding_that_is_not_decoded_is_no_event_stream(caller: Caller, coding: str) -> None:
    with scripted(lambda peer: peer.send(answer(PLAIN, f"Content-Encoding: {coding}"))) as server:
        outcome = caller({"base_url": server.base_url})
    assert isinstance(outcome.error, NotAnEventStream)
    assert f"encoded as {coding}" in str(outcome.error)


def test_the_months_limit_is_final_though_its_answer_is_compressed(
    caller: Caller, clock: HandClock
) -> None:
    limit = {"message": "Too Many Requests", "code": 429, "period": "month"}
    body = gzip.compress(json.dumps(limit).encode())

    def refuse(peer: Peer) -> None:
        peer.send(
            answer("Content-Encoding: gzip", body=body, status="429 Too Many Requests"),
        )

    budget = Budget(calls=5)
    with scripted(refuse) as server:
        options = {"base_url": server.base_url, "monotonic": clock.monotonic, "now": clock.now}
        outcome = caller(options, method="watch", budget=budget)
        assert len(server.peers) == budget.spent == 1
    assert isinstance(outcome.error, RateLimitError)
    assert (outcome.error.period, outcome.error.retryable) == ("month", False)


@pytest.mark.parametrize(
    ("api_key", "access_token"), [("key", "token"), ("m", "o"), ("a", "API"), ("n", "t")]
)
def test_short_credentials_do_not_change_what_an_answer_says(
    caller: Caller, api_key: str, access_token: str
) -> None:
    error = {"code": 401, "message": "API key is missing", "status": "NOT_AUTHENTICATED"}
    body = json.dumps({"error": error, "type": "authentication_error"}).encode()
    with scripted(lambda peer: peer.send(answer(body=body, status="401 Unauthorized"))) as server:
        outcome = caller(
            {"base_url": server.base_url, "api_key": api_key, "access_token": access_token}
        )
    assert isinstance(outcome.error, AuthenticationError)
    assert outcome.error.message == "API key is missing"
    assert outcome.error.status == "NOT_AUTHENTICATED"


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_lacks_costs_its_field_and_not_the_event(
    caller: Caller, written: str
) -> None:
    event = f'data:{{"data":{{"pv_power":{written},"battery_soc":64}}}}\n\n'.encode()
    with scripted(lambda peer: peer.send(answer(PLAIN, body=event * 3))) as server:
        outcome = caller({"base_url": server.base_url})
    assert len(outcome.readings) == 3
    for reading in outcome.readings:
        assert (reading.pv_power, reading.battery_soc) == (None, 64)
        (drift,) = reading.drift
        assert (drift.field, drift.expected) == ("pv_power", "integer")
        assert not math.isfinite(drift.value)
