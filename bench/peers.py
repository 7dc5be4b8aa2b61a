"""Other ways to decode an event stream, fed from memory.

Each function takes the chunks of one stream and yields the decoded events. Packages that decode
only the format of events are followed by `json`, as their users do it.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import msgspec
import requests
import sseclient
import urllib3
from aiohttp.base_protocol import BaseProtocol
from aiohttp_sse_client2.client import EventSource as AiohttpEventSource
from httpx_sse import EventSource
from openai._streaming import SSEDecoder

import stock
from enphase_streaming_api.models import StreamSystemLiveDataResponse

Decode = Callable[[Sequence[bytes]], Iterator[Any]]


def stock_models() -> Any:
    """Return the models that openapi-python-client generates with its own templates."""
    with stock.generated() as folder:
        return stock.module("models", folder)


class _Chunks(httpx.SyncByteStream):
    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


def httpx_sse(models: Any, *, nested: bool) -> Decode:
    """Use httpx, httpx-sse, json, and the models of `stock_models`, which check no type."""
    from_dict = models.StreamSystemLiveDataResponse.from_dict

    def decode(chunks: Sequence[bytes]) -> Iterator[Any]:
        response = httpx.Response(
            200, headers={"content-type": "text/event-stream"}, stream=_Chunks(chunks)
        )
        for event in EventSource(response).iter_sse():
            found = json.loads(event.data)
            yield from_dict(found["data"] if nested else found)

    return decode


def openai(chunks: Sequence[bytes]) -> Iterator[Any]:
    """Use the decoder of the openai package, and json."""
    for event in SSEDecoder().iter_bytes(iter(chunks)):
        yield json.loads(event.data)


def sseclient_py(chunks: Sequence[bytes]) -> Iterator[Any]:
    """Use sseclient-py over a response of requests, which reads 128 bytes at a time, and json."""
    response = requests.Response()
    response.raw = urllib3.HTTPResponse(io.BytesIO(b"".join(chunks)), preload_content=False)
    for event in sseclient.SSEClient(response).events():
        yield json.loads(event.data)


def aiohttp_sse(count: int) -> Decode:
    """Use aiohttp-sse-client2 over aiohttp's reader, and json.

    It reads LF and CRLF only. Stop after `count` events, as it reconnects at the end of a stream.
    """
    loop = asyncio.new_event_loop()

    async def read(chunks: Sequence[bytes]) -> list[Any]:
        content = aiohttp.StreamReader(BaseProtocol(loop), limit=2**30, loop=loop)
        for chunk in chunks:
            content.feed_data(chunk)
        source = AiohttpEventSource("http://localhost", session=object())
        source._response = SimpleNamespace(status=200, content=content)
        return [json.loads((await anext(source)).data) for _ in range(count)]

    return lambda chunks: iter(loop.run_until_complete(read(chunks)))


class _Outer(msgspec.Struct):
    data: StreamSystemLiveDataResponse


def floor(*, nested: bool) -> Decode:
    """Do the minimum: split on blank lines, and let msgspec decode.

    It supports one field and one line end, and checks nothing else.
    """
    plain = msgspec.json.Decoder(StreamSystemLiveDataResponse).decode
    outer = msgspec.json.Decoder(_Outer).decode

    def decode(chunks: Sequence[bytes]) -> Iterator[Any]:
        rest = b""
        for chunk in chunks:
            *events, rest = (rest + chunk).split(b"\n\n")
            for event in events:
                yield outer(event[5:]).data if nested else plain(event[5:])

    return decode
