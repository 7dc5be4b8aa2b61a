"""What holds from reading to reading, and is not documented: exact in the mock.

Of the real API nobody knows, so there it is told as a finding (`findings.py`), and fails nothing.
"""

from enphase_streaming_mock.checks import temporal
from enphase_streaming_mock.checks.door import Door
from enphase_streaming_mock.checks.plainly import none_of
from enphase_streaming_mock.checks.readings import clock_faults, timed, told
from enphase_streaming_mock.checks.window import Window


def test_events_are_nested_as_in_the_document(window: Window) -> None:
    none_of(
        [
            f"event {number} has one more `data` around it"
            for number, each in enumerate(told(window), 1)
            if each.nested
        ]
    )


def test_every_reading_has_every_field_of_the_document(window: Window, door: Door) -> None:
    documented = door.contract.fields("LiveStatus")
    none_of(
        [
            f"reading {number}: missing or not documented: {', '.join(sorted(others))}"
            for number, each in enumerate(timed(window), 1)
            if (others := documented ^ set(each.reading))
        ]
    )


def test_there_is_a_reading_for_each_second(window: Window) -> None:
    none_of(temporal.count_faults(timed(window), window.duration))


def test_each_reading_is_measured_after_the_one_before(window: Window) -> None:
    none_of(temporal.order_faults(timed(window)))


def test_there_is_no_gap_between_readings(window: Window) -> None:
    none_of(temporal.cadence_faults(timed(window)))


def test_readings_arrive_as_they_are_measured(window: Window, door: Door) -> None:
    arrivals = [each.arrived for each in timed(window)]
    taken = max(arrivals, default=0.0) - min(arrivals, default=0.0)
    if taken <= window.duration / 2:
        fault = f"every reading arrived within {taken:.2f} s of a stream of {window.duration} s"
        none_of([fault, *clock_faults(window, door.backend)])


def test_powers_balance(window: Window) -> None:
    none_of(temporal.balance_faults(timed(window)))


def test_the_charge_follows_the_battery(window: Window) -> None:
    none_of(temporal.charge_faults(timed(window)))


def test_no_power_crosses_to_a_grid_that_is_off(window: Window) -> None:
    none_of(temporal.island_faults(timed(window)))
