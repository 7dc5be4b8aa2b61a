"""Clients of the stream by other authors: curl, eventsource on Node.js, and httpx-sse."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from enphase_streaming_mock import MockServer

EVENTSOURCE = Path(__file__).parent / "clients" / "eventsource"


class ClientIsMissing(Exception):
    """Raised with what to install."""


@dataclass(frozen=True)
class Printed:
    """What curl printed, and how it ended."""

    body: bytes
    status: int
    code: int
    message: str


def url(mock: MockServer) -> str:
    return f"{mock.base_url}/systems/{mock.system_id}/live_data"


def access(mock: MockServer) -> dict[str, str]:
    return {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}


def curl(mock: MockServer, *options: str) -> Printed:
    """Run `curl -N`, with the credentials on its stdin, where no list of processes shows them."""
    if shutil.which("curl") is None:
        raise ClientIsMissing("curl is not on the PATH; your system's package is called curl")
    command = ["curl", "--disable", "--noproxy", "*", "-N", "-sS", "--max-time", "20"]
    headers = "".join(f"{name}: {value}\n" for name, value in access(mock).items())
    run = subprocess.run(
        [*command, *options, "-H", "@-", "-w", r"%{stderr}%{http_code}\n", url(mock)],
        input=headers.encode(),
        capture_output=True,
        timeout=30,
    )
    message, _, status = run.stderr.decode().strip().rpartition("\n")
    return Printed(run.stdout, int(status), run.returncode, message)


@contextmanager
def httpx_sse(mock: MockServer) -> Iterator[tuple[httpx.Response, Iterator[ServerSentEvent]]]:
    """Open the stream with httpx-sse, and yield its response and its events."""
    with (
        httpx.Client(trust_env=False, verify=False) as client,
        connect_sse(client, "GET", url(mock), headers=access(mock)) as source,
    ):
        yield source.response, source.iter_sse()


class EventSource:
    """A process of Node.js that reads one stream after another with eventsource."""

    def __init__(self, folder: Path = EVENTSOURCE) -> None:
        if shutil.which("node") is None:
            raise ClientIsMissing("eventsource needs Node.js 20 or newer on the PATH, with npm")
        if not (folder / "node_modules" / "eventsource").exists():
            raise ClientIsMissing("eventsource is not installed; `make test` does that")
        self._node = subprocess.Popen(
            ["node", folder / "read.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def read(self, mock: MockServer, *names: str) -> dict[str, Any]:
        """Return the `events` of a window (name, last id, data), and how eventsource ended it."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        order = {"url": url(mock), "headers": access(mock), "names": names}
        self._node.stdin.write(json.dumps(order).encode() + b"\n")
        self._node.stdin.flush()
        answer: dict[str, Any] = json.loads(self._node.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.close()
        self._node.stdout.close()
        self._node.wait(10)
