"""Run the property tests in rounds, with new examples in each, until the time is up.

Exit status: 0 if none failed. The first failure ends the run and is kept in `.hypothesis`, so that
the next run of that test starts with it.
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
    """Replace pytest's single pass over the tests."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.rounds = 0
        self.examples = 0
        self.elapsed = 0.0

    # After the project's own settings, which its conftest.py loads.
    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        """Load the settings of Hypothesis."""
        # Imported here, as pytest warns of plugins that were imported before it rewrites them.
        from hypothesis import HealthCheck, settings

        settings.register_profile(
            "fuzz",
            # In CI, the default profile of Hypothesis draws the same examples each time.
            settings.get_profile("default"),
            max_examples=300,  # unless a test sets its own number
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow],  # a run may have a low priority
        )
        settings.load_profile("fuzz")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run rounds in random order, as the last one may not reach every test."""
        if session.testsfailed:
            raise session.Interrupted("errors while collecting the tests")
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
    """Run the tests that the arguments name, and print the number of rounds and examples."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("paths", nargs="*", default=[str(TESTS / "property")])
    options = parser.parse_args()
    rounds = Rounds(options.seconds)
    arguments = ["-c", str(TESTS.parent / "pyproject.toml"), "-x", "-q", "-m", "hypothesis"]
    # The number of tests to come is unknown, so show no percentage.
    arguments += ["-o", "console_output_style=classic", "-p", "no:cacheprovider"]
    status = pytest.main([*arguments, *options.paths], plugins=[rounds])
    if status == pytest.ExitCode.OK:
        print(
            f"No property failed in {rounds.elapsed:.0f} s. "
            f"Rounds: {rounds.rounds}, examples: {rounds.examples}."
        )
    elif status == pytest.ExitCode.TESTS_FAILED:
        print(
            f"A property failed in round {rounds.rounds}, after {rounds.examples} examples. "
            "Add the example above to the test as @example(...) to keep it."
        )
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
