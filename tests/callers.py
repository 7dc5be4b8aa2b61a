"""Both clients behind one interface, so that every behaviour is tested on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from enphase_streaming import AsyncStreamingClient, Reading, StreamEnd, StreamingClient

CREDENTIALS: dict[str, Any] = {"api_key": "the-key", "access_token": "the-token"}


@dataclass
class Outcome:
    """What a caller saw of one stream."""

    readings: list[Reading] = field(default_factory=list)
    error: Exception | None = None
    end: StreamEnd | None = None

    @property
    def reason(self) -> str | None:
        return self.end.reason if self.end else None


class Caller(Protocol):
    def __call__(
        self,
        options: dict[str, Any],
        *arguments: Any,
        on_reading: Callable[[Reading], object] = ...,
        method: str = ...,
        keep: bool = ...,
        **keywords: Any,
    ) -> Outcome: ...


def _nothing(reading: Reading) -> None:
    pass


def sync_caller(
    options: dict[str, Any],
    *arguments: Any,
    on_reading: Callable[[Reading], object] = _nothing,
    method: str = "live_data",
    keep: bool = True,
    **keywords: Any,
) -> Outcome:
    """Read one stream of `StreamingClient`, by `method`."""
    outcome = Outcome()
    with StreamingClient(**CREDENTIALS | options) as client:
        stream = getattr(client, method)(*(arguments or (1765,)), **keywords)
        try:
            with stream:
                for reading in stream:
                    if keep:
                        outcome.readings.append(reading)
                    on_reading(reading)
        except Exception as error:  # noqa: BLE001 - what the tests are about
            outcome.error = error
    outcome.end = stream.end
    return outcome


def async_caller(
    options: dict[str, Any],
    *arguments: Any,
    on_reading: Callable[[Reading], object] = _nothing,
    method: str = "live_data",
    keep: bool = True,
    **keywords: Any,
) -> Outcome:
    """Read one stream of `AsyncStreamingClient`, by `method`."""

    async def read() -> Outcome:
        outcome = Outcome()
        async with AsyncStreamingClient(**CREDENTIALS | options) as client:
            stream = getattr(client, method)(*(arguments or (1765,)), **keywords)
            try:
                async with stream:
                    async for reading in stream:
                        if keep:
                            outcome.readings.append(reading)
                        on_reading(reading)
            except Exception as error:  # noqa: BLE001 - what the tests are about
                outcome.error = error
        outcome.end = stream.end
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left behind: {left}"
        return outcome

    return asyncio.run(read())
