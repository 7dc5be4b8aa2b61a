"""The page of `make bench`: every benchmark in order, written only if none failed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = (
    "decode",
    "first_reading",
    "latency",
    "fleet",
    "profiles",
    "threads",
    "hostile",
    "day",
    "board",
    "recorded_day",
    "start",
    "ledger",
    "mock_streams",
    "mock_errors",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with benchmarks that take no time."""
    for folder in ("bench", "docs", "mock/prism"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "bench" / "__main__.py", tmp_path / "bench")
    for name in MODULES:
        (tmp_path / "bench" / f"{name}.py").write_text(f"print('## {name}')")
    (tmp_path / "pyproject.toml").write_text("[dependency-groups]\nbench = ['pytest>=1']\n")
    (tmp_path / "mock" / "prism" / "package.json").write_text('{"dependencies": {"prism": "5"}}')
    return tmp_path


def bench(project: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, project / "bench", *modules], capture_output=True, encoding="utf-8"
    )


def page(project: Path) -> Path:
    return project / "docs" / "performance.md"


def test_the_page_is_printed_and_written(project: Path) -> None:
    run = bench(project)
    assert run.returncode == 0
    assert run.stdout == page(project).read_text("utf-8")
    assert run.stdout.endswith("\n\n## " + "\n\n## ".join(MODULES) + "\n")
    assert f"pytest {pytest.__version__}, prism 5." in run.stdout


def test_a_single_benchmark_is_only_printed(project: Path) -> None:
    run = bench(project, "day")
    assert run.stdout.endswith("\n\n## day\n")
    assert "decode" not in run.stdout
    assert not page(project).exists()


def test_a_failing_benchmark_does_not_change_the_page(project: Path) -> None:
    page(project).write_text("as it was")
    (project / "bench" / "day.py").write_text("raise SystemExit(3)")
    run = bench(project)
    assert run.returncode != 0
    assert "day failed with exit code 3" in run.stderr
    assert page(project).read_text() == "as it was"


def test_a_missing_benchmark_is_a_failure(project: Path) -> None:
    (project / "bench" / "day.py").unlink()
    run = bench(project)
    assert run.returncode != 0
    assert not page(project).exists()


def test_an_unknown_benchmark_is_refused_with_the_choices(project: Path) -> None:
    run = bench(project, "weather")
    assert run.returncode != 0
    assert "got weather: choose from decode, " in run.stderr


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ([10.0, 10.5], (), "met"),
        ([10.0, 12.5], (), "met, moved 20%"),
        ([10.0, 20.0], (5.0, 10.0), "met"),
        ([10.0, 10.0, 10.0], (5.0, 9.0, 4.0), "met, moved 20%"),
        ([0.0, 0.0], (), "met"),
        ([10.0], (), "met"),
    ],
)
def test_a_row_says_when_its_halves_differ(
    monkeypatch: pytest.MonkeyPatch, ours: list[float], theirs: tuple[float, ...], said: str
) -> None:
    monkeypatch.syspath_prepend(ROOT / "bench")
    from table import Row

    row = Row("an event", "µs", ours, "a peer" if theirs else "", theirs, at_most=20)
    assert row.cells()[-1] == said
