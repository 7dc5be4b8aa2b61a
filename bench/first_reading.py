"""Time to the first reading, compared with a client that waits for the last one.

`make bench ONLY=first_reading` prints the table.
"""

from __future__ import annotations

import time

import stock
from enphase_streaming import StreamingClient
from paced import paced
from table import Row, Section

_EVENTS, _INTERVAL = 20, 0.1
_REPEATS = 3


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


def section() -> Section:
    """Measure both, in turn."""
    found = []
    with stock.generated() as folder:
        for _ in range(_REPEATS):
            with paced(interval=_INTERVAL, events=_EVENTS) as (base_url, _):
                found.append((ours(base_url), theirs(base_url, folder)))
    mine, other = zip(*found, strict=True)
    return Section(
        "The first reading",
        "From creating a client to the first reading, of a window of "
        f"{_EVENTS * _INTERVAL:g} s with an event every {_INTERVAL:g} s.",
        [Row("first reading", "s", mine, "the stock client, whole window", other)],
        [
            "The client that openapi-python-client generates from our document waits for the last "
            "byte of a window of any length, and then fails, as it parses all events as one JSON "
            "object."
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
