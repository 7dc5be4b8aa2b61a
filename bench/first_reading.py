"""Time to the first reading, compared with a client that waits for the last one.

`make bench ONLY=first_reading` prints the table.
"""

from __future__ import annotations

import os
import time

import httpx

import stock
from enphase_streaming import StreamingClient
from paced import paced
from table import Row, Section

_EVENTS, _INTERVAL = 20, 0.1
_REPEATS = 3
_COLD = 10


def ours(base_url: str) -> float:
    """Return the seconds from creating the client to the first reading."""
    began = time.perf_counter()
    with StreamingClient(api_key="key", access_token="token", base_url=base_url) as client:
        client.snapshot(1765)
        return time.perf_counter() - began


def theirs(base_url: str, folder: str) -> float:
    """Return the seconds until the client of openapi-python-client fails."""
    call = stock.module("api.streaming.stream_system_live_data", folder).sync
    began = time.perf_counter()
    with stock.module("client", folder).AuthenticatedClient(base_url, "token") as client:
        try:
            call(1765, client=client, duration=30)
        except ValueError:
            return time.perf_counter() - began
    raise AssertionError("The stock client decoded a stream: correct the note on the page.")


def cold(base_url: str) -> float:
    """Return the seconds until a new client of httpx has the first bytes."""
    began = time.perf_counter()
    with (
        httpx.Client() as client,
        client.stream("GET", f"{base_url}/systems/1765/live_data") as response,
    ):
        next(response.iter_raw())
        return time.perf_counter() - began


def over_tls() -> tuple[list[float], list[float]]:
    """Return the ms to the first reading over TLS: ours, and those of httpx to the first bytes."""
    mine, bare = [], []
    with paced(interval=_INTERVAL, tls=True) as (base_url, authority):
        os.environ["SSL_CERT_FILE"] = authority
        for _ in range(1 + _COLD):
            mine.append(ours(base_url) * 1000)
            bare.append(cold(base_url) * 1000)
    return mine[1:], bare[1:]  # the first of each imports modules


def section() -> Section:
    """Measure both, in turn."""
    found = []
    with stock.generated() as folder:
        for _ in range(_REPEATS):
            with paced(interval=_INTERVAL, events=_EVENTS) as (base_url, _):
                found.append((ours(base_url), theirs(base_url, folder)))
    mine, other = zip(*found, strict=True)
    tls, bare = over_tls()
    later = [ours - theirs for ours, theirs in zip(tls, bare, strict=True)]
    return Section(
        "The first reading",
        "From creating a client to the first reading, of a window of "
        f"{_EVENTS * _INTERVAL:g} s with an event every {_INTERVAL:g} s; cold, over TLS, "
        f"{_COLD} times, each with a new client, which loads its certificate authorities.",
        [
            Row("first reading", "s", mine, "the stock client, whole window", other),
            Row("first reading, cold, over TLS", "ms", tls, "httpx, first bytes", bare),
            Row("first reading, cold, over TLS: later than httpx", "ms", later, at_most=5),
        ],
        [
            "The client that openapi-python-client generates from our document waits for the last "
            "byte of a window of any length, and then fails, as it parses all events as one JSON "
            "object."
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
