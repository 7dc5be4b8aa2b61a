import asyncio
import time

import pytest

from enphase_streaming_mock.agenda import Agenda


class Player:
    def __init__(self) -> None:
        self.turns: list[float] = []
        self.has_played = asyncio.Event()

    def play(self, now: float) -> None:
        self.turns.append(now)
        self.has_played.set()

    async def plays(self) -> None:
        await asyncio.wait_for(self.has_played.wait(), 5)


def test_a_turn_comes_after_its_moment_and_soon() -> None:
    async def scene() -> list[float]:
        agenda, player = Agenda(), Player()
        moment = time.monotonic() + 0.005
        agenda.add(moment, player)
        await player.plays()
        return [turn - moment for turn in player.turns]

    (late,) = asyncio.run(scene())
    assert 0 <= late < 0.5


@pytest.mark.parametrize("moment", [0.0, 0.29, 1.1, 4503.7, 1234567.001])
def test_no_turn_is_early_whatever_the_fraction(moment: float) -> None:
    async def scene() -> int:
        return Agenda().add(moment, Player())

    assert moment < asyncio.run(scene()) / 1000 <= moment + 0.0011


def test_a_turn_that_was_dropped_does_not_come_and_others_of_its_tick_do() -> None:
    async def scene() -> list[int]:
        agenda, before, dropped, after = Agenda(), Player(), Player(), Player()
        moment = time.monotonic() + 0.005
        tick = agenda.add(moment, before)
        assert (agenda.add(moment, dropped), agenda.add(moment, after)) == (tick, tick)
        agenda.drop(tick, dropped)
        await after.plays()
        agenda.drop(tick, after)  # what has had its turn has none to drop
        return [len(player.turns) for player in (before, dropped, after)]

    assert asyncio.run(scene()) == [1, 0, 1]
