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
    for name in ("__main__", "before", "table"):
        shutil.copy(ROOT / "bench" / f"{name}.py", tmp_path / "bench")
    for name in MODULES:
        (tmp_path / "bench" / f"{name}.py").write_text(f"print('## {name}')")
    (tmp_path / "bench" / "profiles.py").write_text("import sys\nprint('### Of', sys.argv[1])")
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
    sections = [line for line in run.stdout.splitlines() if line.startswith("## ")]
    assert sections == [f"## {name}" for name in MODULES]
    assert f"pytest {pytest.__version__}, prism 5." in run.stdout


def test_a_single_benchmark_is_only_printed(project: Path) -> None:
    run = bench(project, "day")
    assert run.stdout.endswith("\n\n## day\n")
    assert "decode" not in run.stdout
    assert not page(project).exists()


def test_the_profiles_of_a_benchmark_follow_it(project: Path) -> None:
    run = bench(project, "decode")
    assert run.stdout.endswith("\n\n## decode\n\n### Of decode\n\n### Of drift\n\n### Of core\n")


def test_a_failing_profile_does_not_change_the_page(project: Path) -> None:
    (project / "bench" / "profiles.py").write_text("raise SystemExit(3)")
    run = bench(project)
    assert "profiles decode failed with exit code 3" in run.stderr
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


OLD = """# Performance

## A section

| what | ours | beside | theirs | ratio | goal |     |
| ---- | ---- | ------ | ------ | ----- | ---- | --- |
| one  | 1 µs | a peer | 2 µs   | 0.50  |      |     |
| one  | 1 µs |        |        |       |      |     |

### A profile

| share | function |
| --- | --- |
| 12.3% | `read` in core/reading.py |
"""
NEW = """# Performance

## A section

What is measured.

| what | ours | beside | theirs | ratio | goal  |     |
| ---- | ---- | ------ | ------ | ----- | ----- | --- |
| one  | 3 µs | a peer | 2 µs   | 1.50  | ≤ 1   |     |
| one  | 3 µs |        |        |       |       |     |
| two  | 3 µs |        |        |       |       |     |

### A profile

| share | function                  |
| ----- | ------------------------- |
| 10.0% | `read` in core/reading.py |
| 9.0%  | `feed` in core/sse.py     |

## Another

| what | ours | beside | theirs | ratio | goal | |
| ---- | ---- | ------ | ------ | ----- | ---- |-|
| one  | 3 µs |        |        |       |      | |
"""


def git(project: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


def test_each_row_shows_its_figure_at_another_revision(project: Path) -> None:
    page(project).write_text(OLD, "utf-8")
    git(project, "init")
    git(project, "add", ".")
    git(project, "commit", "--message", "The page")
    page(project).write_text("# Another page", "utf-8")
    (project / "bench" / "day.py").write_text(f"print({NEW!r})")
    run = bench(project, "--before", "HEAD", "day")
    assert run.returncode == 0
    assert "“before” is the ratio, or ours without one, at HEAD." in run.stdout
    tables = [line for line in run.stdout.splitlines() if line.startswith("|")]
    assert tables == [
        "| what | ours | beside | theirs | ratio | before | goal |  |",
        "| ---- | ---- | ------ | ------ | ----- | ------ | ---- |  |",
        "| one  | 3 µs | a peer | 2 µs   | 1.50  | 0.50   | ≤ 1  |  |",
        "| one  | 3 µs |        |        |       | 1 µs   |      |  |",
        "| two  | 3 µs |        |        |       |        |      |  |",
        "| share | before | function                  |",
        "| ----- | ------ | ------------------------- |",
        "| 10.0% | 12.3%  | `read` in core/reading.py |",
        "| 9.0%  |        | `feed` in core/sse.py     |",
        "| what | ours | beside | theirs | ratio | before | goal |  |",
        "| ---- | ---- | ------ | ------ | ----- | ------ | ---- |  |",
        "| one  | 3 µs |        |        |       |        |      |  |",
    ]


def test_a_page_that_cannot_be_read_is_refused_in_one_line(project: Path) -> None:
    git(project, "init")
    run = bench(project, "--before", "nowhere")
    assert run.returncode != 0
    start = "BEFORE must be a revision with docs/performance.md, got nowhere: fatal: "
    assert run.stderr.startswith(start)
    assert run.stderr.count("\n") == 1
    assert not page(project).exists()


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
