"""One stream of live readings, as steps: what the site measures, written as the wire says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.frames import event_parts, keep_alive, preamble, reading_text
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.timeline import timeline
from enphase_streaming_mock.wire import Wire

# Seconds whose events are kept but for their milliseconds, for streams that are open at once.
_KEPT = 512
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class Source:
    """Opens streams of one site, written one way; `start` is the site's second 0 (aware)."""

    def __init__(self, site: Site, wire: Wire, start: datetime) -> None:
        self.site = site
        self.wire = wire
        self.start = start
        self._parts = lru_cache(_KEPT)(
            lambda since_start, since_1970: event_parts(
                wire, reading_text(wire, site.report(since_start)), since_1970
            )
        )

    def steps(self, opened: datetime, duration: float) -> Iterator[Step]:
        """Yield a stream of `duration` seconds, which may be infinite, opened at a moment."""
        wire, before = self.wire, preamble(self.wire)
        # In whole microseconds: sums of dates would be most of what an event costs.
        opened_at, started_at = ((each - _EPOCH) // _MICROSECOND for each in (opened, self.start))
        for due, measured in timeline(wire, duration, self._noise):
            if measured is None:
                yield Step(due, before + keep_alive(wire))
            else:
                moment = opened_at + round(measured * _SECOND)
                second, rest = divmod(moment, _SECOND)
                parts = self._parts((moment - started_at) // _SECOND, second)
                yield Step(due, before + (b"%03d" % (rest // 1000)).join(parts), 1)
            before = b""
        yield Step(duration, end=End.CLEAN)

    def _noise(self, number: int) -> float:
        return self.site.scenario.noise("jitter", number)
