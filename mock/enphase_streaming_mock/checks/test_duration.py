"""The `duration` header at its bounds, beyond them, and left out."""

import pytest

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.door import Door
from enphase_streaming_mock.checks.envelope import Departures, stream_faults
from enphase_streaming_mock.checks.plainly import none_of
from enphase_streaming_mock.checks.readings import timed
from enphase_streaming_mock.checks.window import Window
from enphase_streaming_mock.contract import load_contract

NAME, LEAST, MOST = (
    getattr(load_contract(), each) for each in ("duration_name", "shortest", "longest")
)


@pytest.mark.parametrize("duration", [LEAST, MOST])
def test_a_duration_at_a_bound_opens_a_stream(door: Door, duration: int) -> None:
    none_of(stream_faults(door.ask(headers={NAME: str(duration)})))


@pytest.mark.costs_a_call
def test_a_duration_below_the_least_is_refused(door: Door, departures: Departures) -> None:
    none_of(departures(door.ask(headers={NAME: str(LEAST - 1)}), "tooShort"))


@pytest.mark.costs_a_call
def test_a_duration_above_the_most_is_refused(door: Door, departures: Departures) -> None:
    none_of(departures(door.ask(headers={NAME: str(MOST + 1)}), "tooLong"))


@pytest.mark.costs_a_call
@pytest.mark.parametrize("text", ["ten", f"{LEAST}.5"])
def test_a_duration_that_is_no_whole_number_is_refused(
    door: Door, departures: Departures, text: str
) -> None:
    none_of(departures(door.ask(headers={NAME: text}), "notInteger"))


def test_without_a_duration_a_stream_lasts_as_long_as_the_least(door: Door) -> None:
    window = Window(LEAST, door.backend.system_id)
    window.read(door, None)
    none_of(temporal.count_faults(timed(window), LEAST))
