"""`AsyncStreamingClient`: the stream in asyncio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, SupportsIndex

import httpx

from enphase_streaming.aconnection import AsyncExchange
from enphase_streaming.astream import AsyncReadingStream
from enphase_streaming.base import BaseClient
from enphase_streaming.core.budget import Budget
from enphase_streaming.errors import StreamDropped
from enphase_streaming.core.reading import Reading
from enphase_streaming.core.watch import Watch


class AsyncStreamingClient(BaseClient[httpx.AsyncBaseTransport, AsyncReadingStream]):
    """Live readings of solar sites in asyncio: `StreamingClient`, awaited."""

    _sends = "handle_async_request"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every stream that is open, and let go of the transport."""
        for stream in self._to_end():
            await stream.aclose()
        await self._http.aclose()

    async def snapshot(self, system_id: SupportsIndex, budget: Budget | None = None) -> Reading:
        """Return the first reading of a site, and hang up. Raises what `live_data` raises."""
        async with self.live_data(system_id, budget=budget) as stream:
            async for reading in stream:
                return reading
        raise StreamDropped("The client was closed before the first reading.")

    def _connect(self, **settings: Any) -> None:
        self._http = httpx.AsyncClient(**settings)

    def _make(
        self, core: Watch, request: Callable[[str], dict[str, Any]], *, open_on_enter: bool
    ) -> AsyncReadingStream:
        exchange = AsyncExchange(
            self._http, lambda token: self._http.build_request(**request(token)), self._options
        )
        return AsyncReadingStream(core, exchange, self._options, open_on_enter=open_on_enter)
