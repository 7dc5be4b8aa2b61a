"""`StreamingClient`: the stream in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, SupportsIndex

import httpx

from enphase_streaming.base import BaseClient
from enphase_streaming.connection import BlockingExchange
from enphase_streaming.core.budget import Budget
from enphase_streaming.errors import StreamDropped
from enphase_streaming.core.reading import Reading
from enphase_streaming.stream import ReadingStream
from enphase_streaming.core.watch import Watch


class StreamingClient(BaseClient[httpx.BaseTransport, ReadingStream]):
    """Live readings of solar sites. `AsyncStreamingClient` is the same, awaited."""

    _sends = "handle_request"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every stream that is open, and let go of the transport."""
        for stream in self._to_end():
            stream.close()
        self._http.close()

    def snapshot(self, system_id: SupportsIndex, budget: Budget | None = None) -> Reading:
        """Return the first reading of a site, and hang up. Raises what `live_data` raises."""
        with self.live_data(system_id, budget=budget) as stream:
            for reading in stream:
                return reading
        raise StreamDropped("The client was closed before the first reading.")

    def _connect(self, **settings: Any) -> None:
        self._http = httpx.Client(**settings)

    def _make(
        self, core: Watch, request: Callable[[str], dict[str, Any]], *, open_on_enter: bool
    ) -> ReadingStream:
        exchange = BlockingExchange(
            self._http, lambda token: self._http.build_request(**request(token)), self._options
        )
        return ReadingStream(core, exchange, self._options, open_on_enter=open_on_enter)
