"""The contract suite on the mock and on Prism, as `make contract` runs it."""

import os
import re
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

import each_backend
import prism_differences
from each_backend import ALONE, SPEED, check_prism, on_the_mock
from enphase_streaming_mock import MockServer
from prism import ROOT, PrismIsMissing, check_installed
from prism_differences import DIFFERENCES


def report(folder: Path, **messages: str) -> Path:
    """A JUnit report in which these checks fail, and all others that the list names pass."""
    cases = "".join(
        f'<testcase name="{check}">'
        + (f"<failure>{message}</failure>" if message else "")
        + "</testcase>"
        for check, message in messages.items()
    )
    path = folder / "report.xml"
    path.write_text(f"<testsuites>{cases}</testsuites>", "utf-8")
    return path


def listed() -> dict[str, str]:
    return {check: difference.message for check, difference in DIFFERENCES.items()}


@pytest.mark.enphase_mock(speed=SPEED)
def test_mock_passes_every_check(tmp_path: Path, enphase_mock: MockServer) -> None:
    run = subprocess.run(
        [*on_the_mock(enphase_mock), "-v"],
        cwd=tmp_path,
        env=os.environ | ALONE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    outcomes = dict(re.findall(r"::(\S+) ([A-Z]+)", run.stdout))
    assert outcomes.keys() >= DIFFERENCES.keys()
    assert set(outcomes.values()) == {"PASSED"}


def test_prism_fails_the_listed_checks_and_no_others(tmp_path: Path, prism: str) -> None:
    assert check_prism(prism, tmp_path) == []


def test_page_lists_every_difference_of_prism() -> None:
    page = (ROOT / "docs" / "contract.md").read_text("utf-8")
    differences = re.findall(r"^- (.*)$", page, re.MULTILINE)
    assert sorted(differences) == sorted({each.why for each in DIFFERENCES.values()}), (
        "docs/contract.md lists the reasons of tests/prism_differences.py; update the page"
    )


def test_listed_differences_are_expected(tmp_path: Path) -> None:
    assert prism_differences.unexpected(report(tmp_path, **listed(), test_another="")) == []


@pytest.mark.parametrize(
    ("check", "message", "found"),
    [
        ("test_tokens_are_not_cached", "", "test_tokens_are_not_cached passes on Prism: remove"),
        ("test_tokens_are_not_cached", "the status is 500", "fails on Prism without"),
        ("test_another", "the status is 500", "test_another fails on Prism and is not in"),
    ],
)
def test_change_in_a_difference_is_reported(
    tmp_path: Path, check: str, message: str, found: str
) -> None:
    (line,) = prism_differences.unexpected(report(tmp_path, **{**listed(), check: message}))
    assert found in line


def test_listed_check_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    found = listed()
    del found["test_tokens_are_not_cached"]
    (line,) = prism_differences.unexpected(report(tmp_path, **found))
    assert line.startswith("test_tokens_are_not_cached was not run")


@pytest.mark.parametrize("has_credentials", [False, True])
def test_make_contract_asks_the_real_api_only_with_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has_credentials: bool
) -> None:
    def call(command: list[str], cwd: str, env: dict[str, str]) -> int:
        commands.append(" ".join(command))
        return 0

    commands: list[str] = []
    monkeypatch.setattr(each_backend, "running_prism", lambda folder: nullcontext("http://prism"))
    monkeypatch.setattr(each_backend, "check_prism", lambda base_url, folder: [])
    monkeypatch.setattr(subprocess, "call", call)
    for name in each_backend.CREDENTIALS:
        monkeypatch.setenv(name, "planted" if has_credentials else "")
    assert each_backend.main() == 0
    on_mock, *on_real = commands
    printed = capsys.readouterr()
    assert "--backend" not in on_mock
    assert "Prism differs: " in printed.out
    if has_credentials:
        (command,) = on_real
        assert command.endswith("--backend real")
        assert "planted" not in command
    else:
        assert on_real == []
        assert "The real API is left out: ENPHASE_API_KEY, " in printed.err


def test_missing_prism_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PrismIsMissing, match="`make prism` or `make test`"):
        check_installed(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PrismIsMissing, match=r"needs Node\.js"):
        check_installed()
