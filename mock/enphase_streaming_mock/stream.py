"""One stream of live readings, as steps: what the site measures, written as the wire says."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.frames import event, keep_alive, preamble, reading_text
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.timeline import timeline
from enphase_streaming_mock.wire import Wire

# Seconds whose readings are kept as text, for streams that are open at once.
_KEPT = 512


class Source:
    """Opens streams of one site, written one way; `start` is the site's second 0 (aware)."""

    def __init__(self, site: Site, wire: Wire, start: datetime) -> None:
        self.site = site
        self.wire = wire
        self.start = start
        self._text = lru_cache(_KEPT)(lambda second: reading_text(wire, site.report(second)))

    def steps(self, opened: datetime, duration: float) -> Iterator[Step]:
        """Yield a stream of `duration` seconds, which may be infinite, opened at a moment."""
        wire, after = self.wire, opened - self.start
        before = preamble(wire)
        for due, measured in timeline(wire, duration, self._noise):
            if measured is None:
                yield Step(due, before + keep_alive(wire))
            else:
                elapsed = timedelta(seconds=measured)
                text = self._text((after + elapsed) // timedelta(seconds=1))
                yield Step(due, before + event(wire, text, opened + elapsed), 1)
            before = b""
        yield Step(duration, end=End.CLEAN)

    def _noise(self, number: int) -> float:
        return self.site.scenario.noise("jitter", number)
