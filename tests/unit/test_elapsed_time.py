"""How long a stream lasted where no clock saw its end: the readings' own timestamps decide."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enphase_streaming import StreamEndedEarly
from window_driver import CLOSED, Driven, event


def slow_caller(timestamps: Iterable[float], *, away: float = 4.0) -> Driven:
    """A caller who takes `away` seconds for each reading of a stream that closed meanwhile."""
    driven = Driven(stall_timeout=300.0).open()
    driven.tell(1, b"".join(event(at) for at in timestamps), away=away)
    return driven.tell(1 + away * len(driven.readings), CLOSED)


def test_a_gateway_clock_that_jumps_forward_is_not_elapsed_time() -> None:
    driven = slow_caller([*range(1, 6), *range(3606, 3611)])
    assert isinstance(driven.error, StreamEndedEarly)
    assert len(driven.readings) == 10
    assert driven.error.missing == 19


def test_a_gateway_clock_that_jumps_back_does_not_shorten_a_full_stream() -> None:
    driven = slow_caller([*range(1, 16), *range(-3584, -3569)])
    assert (driven.error, driven.reason) == (None, "planned")
    assert len(driven.readings) == 30


@given(
    jumps=st.dictionaries(st.integers(1, 28), st.integers(-10_000, 10_000), max_size=3),
    count=st.integers(5, 30),
)
def test_no_jump_of_the_gateway_clock_decides_how_a_stream_ended(
    jumps: dict[int, int], count: int
) -> None:
    times = [float(at) for at in range(1, count + 1)]
    for start, seconds in jumps.items():
        # A jump by less than the stream can have been open is not told from elapsed time.
        if not 0 <= seconds + 1 <= 1 + 4 * count:
            times[start:] = [at + seconds for at in times[start:]]
    driven = slow_caller(times)
    # The first reading came after 1 s; one interval after the last belongs to the stream.
    assert (driven.reason == "planned") is (count + 1 >= 28)


@pytest.mark.parametrize("frozen_until", [40, 400])
def test_a_process_frozen_while_it_waited_does_not_take_an_early_close_for_planned(
    frozen_until: float,
) -> None:
    driven = Driven().open()
    for at in range(1, 11):
        driven.tell(at, event(at))
    driven.tell(frozen_until, CLOSED)
    assert isinstance(driven.error, StreamEndedEarly)
    assert driven.error.missing == 19


def test_a_process_frozen_while_it_waited_reads_the_rest_of_a_full_stream() -> None:
    driven = Driven().open()
    for at in range(1, 11):
        driven.tell(at, event(at))
    driven.tell(400, b"".join(event(at) for at in range(11, 31))).tell(400, CLOSED)
    assert (driven.error, driven.reason) == (None, "planned")
    assert len(driven.readings) == 30


def test_a_stall_reports_how_many_malformed_events_came() -> None:
    driven = Driven().open().tell(1, b"data:{\n\ndata:[]\n\n").tell(30, CLOSED)
    assert "after 0 readings and 2 malformed events" in str(driven.error)
