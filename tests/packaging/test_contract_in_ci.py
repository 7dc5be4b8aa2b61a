"""The files to copy for running the contract suite in CI do what docs/contract.md says."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from enphase_streaming import FileTokenStore
from enphase_streaming.auth.tokens import TokenPair
from enphase_streaming.core import options
from enphase_streaming_mock import MockServer

if sys.platform == "win32":
    pytest.skip("the files are for a POSIX shell", allow_module_level=True)
else:
    import pty

FILES = Path(__file__).parents[2] / "docs" / "contract-in-ci"
WORKFLOW = yaml.safe_load((FILES / "contract.yml").read_text("utf-8"))
ON = WORKFLOW[True]  # what YAML 1.1 reads `on` as
NAMED = ("ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN", "ENPHASE_SYSTEM_ID")


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = WORKFLOW["jobs"][job]["steps"]
    return found


def lines(job: str) -> list[str]:
    """What a job runs, without the installation."""
    first, *rest = [step["run"] for step in steps(job) if "run" in step]
    assert shlex.split(first) == ["pip", "install", "enphase-streaming[mock]", "pytest"]
    return rest


def run(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(FILES / "contract.sh", folder)
    kept = {name: value for name, value in os.environ.items() if name not in NAMED}
    # Other plugins installed here take longer to load than the suite to run.
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    added = f"-p enphase_streaming_mock.pytest_plugin {variables.pop('PYTEST_ADDOPTS', '')}"
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    temporary = folder / "temporary"
    temporary.mkdir()
    finished = subprocess.run(
        ["bash", "-e", "-c", line],  # as GitHub runs it
        cwd=folder,
        env=kept | {"PATH": path, "TMPDIR": str(temporary), "PYTEST_ADDOPTS": added} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,  # which also waits for processes that were left behind
        text=True,
        timeout=120,
    )
    assert list(temporary.iterdir()) == []
    return finished


def test_push_runs_the_suite_on_a_mock(tmp_path: Path) -> None:
    (line,) = lines("mock")
    finished = run(line, tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert " passed" in finished.stdout


def test_failing_suite_fails_the_job(tmp_path: Path) -> None:
    finished = run("sh contract.sh --system-id home", tmp_path)
    assert finished.returncode == pytest.ExitCode.USAGE_ERROR


def test_real_api_is_called_at_night_by_one_run_at_a_time() -> None:
    assert set(ON) == {"push", "schedule"}
    (night,) = ON["schedule"]
    minute, hour, *every_day = night["cron"].split()
    assert minute.isdigit()
    assert hour.isdigit()
    assert every_day == ["*", "*", "*"]
    assert WORKFLOW["jobs"]["real"]["if"] == "github.event_name == 'schedule'"
    assert WORKFLOW["jobs"]["mock"]["if"] == "github.event_name == 'push'"
    assert WORKFLOW["jobs"]["real"]["concurrency"]
    assert "strategy" not in WORKFLOW["jobs"]["real"]


def test_only_the_suite_sees_the_secrets() -> None:
    assert "env" not in WORKFLOW
    assert all("env" not in job for job in WORKFLOW["jobs"].values())
    (step,) = [step for job in WORKFLOW["jobs"] for step in steps(job) if "env" in step]
    assert step["env"] == {name: f"${{{{ secrets.{name} }}}}" for name in NAMED}
    assert step in steps("real")
    assert "secrets" not in step["run"]


@pytest.mark.enphase_mock(speed=100)
def test_night_makes_one_call(tmp_path: Path, enphase_mock: MockServer) -> None:
    (line,) = lines("real")
    values = (enphase_mock.api_key, enphase_mock.access_token, str(enphase_mock.system_id))
    finished = run(
        line,
        tmp_path,
        PYTEST_ADDOPTS=f"--base-url {enphase_mock.base_url} --clock-speed 100",
        **dict(zip(NAMED, values, strict=True)),
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "one call to" in finished.stderr
    assert "$0.10 at most" in finished.stderr
    enphase_mock.assert_calls(1)
    assert shlex.split(line)[-2:] == ["--calls", "1"]


@pytest.fixture
def stored(
    tmp_path: Path, enphase_mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> FileTokenStore:
    """The token store of a login that the mock answers in place of the real API."""
    monkeypatch.setattr(options, "TOKEN_URL", enphase_mock.token_url)
    monkeypatch.setenv("ENPHASE_TOKEN_FILE", str(tmp_path / "tokens.json"))
    monkeypatch.setenv("ENPHASE_CLIENT_ID", enphase_mock.client_id)
    monkeypatch.setenv("ENPHASE_CLIENT_SECRET", enphase_mock.client_secret)
    return FileTokenStore(tmp_path / "tokens.json")


def test_fresh_token_is_printed_and_its_pair_stored(
    stored: FileTokenStore, enphase_mock: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    stored.save(
        TokenPair(
            access_token=enphase_mock.access_token,
            refresh_token=enphase_mock.refresh_token,
            expires_at=4e9,
            renew_at=4e9,
        )
    )
    runpy.run_path(str(FILES / "fresh_token.py"))
    printed = capsys.readouterr().out.strip()
    kept = stored.load()
    assert kept is not None
    assert printed == kept.access_token != enphase_mock.access_token
    assert printed in enphase_mock.engine.account.access


def test_missing_login_is_reported(stored: FileTokenStore) -> None:
    with pytest.raises(SystemExit, match="run `enphase-streaming login` first"):
        runpy.run_path(str(FILES / "fresh_token.py"))


@pytest.mark.parametrize("name", ["ENPHASE_CLIENT_ID", "ENPHASE_CLIENT_SECRET"])
def test_missing_client_credentials_are_reported(
    stored: FileTokenStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.save(TokenPair(access_token="a", refresh_token="b", expires_at=4e9, renew_at=4e9))
    monkeypatch.delenv(name)
    missing = name.removeprefix("ENPHASE_").lower()
    with pytest.raises(SystemExit, match=f"^{missing} is missing"):
        runpy.run_path(str(FILES / "fresh_token.py"))


def test_token_store_is_that_of_the_command(
    stored: FileTokenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENPHASE_TOKEN_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    kept = tmp_path / "enphase-streaming" / "tokens.json"
    with pytest.raises(SystemExit, match=re.escape(f"There are no tokens in {kept}: ")):
        runpy.run_path(str(FILES / "fresh_token.py"))


def test_token_is_not_printed_to_a_terminal() -> None:
    ours, theirs = pty.openpty()
    try:
        finished = subprocess.run(
            [sys.executable, FILES / "fresh_token.py"],
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert finished.returncode == 1
    assert "This prints a secret" in finished.stderr
