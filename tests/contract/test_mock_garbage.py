"""Any bytes on the socket are answered or hung up on: no 500, no hang, nothing left behind.

Some hundreds of requests here; `ENPHASE_MOCK_GARBAGE=10000` sends that many.
"""

import gc
import logging
import os
import random
import socket
import time
import urllib.error
import urllib.request

import pytest

from enphase_streaming_mock import MockServer

COUNT = int(os.environ.get("ENPHASE_MOCK_GARBAGE", "400"))
GOOD = (
    b"GET /api/v4/systems/1765/live_data HTTP/1.1\r\nHost: mock\r\nkey: mock-api-key\r\n"
    b"Authorization: Bearer mock-access-token\r\nduration: 30\r\n\r\n"
)
FORM = b"grant_type=refresh_token&refresh_token=mock-refresh-token"
TOKEN = (
    b"POST /oauth/token HTTP/1.1\r\nHost: mock\r\nAuthorization: Basic bW9jay1jbGllbnQtaWQ6bW9j\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 57\r\n\r\n" + FORM
)
CHUNKED = (
    b"POST /oauth/token HTTP/1.1\r\nHost: mock\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n"
)
CONTROL = (
    b"POST /_mock/faults HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 35\r\n\r\n{"name": "drop", "after_events": 3}'
)
SPLICES = (
    b"\r\n",
    b"\x00",
    b"\xff\xfe",
    b" " * 70,
    b"%",
    b"%00",
    b"?key=",
    b"9" * 400,
    b":",
    b"{}",
    b"//",
    b"..",
    b"HTTP/2.0",
    b"Content-Length: 99999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Prefer: code=200\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
)


def garbage(chance: random.Random) -> bytes:
    """A request that was right once, or nothing of the kind."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(1, 400))
    sent = bytearray(chance.choice([GOOD, TOKEN, CHUNKED, CONTROL]))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(sent))
        match chance.randrange(4):
            case 0:
                sent[at] = chance.randrange(256)
            case 1:
                sent[at:at] = chance.choice(SPLICES)
            case 2:
                del sent[at : at + chance.randrange(1, 40)]
            case _:
                del sent[at:]
        sent = sent or bytearray(b"\n")
    return bytes(sent)


def exchange(port: int, sent: bytes) -> bytes:
    """What comes within a moment after the last byte of a request, which is followed by FIN."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        try:
            sock.sendall(sent)
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(65536)
        except OSError:
            return b""


def test_garbage_gets_no_500_and_no_hang(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(5)
    with MockServer(speed=1000) as mock, caplog.at_level(logging.ERROR):
        port = int(mock.base_url.removesuffix("/api/v4").rpartition(":")[2])
        for number in range(COUNT):
            sent = garbage(chance)
            answer = exchange(port, sent)
            status = answer.split(b" ")[1:2]
            assert not answer or answer.startswith(b"HTTP/"), (number, sent, answer)
            assert status not in ([b"500"], [b"501"]), (number, sent, answer)
        mock.reset()
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(GOOD)
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert [record.getMessage() for record in caplog.records] == []
        listener = mock._listener
        for _ in range(200):
            if not listener.http.connections and mock.calls[-1].closed_by:
                break
            time.sleep(0.01)
        assert not listener.http.connections
        mock.assert_all_closed()
    gc.collect()  # what was left open warns when it goes, and warnings fail


def test_tokens_are_issued_over_the_socket() -> None:
    with MockServer() as mock:
        request = urllib.request.Request(
            mock.token_url,
            data=f"grant_type=refresh_token&refresh_token={mock.refresh_token}".encode(),
            headers={"Authorization": "Basic bW9jay1jbGllbnQtaWQ6bW9jay1jbGllbnQtc2VjcmV0"},
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            assert b'"token_type": "bearer"' in response.read()
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            urllib.request.urlopen(request, timeout=5)
        refused.value.close()
