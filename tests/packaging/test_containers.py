"""The Dockerfile's steps, one by one in a clean folder, and what they make. No image is built."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from dockerfile import Build, Stage, instructions
from enphase_streaming_mock import MockServer

if sys.platform == "win32":
    pytest.skip("the steps are for a POSIX shell", allow_module_level=True)

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
WHEELS = ROOT / "build" / "wheels"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """All stages, made from downloaded wheels."""
    if not (WHEELS / "fetched").exists():
        pytest.fail("no wheels to install from: run make build/wheels/fetched", False)
    env = {
        "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(WHEELS),
        "PIP_NO_COMPILE": "1",  # half the time
        "PIP_NO_INDEX": "1",
        "PIP_QUIET": "1",
    }
    built = Build(DOCKERFILE, tmp_path_factory.mktemp("root"), env)
    shutil.rmtree(built.inside("/source"))  # only the first stage has it
    return built


def environment(build: Build, stage: Stage, **more: str) -> dict[str, str]:
    """Return the variables of a container, in which no checkout and no other Python is found."""
    path = stage.env["PATH"].replace("$PATH", os.defpath)
    return {**stage.env, "PATH": path, **more}


@contextmanager
def running(
    build: Build, stage: Stage, *command: str, **more: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a container's command as a plain process."""
    env = environment(build, stage, **more)
    program = shutil.which(command[0], path=env["PATH"])
    assert program is not None
    with subprocess.Popen(
        [program, *command[1:]],
        cwd=build.inside(stage.folder),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def stop(process: subprocess.Popen[str]) -> tuple[float, str]:
    """Send SIGTERM as an engine does; return the seconds until the end, and stderr."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    return time.monotonic() - began, said


def healthy(build: Build, port: int) -> bool:
    stage = build.stages["mock"]
    check = [word.replace("4010", str(port)) for word in stage.healthcheck]
    with running(build, stage, *check) as process:
        process.communicate(timeout=10)
        return process.returncode == 0


def test_mock_is_healthy_while_it_answers_and_ends_within_two_seconds(build: Build) -> None:
    stage = build.stages["mock"]
    options = ("--host", "127.0.0.1", "--port", "0")  # the last one counts
    with running(build, stage, *stage.command, *options) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2].partition("/")[0])
        assert healthy(build, port)
        seconds, said = stop(process)
    assert (process.returncode, said) == (0, "")
    assert seconds < 2
    assert not healthy(build, port)


@pytest.mark.enphase_mock(speed=4)
def test_client_ends_with_its_summary_within_two_seconds(
    build: Build, enphase_mock: MockServer
) -> None:
    before = written(build)
    with running(
        build,
        build.stages["client"],
        *("enphase-streaming", "watch", "--calls", "2", "--json", "--clock-speed", "4"),
        ENPHASE_BASE_URL=enphase_mock.base_url,
        ENPHASE_API_KEY=enphase_mock.api_key,
        ENPHASE_ACCESS_TOKEN=enphase_mock.access_token,
        ENPHASE_SYSTEM_ID=str(enphase_mock.system_id),
    ) as process:
        assert process.stdout is not None
        assert "pv_power" in process.stdout.readline()
        seconds, said = stop(process)
    assert process.returncode == 130
    assert "Interrupted. " in said
    assert seconds < 2
    assert written(build) == before  # a read-only root file system is enough


def written(build: Build) -> set[Path]:
    return set(Path(build.inside("/opt")).rglob("*"))


def test_images_hold_both_commands_and_no_installer(build: Build) -> None:
    programs = set(os.listdir(build.inside("/opt/enphase/bin")))
    assert {"enphase-mock", "enphase-streaming", "python"} <= programs
    assert not {"pip", "pip3"} & programs


@pytest.mark.parametrize("image", ["mock", "client"])
def test_images_run_without_privileges(build: Build, image: str) -> None:
    stage = build.stages[image]
    assert stage.user == "10001:10001"
    assert "/data" in stage.volumes
    for state in ("ENPHASE_LEDGER", "ENPHASE_TOKEN_FILE"):
        assert Path(stage.env[state]).parent == Path(build.inside("/data"))
    # Nothing is run as root once the credentials' folder exists.
    assert not {"RUN", "ADD", "ARG"} & {*stage.steps, *build.stages["runtime"].steps}


def test_context_holds_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    everything, *rules = [line for line in lines if not line.startswith("#")]
    assert everything == "*"
    copied = [
        word
        for name, rest in instructions(DOCKERFILE.read_text("utf-8"))
        if name == "COPY" and "--from" not in rest
        for word in rest.split()[:-1]
    ]
    assert sorted(rule[1:] for rule in rules if rule.startswith("!")) == sorted(copied)


COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_services_are_locked_down_and_reachable_from_this_machine_only(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_services_use_the_credentials_of_the_mock_unless_told_otherwise() -> None:
    variables = COMPOSE["services"]["home_assistant"]["environment"]
    mock = MockServer()
    for name, value in {
        "ENPHASE_API_KEY": mock.api_key,
        "ENPHASE_ACCESS_TOKEN": mock.access_token,
        "ENPHASE_SYSTEM_ID": str(mock.system_id),
        "ENPHASE_BASE_URL": "http://mock:4010/api/v4",
    }.items():
        assert variables[name].removeprefix(f"${{{name}").lstrip(":").strip("-}") == value
