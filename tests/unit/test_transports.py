"""How httpx clients are made: loopback goes direct, and a broken environment is named."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from enphase_streaming import InvalidArgument
from enphase_streaming.transports import new_async_client, new_client
from scripted import Peer, scripted

REAL = "https://api.enphaseenergy.com/api/v4"
LOOPBACK = [
    "http://127.0.0.1:4010/api/v4",
    "https://localhost/x",
    "http://[::1]:1",
    "http://127.9.9.9",
]
EITHER = pytest.mark.parametrize("new", [new_client, new_async_client])
New = Callable[..., Any]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def answer(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@EITHER
def test_loopback_goes_past_a_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, new: New, name: str
) -> None:
    with scripted(answer) as server, scripted(answer) as proxy:
        monkeypatch.setenv(name, proxy.url)
        client = new(server.url)
        if isinstance(client, httpx.AsyncClient):

            async def get() -> httpx.Response:
                async with client:
                    return await client.get(server.url)

            response = asyncio.run(get())
        else:
            with client:
                response = client.get(server.url)
    assert response.status_code == 204
    assert (len(server.peers), len(proxy.peers)) == (1, 0)


@EITHER
def test_other_hosts_go_through_a_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, new: New
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    client = new(REAL)
    assert client._transport_for_url(httpx.URL(REAL)) is not client._transport


@pytest.mark.parametrize("url", LOOPBACK)
@EITHER
def test_an_unusable_proxy_does_not_matter_for_loopback(
    monkeypatch: pytest.MonkeyPatch, new: New, url: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080")
    monkeypatch.setenv("NO_PROXY", "[::1]")
    new(url)


@EITHER
def test_a_given_transport_is_used_and_the_environment_is_not(
    monkeypatch: pytest.MonkeyPatch, new: New
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    transport = httpx.MockTransport(lambda request: httpx.Response(204))
    assert new(REAL, transport)._transport is transport
    assert new(LOOPBACK[0], transport)._transport is transport


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:1080"),
        ("all_proxy", "socks://127.0.0.1:1080"),
        ("ALL_PROXY", "socks5://planted:planted@127.0.0.1:1080"),
        ("HTTPS_PROXY", "ftp://planted:planted@host"),
        ("HTTPS_PROXY", "http://planted:planted@host:port"),
        ("https_proxy", "host:port"),
        ("HTTP_PROXY", "http://[::1"),
        ("HTTP_PROXY", "☃"),
    ],
)
@EITHER
def test_an_unusable_proxy_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, new: New, name: str, value: str
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgument, match=f"^{name} must be a proxy's URL") as caught:
        new(REAL)
    assert "planted" not in str(caught.value)
    # httpx quotes parts of the value.
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("value", ["[::1]", "localhost, fe80::/10", "http://:x"])
@EITHER
def test_an_unusable_no_proxy_is_named(
    monkeypatch: pytest.MonkeyPatch, new: New, name: str, value: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgument, match=f"^{name} must list host names"):
        new(REAL)


@pytest.mark.parametrize("value", ["*", "localhost,127.0.0.1,::1", "10.0.0.0/8", ".example.com"])
@EITHER
def test_a_usable_no_proxy_is_accepted(
    monkeypatch: pytest.MonkeyPatch, new: New, value: str
) -> None:
    monkeypatch.setenv("NO_PROXY", value)
    new(REAL)


@pytest.mark.parametrize("url", [REAL, LOOPBACK[1]])
@pytest.mark.parametrize("kind", ["missing", "folder", "no certificate"])
@EITHER
def test_an_unusable_certificate_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new: New, kind: str, url: str
) -> None:
    path = {"missing": tmp_path / "none.pem", "folder": tmp_path, "no certificate": tmp_path / "x"}
    (tmp_path / "x").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(path[kind]))
    with pytest.raises(
        InvalidArgument, match=r"^SSL_CERT_FILE must lead to certificates"
    ) as caught:
        new(url)
    assert isinstance(caught.value.__cause__, OSError)


@EITHER
def test_an_unusable_key_log_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new: New
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "no" / "keys.log"))
    with pytest.raises(InvalidArgument, match=r"^SSLKEYLOGFILE must be a writable file"):
        new(REAL)
