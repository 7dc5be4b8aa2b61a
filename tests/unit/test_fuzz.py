"""`make fuzz`: rounds of the property tests, until the time is up or one fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[1] / "fuzz.py"


def fuzz(folder: Path, body: str, seconds: float) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(
        f"from hypothesis import given, settings, strategies as st\n{body}", "utf-8"
    )
    return subprocess.run(
        [sys.executable, FUZZ, "--seconds", str(seconds), "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_each_round_draws_new_examples_until_the_time_is_up(tmp_path: Path) -> None:
    done = fuzz(
        tmp_path,
        """
@settings(max_examples=20)
@given(st.integers(0, 2**60))
def test_of_any_number(number):
    with open("drawn", "a") as file:
        print(number, file=file)

def test_without_a_property():
    raise AssertionError("not a property test")
""",
        seconds=1,
    )
    assert done.returncode == 0, done.stdout
    found = re.search(r"in (\d+) s. Rounds: (\d+), examples: (\d+)", done.stdout)
    assert found is not None, done.stdout
    seconds, rounds, examples = map(int, found.groups())
    assert seconds >= 1
    assert rounds > 1
    drawn = (tmp_path / "drawn").read_text().split()
    assert len(drawn) == examples > 20 * (rounds - 1)
    assert len(set(drawn)) > examples / 2


def test_the_first_failure_ends_the_run_and_says_how_to_keep_the_example(tmp_path: Path) -> None:
    done = fuzz(
        tmp_path,
        """
@given(number=st.integers())
def test_of_any_number(number):
    assert number < 1000
""",
        seconds=60,
    )
    assert done.returncode == 1
    assert "number=1000," in done.stdout
    assert "@reproduce_failure(" in done.stdout
    assert "A property failed in round 1" in done.stdout
    assert "@example(...)" in done.stdout
