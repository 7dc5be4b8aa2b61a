"""A server that sends prepared events at a steady pace, fast enough never to limit a client.

`with paced(…)` runs it in its own process. The `timestamp_epoch` of an event is the time of its
write, in microseconds of the monotonic clock that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import cast

import trustme
import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENT = (
    b'data:{"data":{"system_id":1765,"envoy_serial_number":["121900000001"],"pv_power":4210,'
    b'"consumption_power":1830,"battery_power":-1500,"battery_soc":64,'
    b'"battery_mode":"Self-consumption","grid_power":-880,"grid_status":"On Grid",'
    b'"generator_power":0},"timestamp_epoch":%d,"timestamp_utc":"2026-06-21 12:00:00.250",'
    b'"type":"response"}\n\n'
)


def moment() -> int:
    """Return the current time as in events."""
    return time.monotonic_ns() // 1000


class _Stream(asyncio.Protocol):
    """The events of one client: the first at once, then at the stream's offset in the interval."""

    opened = 0

    def __init__(self, interval: float, events: int, streams: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval = interval
        self._left = events
        self._phase = interval * (_Stream.opened % streams) / streams
        _Stream.opened += 1
        self._request = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport does not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._request += data
        if self._request.endswith(b"\r\n\r\n"):
            self._transport.write(_HEAD)
            self._write()
            turns = (self._loop.time() - self._phase) // self._interval + 1
            self._at = turns * self._interval + self._phase
            self._timer = self._loop.call_at(self._at, self._send)

    def _send(self) -> None:
        if not self._left:
            self._transport.write(b"0\r\n\r\n")
            return
        self._left -= 1
        self._at += self._interval
        self._timer = self._loop.call_at(self._at, self._send)
        self._write()

    def _write(self) -> None:
        event = _EVENT % moment()
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _serve(interval: float, events: int, streams: int, certificate: str) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Stream(interval, events, streams), "127.0.0.1", 0, ssl=context, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def paced(
    *, interval: float, events: int = 10**9, streams: int = 1, tls: bool = False
) -> Iterator[tuple[str, str]]:
    """Run the server; yield its base URL, and the file of its CA ("" without TLS).

    If the system supports it, the server runs on the first core and this process on the others.
    """
    with TemporaryDirectory() as folder:
        authority, certificate = "", ""
        if tls:
            ca = trustme.CA()
            authority, certificate = f"{folder}/ca.pem", f"{folder}/server.pem"
            ca.cert_pem.write_to_path(authority)
            ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        command = [sys.executable, __file__, str(interval), str(events), str(streams), certificate]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                keep_apart(server.pid)
                assert server.stdout is not None
                port = server.stdout.readline().strip()
                yield f"http{'s' if tls else ''}://127.0.0.1:{port}/api/v4", authority
            finally:
                server.terminate()


def keep_apart(server: int) -> None:
    """Bind a server to the first core, and this process to the others."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(server, cores[:1])
        os.sched_setaffinity(0, cores[1:] or cores)


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
