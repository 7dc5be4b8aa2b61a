"""The largest plan in one process: 1,500 streams of one event a second, compared with httpx-sse.

`make bench ONLY=fleet` prints the table.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import stock
from following import POOL, SECONDS, TIMES, Used
from paced import paced
from table import Row, Section

STREAMS = 1500
_FOLLOWING = Path(__file__).with_name("following.py")
_PEER = "httpx, httpx-sse, json, stock models"
_VARIANTS = [
    *(("theirs", False), ("theirs", True)),
    *(("bare", False), ("ours", False)),
    *(("bare_aiohttp", False), ("bare_aiohttp", True)),
    *(("on_aiohttp", False), ("on_aiohttp", True)),
]
"""Sides, and whether over TLS."""
_NAMES = {
    "cpu": "CPU of an event",
    "core": "the whole fleet",
    "memory": "memory of a stream",
    "late": "p99 of the lateness",
}


def measure(side: str, tls: bool, path: str) -> list[Used]:
    """Return what a new process uses."""
    with paced(interval=1.0, streams=STREAMS, tls=tls) as (base_url, authority):
        run = subprocess.run(
            [sys.executable, _FOLLOWING, side, str(STREAMS), base_url],
            stdout=subprocess.PIPE,
            check=True,
            env=os.environ | {"PYTHONPATH": path} | ({"SSL_CERT_FILE": authority} if tls else {}),
        )
    return [Used(*used) for used in json.loads(run.stdout)]


def section() -> Section:
    """Measure every side, plain and over TLS."""
    # Long: half of it lists the rows and the notes of the page.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with stock.generated() as path:
        found = {variant: measure(*variant, path) for variant in _VARIANTS}

    def row(
        what: str,
        unit: str,
        side: str,
        tls: bool = False,
        *,
        beside: str = "",
        peer: str = "theirs",
        at_most: float | None = None,
    ) -> Row:
        through = {"ours": "over httpx", "on_aiohttp": "over aiohttp"}
        through |= {"bare": "httpx alone", "bare_aiohttp": "aiohttp alone"}
        return Row(
            f"{_NAMES[what]}: {'TLS' if tls else 'plain'}, uvloop, {through[side]}",
            unit,
            [getattr(used, what) for used in found[side, tls]],
            beside,
            [getattr(used, what) for used in found[peer, tls]] if beside else (),
            at_most=at_most,
        )

    return Section(
        f"A fleet of {STREAMS:,} streams",
        f"{STREAMS:,} streams of one event a second in one process, {TIMES} times for {SECONDS:g} "
        "s once all of them are open; the server is another process, on another core. The sides "
        "are measured one after another, so that a ratio also shows how the machine's speed "
        f"changed. The peer is httpx with its defaults, in clients of {POOL} streams each, on the "
        "same event loop. Ours uses the transport of httpx, the default of a client, or the fleet "
        "transport, on "
        "aiohttp.",
        [
            row("cpu", "µs", "ours", beside=_PEER),
            row("cpu", "µs", "bare", beside=_PEER),
            row("cpu", "µs", "on_aiohttp", beside=_PEER),
            row("cpu", "µs", "bare_aiohttp", beside=_PEER),
            row("cpu", "µs", "on_aiohttp", beside="aiohttp alone", peer="bare_aiohttp",
                at_most=1.3),
            row("cpu", "µs", "on_aiohttp", True, beside=_PEER, at_most=0.5),
            row("cpu", "µs", "on_aiohttp", True, beside="aiohttp alone", peer="bare_aiohttp"),
            row("memory", "KiB", "ours"),
            row("memory", "KiB", "on_aiohttp", at_most=20),
            row("memory", "KiB", "on_aiohttp", True, at_most=60),
            *(
                row("memory", "KiB", "on_aiohttp", tls, beside="aiohttp alone", peer="bare_aiohttp")
                for tls in (False, True)
            ),
            *(row("core", "cores", "on_aiohttp", tls) for tls in (False, True)),
            *(row("late", "ms", "on_aiohttp", tls, beside=_PEER) for tls in (False, True)),
        ],
        [
            "“httpx alone” and “aiohttp alone” read the bytes and decode nothing. They are "
            "most of the cost of an event and, with anyio, httpcore and h11, most of the "
            "memory of a stream over httpx, which is why a fleet uses another transport.",
            "Beyond aiohttp, an event passes a generator of httpx, our iterator and its deadline, "
            "the core and the decoder. The profile below shows that no "
            "function takes a tenth of that time, so no single change reaches the goals. "
            "Between two events of a stream, the others push its memory out of the processor's "
            "caches; “the core alone, as paced” in the section before shows what that costs.",
            "In the profiles of CPU time, `data_received`, `read` and `_wait` take bytes from the "
            "event loop to the task that waits, `_until` ends that wait at a deadline or a stop, "
            "and `_run` is the iterator. In the core, `ask` and `take` keep the deadlines, `feed` "
            "splits bytes into events, `read` decodes one, and `note` and `is_new` remember it.",
            "The memory beyond aiohttp's own is that of httpx's response, the client's objects "
            "with one timer, the core's, and the latest reading. Over TLS, uvloop allocates 256 "
            "KiB for each connection, of which a process holds only the pages that are used, and "
            "OpenSSL allocates without Python.",
        ],
    )  # fmt: skip


if __name__ == "__main__":
    print(section().markdown())
