"""A token endpoint and a stream on one loopback address: a script for `scripted`."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from scripted import STREAM_HEAD, HandClock, Peer


@dataclass
class TokenCall:
    """A token request and its client credentials."""

    client_id: str
    client_secret: str
    path: str
    query: dict[str, str]
    form: dict[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        return {**self.query, **self.form}


def request_of(peer: Peer) -> tuple[str, str, dict[str, str], bytes]:
    """Return the method, target, headers and complete body of a request."""
    head, _, body = peer.request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        received = peer.sock.recv(65536)
        if not received:
            raise ConnectionError("the client closed before its body was complete")
        body += received
    method, target, _ = first.split(" ")
    return method, target, headers, body


def send_json(peer: Peer, status: str, answer: object) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    peer.send(head.encode() + b"Connection: close\r\n\r\n" + body)


class TokenEndpoint:
    """Issues pairs, accepts each refresh token once, and streams one reading for the newest token.

    An application's pairs are `ID-access-N` and `ID-refresh-N`; number 0 counts as issued.
    """

    def __init__(self, clock: HandClock, *, expires_in: int = 86_400) -> None:
        self.calls: list[TokenCall] = []
        self.refused = 0
        self.streamed: list[str] = []
        self.answer: Callable[[Peer, TokenCall], None] = self.issue
        self.hold_401 = threading.Barrier(1)
        self._clock = clock
        self._expires_in = expires_in
        self._issued: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        method, target, headers, body = request_of(peer)
        path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
        if path != "/oauth/token":
            self._stream(peer, headers["authorization"].removeprefix("Bearer "))
            return
        assert method == "POST"
        basic = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        client_id, _, client_secret = basic.partition(":")
        form = dict(parse_qsl(body.decode()))
        call = TokenCall(client_id, client_secret, path, query, form)
        with self._lock:
            self.calls.append(call)
        self.answer(peer, call)

    def issue(self, peer: Peer, call: TokenCall) -> None:
        """Answer a request as the API does."""
        with self._lock:
            number = self._issued.get(call.client_id, 0)
            given = call.parameters.get("refresh_token", f"{call.client_id}-refresh-{number}")
            spent = given != f"{call.client_id}-refresh-{number}"
            if spent:
                self.refused += 1
            else:
                self._issued[call.client_id] = number = number + 1
        if spent:
            send_json(peer, "400 Bad Request", {"error": "invalid_grant"})
        else:
            send_json(peer, "200 OK", self.pair(call.client_id, number))

    def pair(self, client_id: str, number: int) -> dict[str, Any]:
        return {
            "access_token": f"{client_id}-access-{number}",
            "refresh_token": f"{client_id}-refresh-{number}",
            "token_type": "bearer",
            "expires_in": self._expires_in,
            "scope": "read write",
            "is_internal_app": False,
        }

    def _stream(self, peer: Peer, token: str) -> None:
        with self._lock:
            self.streamed.append(token)
            client_id, _, number = token.rpartition("-access-")
            newest = int(number) == self._issued.get(client_id, 0)
        if newest:
            peer.send(STREAM_HEAD)
            peer.chunk(self._clock.event())
            peer.wait_for_hang_up()
            return
        self.hold_401.wait(10)
        error = {"code": 401, "status": "UNAUTHORIZED", "message": "Access token has expired"}
        send_json(peer, "401 Unauthorized", {"error": error, "type": "authentication_error"})
