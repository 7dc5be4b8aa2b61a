"""The largest plan in one process: 1,500 streams of one event a second, compared with httpx-sse.

`make bench ONLY=fleet` prints the table.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from itertools import product
from pathlib import Path

import stock
from following import LOOPS, POOL, SECONDS, SIDES, TIMES, Used
from paced import paced
from table import Row, Section

STREAMS = 1500
_FOLLOWING = Path(__file__).with_name("following.py")
_PEER = "httpx, httpx-sse, json, stock models"
_NAMES = {
    "cpu": "CPU of an event",
    "core": "the whole fleet",
    "memory": "memory of a stream",
    "late": "p99 of the lateness",
}


def measure(side: str, loop: str, tls: bool, path: str) -> list[Used]:
    """Return what a new process uses."""
    with paced(interval=1.0, streams=STREAMS, tls=tls) as (base_url, authority):
        run = subprocess.run(
            [sys.executable, _FOLLOWING, side, loop, str(STREAMS), base_url],
            stdout=subprocess.PIPE,
            check=True,
            env=os.environ | {"PYTHONPATH": path} | ({"SSL_CERT_FILE": authority} if tls else {}),
        )
    return [Used(*used) for used in json.loads(run.stdout)]


def section() -> Section:
    """Measure every side on every loop, plain and over TLS."""
    # Long: half of it lists the rows and the notes of the page.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # These would repeat what the others show.
    left_out = {
        (side, loop, tls)
        for side, loop, tls in product(("bare", "bare_aiohttp"), LOOPS, (False, True))
        if loop == "asyncio" or (tls and side == "bare")
    }
    left_out.add(("ours", "asyncio", True))
    with stock.generated() as path:
        found = {
            (side, loop, tls): measure(side, loop, tls, path)
            for side, loop, tls in product(SIDES, LOOPS, (False, True))
            if (side, loop, tls) not in left_out
        }

    def figures(side: str, loop: str, tls: bool, what: str) -> list[float]:
        return [getattr(used, what) for used in found[side, loop, tls]]

    def row(what: str, unit: str, variant: tuple[str, str, bool], goal: float | None) -> Row:
        side, loop, tls = variant
        through = "httpx" if side == "ours" else "aiohttp"
        beside = what in ("cpu", "late")
        return Row(
            f"{_NAMES[what]}: {'TLS' if tls else 'plain'}, {loop}, over {through}",
            unit,
            figures(*variant, what),
            beside=_PEER if beside else "",
            theirs=figures("theirs", loop, tls, what) if beside else (),
            at_most=goal,
        )

    def over_alone(what: str, unit: str, tls: bool, goal: float | None) -> Row:
        return Row(
            f"{_NAMES[what]}: {'TLS' if tls else 'plain'}, uvloop, over aiohttp",
            unit,
            figures("on_aiohttp", "uvloop", tls, what),
            "aiohttp alone",
            figures("bare_aiohttp", "uvloop", tls, what),
            at_most=goal,
        )

    def alone(side: str, through: str) -> Row:
        return Row(
            f"CPU of an event: plain, uvloop, {through} alone",
            "µs",
            figures(side, "uvloop", False, "cpu"),
            _PEER,
            figures("theirs", "uvloop", False, "cpu"),
        )

    fastest = [("on_aiohttp", "uvloop", tls) for tls in (False, True)]
    return Section(
        f"A fleet of {STREAMS:,} streams",
        f"{STREAMS:,} streams of one event a second in one process, {TIMES} times for {SECONDS:g} "
        "s once all of them are open; the server is another process, on another core. The peer is "
        f"httpx with its defaults, in clients of {POOL} streams each, on the same event loop. "
        "Ours uses the transport of httpx, the default of a client, or the fleet transport, which "
        "is httpx-aiohttp's.",
        [
            row("cpu", "µs", ("ours", "asyncio", False), 0.65),
            row("cpu", "µs", ("ours", "uvloop", False), 0.65),
            alone("bare", "httpx"),
            row("cpu", "µs", ("on_aiohttp", "asyncio", False), 0.45),
            row("cpu", "µs", ("on_aiohttp", "uvloop", False), 0.4),
            alone("bare_aiohttp", "aiohttp"),
            over_alone("cpu", "µs", False, 1.3),
            row("cpu", "µs", ("ours", "uvloop", True), 0.65),
            row("cpu", "µs", ("on_aiohttp", "asyncio", True), 0.65),
            row("cpu", "µs", ("on_aiohttp", "uvloop", True), 0.5),
            over_alone("cpu", "µs", True, None),
            row("memory", "KiB", ("ours", "uvloop", False), 30),
            row("memory", "KiB", ("on_aiohttp", "uvloop", False), 20),
            row("memory", "KiB", ("ours", "uvloop", True), 75),
            row("memory", "KiB", ("on_aiohttp", "uvloop", True), 60),
            *(over_alone("memory", "KiB", tls, None) for tls in (False, True)),
            row("memory", "KiB", ("on_aiohttp", "asyncio", True), None),
            *(row("core", "cores", variant, 0.15) for variant in fastest),
            *(row("late", "ms", variant, None) for variant in fastest),
        ],
        [
            "“httpx alone” and “aiohttp alone” read the bytes and decode nothing. They are "
            "most of the cost of an event and, with anyio, httpcore and h11, most of the "
            "memory of a stream over httpx. That explains missed goals, and why a fleet uses "
            "another transport. The memory of aiohttp's streams over TLS on asyncio is "
            "asyncio's buffer of 256 KiB for each connection.",
            "Beyond aiohttp, an event passes a generator each of httpx and httpx-aiohttp, our "
            "iterator and its deadline, the core and the decoder. The next section shows that no "
            "function takes a tenth of that time, so no single change reaches the goals. "
            "Between two events of a stream, the others push its memory out of the processor's "
            "caches; “the core alone, as paced” in the section before shows what that costs.",
            "The memory beyond aiohttp's own is that of httpx's response, the client's objects "
            "with one timer, the core's, and the latest reading.",
        ],
    )


if __name__ == "__main__":
    print(section().markdown())
