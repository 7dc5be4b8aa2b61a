"""A simulated site: a house, a solar array, a battery and the grid, second by second.

Its state is a function of the scenario (with its seed) and of the seconds since the mock's start:
streams that are open at once see one house, and the next window goes on where the last one ended.
Powers are whole watts and energy whole joules, so they balance exactly.

Each day of the simulation, counted from the mock's start, begins with the scenario's charge. That
bounds the steps to a moment, however far the clock has jumped.
"""

import threading
from array import array
from functools import lru_cache
from typing import NamedTuple, TypedDict

from enphase_streaming_mock.scenarios import STEP, Conditions, Scenario

PEAK = 6_000  # W, the solar array in full sun
CAPACITY = 10_000 * 3600  # J, the battery
BATTERY_LIMIT = 3_840  # W, both ways

_STEPS_A_DAY = 86_400 // STEP
# From second to second, house and array stray by at most this many W from a step's level.
_HOUSE_FLICKER = 40
_ARRAY_FLICKER = 6
# How far that moves an islanded battery within a step, in J; kept free at both ends of its charge.
_MARGIN = _HOUSE_FLICKER + _ARRAY_FLICKER


class Reading(TypedDict):
    """The fields of the document's LiveStatus: W, percent, and the signs that it gives them."""

    system_id: int
    envoy_serial_number: list[str]
    pv_power: int
    consumption_power: int
    battery_power: int
    battery_soc: int
    battery_mode: str
    grid_power: int
    grid_status: str
    generator_power: int


class _Levels(NamedTuple):
    pv: int
    load: int
    battery: int
    generator: int


class Site:
    """One simulated site under one scenario.

    `gateway` is the serial number that reports; those of further gateways count on from it.
    """

    def __init__(self, scenario: Scenario, system_id: int, gateway: str) -> None:
        self.scenario = scenario
        self.system_id = system_id
        self.gateways: list[str] = [
            str(int(gateway) + each).zfill(len(gateway)) for each in range(scenario.gateways)
        ]
        self._capacity = CAPACITY if scenario.battery == "present" else 0
        # Streams that are open at once ask for the same steps, and for one day or for two.
        self._step = lru_cache(maxsize=16)(self._readings)
        self._day = lru_cache(maxsize=2)(self._first_energy)
        self._lock = threading.Lock()

    def reading(self, second: int) -> Reading:
        """Return what the gateway measures at a second since the mock's start (0 or more)."""
        return self._step(second // STEP)[second % STEP]

    def report(self, second: int) -> dict[str, object]:
        """Return the same as the gateway writes it; without a battery its fields lack a value."""
        reading: dict[str, object] = {**self.reading(second)}
        how = self.scenario.battery
        if how == "nulls":
            reading.update(battery_power=None, battery_soc=None, battery_mode=None)
        elif how == "zeros":
            reading["battery_mode"] = ""
        elif how == "absent":
            for name in ("battery_power", "battery_soc", "battery_mode"):
                del reading[name]
        return reading

    def energy(self, second: int) -> int:
        """Return what the battery holds at a second since the mock's start (0 or more), in J."""
        step, offset = divmod(second, STEP)
        return self._energy_at(step) - sum(
            reading["battery_power"] for reading in self._step(step)[:offset]
        )

    def _first_energy(self, day: int) -> "array[int]":
        """Return the energy in the battery at the start of a day's steps, in J: the first one's."""
        return array("q", [self._capacity * self.scenario.charge // 100])

    def _energy_at(self, step: int) -> int:
        day, number = divmod(step, _STEPS_A_DAY)
        with self._lock:
            energy = self._day(day)
            while len(energy) <= number:
                second = (day * _STEPS_A_DAY + len(energy) - 1) * STEP
                levels = self._levels(self.scenario.conditions(second), energy[-1])
                energy.append(energy[-1] - levels.battery * STEP)
            return energy[number]

    def _readings(self, step: int) -> list[Reading]:
        conditions = self.scenario.conditions(step * STEP)
        energy = self._energy_at(step)
        levels = self._levels(conditions, energy)
        # Without grid and battery nothing evens a flicker out.
        even = self._capacity > 0 or not conditions.islanded
        house = self._flicker("house", step, _HOUSE_FLICKER if even and levels.load > 100 else 0)
        sun = self._flicker("array", step, _ARRAY_FLICKER if even and levels.pv > 100 else 0)
        readings = []
        for more_load, more_pv in zip(house, sun, strict=True):
            pv, load, battery = levels.pv + more_pv, levels.load + more_load, levels.battery
            grid = 0
            if conditions.islanded:
                battery = load - pv - levels.generator
            else:
                grid = load - pv - levels.generator - battery
            readings.append(
                Reading(
                    system_id=self.system_id,
                    envoy_serial_number=self.gateways,
                    pv_power=pv,
                    consumption_power=load,
                    battery_power=battery,
                    battery_soc=round(100 * energy / CAPACITY),
                    battery_mode=conditions.battery_mode,
                    grid_power=grid,
                    grid_status=conditions.grid_status,
                    generator_power=levels.generator,
                )
            )
            energy -= battery
        return readings

    def _flicker(self, what: str, step: int, most: int) -> list[int]:
        # Differences around a ring sum to zero, so the battery's energy at the end of a step is
        # known without its single seconds.
        ring = [
            int(self.scenario.noise(what, step * STEP + each) * (most + 1)) for each in range(STEP)
        ]
        return [ring[each] - ring[each - 1] for each in range(STEP)]

    def _levels(self, conditions: Conditions, energy: int) -> _Levels:
        """Settle the powers of a step, given the energy in the battery at its start."""
        pv, load, generator = round(PEAK * conditions.sun), conditions.load, conditions.generator
        floor = 0 if conditions.islanded else self._capacity * conditions.reserve // 100
        discharge = min(BATTERY_LIMIT, max(0, energy - floor - _MARGIN) // STEP)
        charge = min(BATTERY_LIMIT, max(0, self._capacity - energy - _MARGIN) // STEP)
        wanted = load - pv - generator if conditions.battery is None else conditions.battery
        battery = max(-charge, min(discharge, wanted))
        if conditions.islanded:
            # No grid evens it out: a lack is not met, and a surplus is not produced.
            lacking = max(0, load - pv - generator - battery)
            surplus = max(0, pv + generator + battery - load)
            curtailed = min(pv, surplus)
            pv, load, generator = pv - curtailed, load - lacking, generator - (surplus - curtailed)
        return _Levels(pv, load, battery, generator)
