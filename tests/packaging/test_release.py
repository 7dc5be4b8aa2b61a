"""A release: what is checked before it, the package's links, and the workflows."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

import release

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
HOME = "https://example.com/owner/name"
HOOK = runpy.run_path(str(ROOT / "hatch_build.py"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose version 1.2.0 can be released."""
    version = tmp_path / "overlay" / "enphase_streaming" / "version.py"
    version.parent.mkdir(parents=True)
    version.write_text('"""Doc."""\n\n__version__ = "1.2.0"\n', "utf-8")
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.hatch.metadata.hooks.custom]\nrepository = "{HOME}"\n', "utf-8"
    )
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n\n### Added\n\n- A thing.\n"
        "\n## [1.1.0] - 2026-11-01\n\n- Another.\n",
        "utf-8",
    )
    return tmp_path


def test_release_that_agrees_has_its_notes(project: Path) -> None:
    assert release.problems(project, "v1.2.0", f"{HOME}/") == []
    assert release.notes(project, "1.2.0") == "### Added\n\n- A thing."


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("overlay/enphase_streaming/version.py", "1.2.0", "1.3.0", "TAG must be v1.3.0"),
        ("pyproject.toml", HOME, "", "repository in pyproject.toml is empty"),
        ("pyproject.toml", "owner", "fork", "is https://example.com/fork/name, and this is"),
        ("CHANGELOG.md", "2026-12-01", "soon", "must have a section ## [1.2.0] - YYYY-MM-DD"),
        ("CHANGELOG.md", "### Added\n\n- A thing.\n", "", "must have a section ## [1.2.0]"),
    ],
)
def test_release_that_disagrees_is_refused(
    project: Path, file: str, before: str, after: str, said: str
) -> None:
    path = project / file
    path.write_text(path.read_text("utf-8").replace(before, after), "utf-8")
    assert said in release.problems(project, "v1.2.0", HOME)[0]


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("[a](docs/a.md#b)", f"[a]({HOME}/blob/v1.2.0/docs/a.md#b)"),
        ("![a](docs/a.svg)", f"![a]({HOME}/raw/v1.2.0/docs/a.svg)"),
        ('<img src="docs/a.svg">', f'<img src="{HOME}/raw/v1.2.0/docs/a.svg">'),
        ("[a](https://example.com/b)", "[a](https://example.com/b)"),
        ("[a](#install)", "[a](#install)"),
    ],
)
def test_links_of_the_package_are_absolute(text: str, linked: str) -> None:
    assert HOOK["absolute_links"](text, HOME, "v1.2.0") == linked


def strings(value: Any) -> list[str]:
    """Return every text in a workflow."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text("utf-8"))
    pinned = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert [each for each in used if not re.fullmatch(pinned, each)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_have_the_permissions_that_they_name(workflow: Path) -> None:
    parsed = yaml.safe_load(workflow.read_text("utf-8"))
    assert parsed["permissions"] == {}
    for job in parsed["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"] <= 30


def verbs(workflow: Path) -> set[str]:
    """Return the verbs of the Makefile that a workflow names."""
    parsed = yaml.safe_load(workflow.read_text("utf-8"))
    found = {verb for text in strings(parsed) for verb in re.findall(r"\bmake ([a-z-]+)", text)}
    for job in parsed["jobs"].values():
        found |= set(job.get("strategy", {}).get("matrix", {}).get("verb", []))
    return found


MADE = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_verbs_of_a_workflow_exist(workflow: Path) -> None:
    assert verbs(workflow) <= MADE


def test_every_verb_that_tests_is_run_by_ci() -> None:
    tests = {verb for verb in MADE if verb.startswith("test") or verb == "examples"}
    assert tests <= verbs(ROOT / ".github" / "workflows" / "ci.yml")
