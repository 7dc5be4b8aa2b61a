"""What the sync and the asyncio iterator share: the core that they carry out, and its recording."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from enphase_streaming.core.ends import StreamEnd
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.core.exchange import Exchange
from enphase_streaming.options import Options
from enphase_streaming.core.watch import Watch

if TYPE_CHECKING:
    from enphase_streaming.recording.recording import Recording


class Iteration:
    """A core and its exchange, and what is known of them from outside."""

    def __init__(
        self, core: Watch, exchange: Exchange, options: Options, *, open_on_enter: bool
    ) -> None:
        self.recording: Recording | None = None
        core.exchange = exchange
        self._core = core
        self._options = options
        self._begun = self._stopped = False
        self._open_on_enter = open_on_enter

    def __repr__(self) -> str:
        begun = "under way" if self._begun else "not begun"
        return f"<{type(self).__name__} of {self._core.name}: {self.end or begun}>"

    def record(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Self:
        """Write every byte that arrives to a file as well, and return this stream.

        Call it first, as in `client.live_data(…).record("site.jsonl")`.
        What names the site or its devices is masked; docs/recording.md says how. `recording`
        tells how much was written, and whether writing failed.

        Raises `InvalidArgument`, before anything is sent, if the file exists and `overwrite` is
        false, if it cannot be written, and if the stream has begun.
        """
        if self._begun or self.recording is not None:
            raise InvalidArgument("record() has to be called once, before the stream begins.")
        # Not above: few streams are recorded, and the import takes its time.
        from enphase_streaming.recording.recording import Recorded, Recording

        options = self._options
        self.recording = Recording(
            path,
            overwrite=overwrite,
            started=options.monotonic(),
            now=options.now(),
            hidden=options.secrets,
            max_event_bytes=options.max_event_bytes,
        )
        self._core.exchange = Recorded(self._core.exchange, self.recording)
        return self

    def _end_core(self) -> None:
        self._core.stop()
        if self.recording is not None:
            self.recording.ended("stopped", self._options.monotonic())
            self.recording.close()

    def _check_not_over(self) -> None:
        if self._begun and self.end is not None:
            raise InvalidArgument("This stream is over; ask the client for another one.")

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; None while it has not."""
        return self._core.end
