"""Refusals of the mock, compared with Prism.

`make bench ONLY=mock_errors` prints the table.
"""

from __future__ import annotations

import threading
import time

from refusing import MOCK, PRISM, Server, ask, connect, running
from table import Row, Section

_REPEATS = 3
_CONNECTIONS = 8
_SECONDS = 1.0


def refusals(server: Server) -> float:
    """Return the refusals per second on eight kept connections."""
    counts = [0] * _CONNECTIONS
    with running(server) as (port, _):
        stop = time.perf_counter() + _SECONDS

        def keep_asking(index: int) -> None:
            connection = connect(port)
            while time.perf_counter() < stop:
                ask(connection, server.path)
                counts[index] += 1
            connection.close()

        threads = [threading.Thread(target=keep_asking, args=(n,)) for n in range(_CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sum(counts) / _SECONDS


def section() -> Section:
    """Measure both in turn."""
    ours, theirs = [], []
    for _ in range(_REPEATS):
        ours.append(refusals(MOCK))
        theirs.append(refusals(PRISM))
    return Section(
        "Refusals of the mock",
        "Eight kept connections request the same documented refusal, 461, for a second. They "
        "are of Python's http.client, which limits the mock more than Prism.",
        [Row("refusals a second", "", ours, "Prism", theirs, at_least=1)],
    )


if __name__ == "__main__":
    print(section().markdown())
