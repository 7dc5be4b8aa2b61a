"""Runs properties again and again, with other examples in each round, until the time is up.

Exit status: 0 if none failed. The first failure ends it, and is kept in `.hypothesis`, so that the
next run of that test begins with it.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


class Rounds:
    """Replaces pytest's single pass over the tests."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.rounds = 0
        self.examples = 0
        self.elapsed = 0.0

    # Later than the project's own settings, which its conftest.py loads.
    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        """Have the tests take their settings from here."""
        # Not above: pytest warns of plugins that were imported before it could rewrite them.
        from hypothesis import HealthCheck, settings

        settings.register_profile(
            "fuzz",
            # Where CI is set, Hypothesis draws the same examples each time and keeps none.
            settings.get_profile("default"),
            max_examples=300,  # where a test does not name a number of its own
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow],  # it may run at a low priority
        )
        settings.load_profile("fuzz")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run rounds, each in an order of its own: the last one may not reach every test."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be read")
        began = time.monotonic()
        while session.items and self.elapsed < self._seconds:
            self.rounds += 1
            for item in random.sample(session.items, len(session.items)):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                said = getattr(item, "hypothesis_statistics", "")
                for passing, failing in re.findall(r"(\d+) passing, (\d+) failing", said):
                    self.examples += int(passing) + int(failing)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                self.elapsed = time.monotonic() - began
                if self.elapsed >= self._seconds:
                    break
        return True


def main() -> int:
    """Run what the arguments name, and say how much it was."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("paths", nargs="*", default=[str(TESTS / "property")])
    given = parser.parse_args()
    rounds = Rounds(given.seconds)
    options = ["-c", str(TESTS.parent / "pyproject.toml"), "-x", "-q", "-m", "hypothesis"]
    # The tests that are to come are not counted, and so there is no share of them to show.
    options += ["-o", "console_output_style=classic", "-p", "no:cacheprovider"]
    status = pytest.main([*options, *given.paths], plugins=[rounds])
    if status == pytest.ExitCode.OK:
        print(
            f"No property failed in {rounds.elapsed:.0f} s. "
            f"Rounds: {rounds.rounds}, examples: {rounds.examples}."
        )
    elif status == pytest.ExitCode.TESTS_FAILED:
        print(
            f"A property failed in round {rounds.rounds}, after {rounds.examples} examples. "
            "Put the example above on the test as @example(...), and it stays there."
        )
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
