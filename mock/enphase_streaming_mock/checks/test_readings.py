"""Rules between readings, which are documented nowhere and exact in the mock.

On the real API, departures from them are findings (`findings.py`) and fail no check.
"""

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.client import Client
from enphase_streaming_mock.checks.conformance import fail_on
from enphase_streaming_mock.checks.document import EXAMPLE_FIELDS, READING_FIELDS
from enphase_streaming_mock.checks.stream import Window, clock_faults


def test_events_are_nested_as_documented(window: Window) -> None:
    fail_on(
        [
            f"event {number} has one more `data` around it"
            for number, event in enumerate(window.body.events, 1)
            if event.is_nested
        ]
    )


def test_readings_have_the_documented_fields(window: Window) -> None:
    faults = []
    for number, each in enumerate(window.readings, 1):
        fields = set(each.reading)
        faults += [f"reading {number}: no {name}" for name in sorted(EXAMPLE_FIELDS - fields)]
        strange = sorted(fields - READING_FIELDS)
        faults += [f"reading {number}: {name!r} is not documented" for name in strange]
    fail_on(faults)


def test_one_reading_comes_every_second(window: Window) -> None:
    fail_on(temporal.count_faults(window.readings, window.duration))


def test_readings_are_in_order(window: Window) -> None:
    fail_on(temporal.order_faults(window.readings))


def test_there_is_no_gap_between_readings(window: Window) -> None:
    fail_on(temporal.cadence_faults(window.readings))


def test_readings_arrive_as_they_are_measured(window: Window, client: Client) -> None:
    arrivals = [each.arrived for each in window.readings]
    taken = max(arrivals, default=0.0) - min(arrivals, default=0.0)
    if taken <= window.duration / 2:
        fault = f"all readings arrived within {taken:.2f} s of a stream of {window.duration} s"
        fail_on([fault, *clock_faults(window, client)])


def test_powers_balance(window: Window) -> None:
    fail_on(temporal.balance_faults(window.readings))


def test_charge_follows_the_battery(window: Window) -> None:
    fail_on(temporal.charge_faults(window.readings))


def test_no_grid_power_while_off_the_grid(window: Window) -> None:
    fail_on(temporal.island_faults(window.readings))
