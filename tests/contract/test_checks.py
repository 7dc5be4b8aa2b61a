"""The contract suite on the mock and on Prism, as users run it.

Where Prism differs, and how, is one list: `enphase_streaming_mock.checks.prism`.
"""

import os
import re
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

import each_backend
from each_backend import ALONE, SPEED, on_prism, on_the_mock
from enphase_streaming_mock import MockServer
from enphase_streaming_mock.checks.prism import DIFFERENCES
from prism import ROOT, PrismIsMissing, check_installed

pytest_plugins = ["pytester"]


def run(command: list[str], folder: Path) -> str:
    finished = subprocess.run(
        command, cwd=folder, env=os.environ | ALONE, capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def outcomes(said: str) -> dict[str, str]:
    """What became of each check, by its name."""
    return dict(re.findall(r"::(\S+) ([A-Z]+)", said))


@pytest.mark.enphase_mock(speed=SPEED)
def test_the_mock_keeps_the_contract(tmp_path: Path, enphase_mock: MockServer) -> None:
    found = outcomes(run([*on_the_mock(enphase_mock), "-v"], tmp_path))
    assert len(found) > len(DIFFERENCES)
    assert set(found.values()) == {"PASSED"}


def test_the_page_lists_every_difference_of_prism() -> None:
    page = (ROOT / "docs" / "contract.md").read_text("utf-8")
    listed = re.findall(r"^- (.*)$", page, re.MULTILINE)
    assert sorted(listed) == sorted({each.why for each in DIFFERENCES.values()})


def test_prism_keeps_it_but_for_the_listed_differences(tmp_path: Path, prism: str) -> None:
    said = run([*on_prism(prism), "-v"], tmp_path)
    found = outcomes(said)
    assert set(found.values()) == {"PASSED"}
    assert DIFFERENCES.keys() <= found.keys()
    for difference in DIFFERENCES.values():
        assert f"Prism differs: {difference.why}" in said


@pytest.fixture
def taken_for_prism(
    pytester: pytest.Pytester, enphase_mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], pytest.RunResult]:
    """Runs the checks of a choice as if the mock were Prism."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    _, _, _, *options = on_prism(enphase_mock.base_url)
    return lambda choice: pytester.runpytest_inprocess(*options, "-k", choice)


def test_a_difference_that_is_gone_is_told(
    taken_for_prism: Callable[[str], pytest.RunResult],
) -> None:
    result = taken_for_prism("is_no_whole_number or below_the_least")
    assert result.parseoutcomes()["failed"] == 3
    result.stdout.fnmatch_lines(["Prism differs no longer; take it off its list: a bad duration*"])


def test_a_difference_that_is_another_now_is_told(
    taken_for_prism: Callable[[str], pytest.RunResult], enphase_mock: MockServer
) -> None:
    enphase_mock.fault("gateway", shape="unavailable", always=True)
    result = taken_for_prism("is_no_whole_number or below_the_least")
    assert result.parseoutcomes()["failed"] == 3
    result.stdout.fnmatch_lines(["*status: 500 != 422*"])


@pytest.mark.parametrize("has_a_way_in", [False, True])
def test_the_verb_runs_it_on_each_backend_and_on_the_real_api_where_there_is_a_way_in(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    has_a_way_in: bool,
) -> None:
    def call(command: list[str], cwd: str, env: dict[str, str]) -> int:
        commands.append(" ".join(command))
        return 0

    commands: list[str] = []
    monkeypatch.setattr(each_backend, "RECORDINGS", tmp_path / "recordings")
    monkeypatch.setattr(each_backend, "running_prism", lambda folder: nullcontext("http://prism"))
    monkeypatch.setattr(subprocess, "call", call)
    for name in each_backend.CREDENTIALS:
        monkeypatch.setenv(name, "planted" if has_a_way_in else "")
    assert each_backend.main() == 0
    on_mock, on_prism, *on_real = commands
    assert "--backend" not in on_mock
    assert "--backend prism --base-url http://prism" in on_prism
    if has_a_way_in:
        (command,) = on_real
        assert command.endswith(f"--backend real --record {tmp_path / 'recordings'}")
        assert "planted" not in command
        assert (tmp_path / "recordings").is_dir()
    else:
        assert on_real == []
        assert "The real API is left out: ENPHASE_API_KEY, " in capsys.readouterr().err


def test_what_to_install_is_said_where_prism_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PrismIsMissing, match="`make prism` or `make test` does that"):
        check_installed(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PrismIsMissing, match=r"needs Node\.js 18 or newer"):
        check_installed()
