"""When which stream goes on, for thousands of them on few timers.

A timer of asyncio's for each event would be a good part of what the event costs.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

_TICKS = 1000  # a second; the event loop itself wakes up no more precisely


class Player(Protocol):
    """What has its turns."""

    def play(self, now: float) -> None:
        """Have a turn at a moment of the loop's time."""


class Agenda:
    """Gives players their turns, all those within a millisecond by one timer of the running loop.

    A player has one turn ahead of it at most.
    """

    def __init__(self) -> None:
        self._ticks: dict[int, dict[Player, None]] = {}

    def add(self, moment: float, player: Player) -> int:
        """Note a turn at a moment of the loop's time, and return the tick that it falls on.

        It comes after the moment, by no more than a millisecond.
        """
        tick = int(moment * _TICKS) + 1
        players = self._ticks.get(tick)
        if players is None:
            players = self._ticks[tick] = {}
            asyncio.get_running_loop().call_at(tick / _TICKS, self._play, tick)
        players[player] = None
        return tick

    def drop(self, tick: int, player: Player) -> None:
        """Forget a turn that has not come yet."""
        self._ticks.get(tick, {}).pop(player, None)

    def _play(self, tick: int) -> None:
        now = asyncio.get_running_loop().time()
        for player in self._ticks.pop(tick):
            player.play(now)
