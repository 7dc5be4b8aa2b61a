"""The wheel, installed outside the checkout and without a network.

`make test` first downloads the wheels of all dependencies to build/wheels.
"""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from functools import cache
from pathlib import Path

import pytest

from enphase_streaming import __version__
from enphase_streaming_mock import MockServer

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / "build" / "wheels"
PACKAGES = ("enphase_streaming", "enphase_streaming_api", "enphase_streaming_mock")
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
# Without variables that point to the checkout or to a proxy.
VARIABLES = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}

Environment = Callable[[str], Path]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=VARIABLES, capture_output=True, text=True, timeout=60
    )


def run_well(*command: str | Path, cwd: Path) -> str:
    finished = run(*command, cwd=cwd)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel built from it."""
    folder = tmp_path_factory.mktemp("built")
    # Without --wheel or --sdist, build makes the wheel out of the sdist.
    run_well(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Create a virtual environment with the wheel, extras and pytest, once for each extra."""
    if not (WHEELS / "fetched").exists():
        pytest.fail("no wheels to install from: run make build/wheels/fetched", False)

    @cache
    def make(extras: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        run_well(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
        run_well(
            *(sys.executable, "-m", "pip", "--python", folder / SCRIPTS / "python", "--isolated"),
            *("install", "--no-index", "--find-links", WHEELS, "--no-compile"),
            *(f"{wheel}{extras}", "pytest"),
            cwd=folder,
        )
        return folder / SCRIPTS

    return make


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_contains_the_three_packages_only(wheel: Path) -> None:
    held = names(wheel)
    assert {f"{package}/py.typed" for package in PACKAGES} <= held
    assert "enphase_streaming_mock/streaming.yaml" in held
    (about,) = {name.partition("/")[0] for name in held} - set(PACKAGES)
    assert about.endswith(".dist-info")
    assert f"{about}/licenses/LICENSE" in held
    for package, folder in zip(PACKAGES, ("overlay", "generated", "mock"), strict=True):
        kinds = {".py", ".yaml", ".html", ".css", ".js", ".svg"}
        modules = (each for each in (ROOT / folder / package).rglob("*") if each.suffix in kinds)
        wanted = {module.relative_to(ROOT / folder).as_posix() for module in modules}
        assert {name for name in held if name.startswith(f"{package}/")} >= wanted


def test_the_sdist_builds_the_same_wheel_as_the_checkout(wheel: Path, tmp_path: Path) -> None:
    run_well(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT),
        cwd=tmp_path,
    )
    (direct,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(direct) as other:
        assert {name: one.read(name) for name in one.namelist()} == {
            name: other.read(name) for name in other.namelist()
        }


def test_the_sdist_contains_the_document_the_tests_and_the_makefile(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE",
        ".github/workflows/release.yml",
        "Dockerfile",
        "Makefile",
        "README.md",
        "bench/__main__.py",
        "docs/contract-in-ci/contract.yml",
        "mock/demo.sh",
        "mock/prism/package-lock.json",
        "pyproject.toml",
        "spec/streaming.yaml",
        "tests/packaging/test_wheel.py",
    } <= held


def test_an_unpacked_sdist_builds_the_same_sdist(built: Path, tmp_path: Path) -> None:
    # As `make check-dist` does it: in a folder that .gitignore names, with packages installed.
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "build", filter="data")
        held = set(archive.getnames())
    (unpacked,) = (tmp_path / "build").iterdir()
    package = unpacked / "mock" / "prism" / "node_modules" / "package"
    package.mkdir(parents=True)
    (package / "index.js").touch()
    run_well(
        *(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path),
        unpacked,
        cwd=tmp_path,
    )
    (again,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(again) as archive:
        assert set(archive.getnames()) == held


def test_the_metadata_leads_to_the_repository_once_it_is_known(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    settings = unpacked / "pyproject.toml"
    text = re.sub(
        r'^repository = ".*"$',
        'repository = "https://example.com/owner/name"',
        settings.read_text("utf-8"),
        flags=re.MULTILINE,
    )
    settings.write_text(text, "utf-8")
    run_well(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path),
        unpacked,
        cwd=tmp_path,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    assert metadata["Version"] == __version__
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL", []))
    assert urls["Changelog"] == "https://example.com/owner/name/blob/main/CHANGELOG.md"
    links = re.findall(r"\]\(([^)\s]+)\)", str(metadata.get_payload()))
    assert f"https://example.com/owner/name/blob/v{__version__}/LICENSE" in links
    assert [each for each in links if not each.startswith("https://")] == []


def test_the_mock_extra_streams_to_the_client(environment: Environment, tmp_path: Path) -> None:
    scripts = environment("[mock]")
    (tmp_path / "test_stream.py").write_text(
        """
import sys
from pathlib import Path

import enphase_streaming
import enphase_streaming_api
import enphase_streaming_mock
import pytest
from enphase_streaming import StreamingClient


@pytest.mark.parametrize(
    "package", [enphase_streaming, enphase_streaming_api, enphase_streaming_mock]
)
def test_the_package_is_the_installed_one(package):
    assert Path(package.__file__).is_relative_to(sys.prefix)


def test_readings_arrive(enphase_mock):
    with StreamingClient(
        api_key=enphase_mock.api_key,
        access_token=enphase_mock.access_token,
        base_url=enphase_mock.base_url,
        monotonic=enphase_mock.monotonic,
        now=enphase_mock.now,
    ) as enphase:
        with enphase.live_data(enphase_mock.system_id) as stream:
            readings = list(stream)
    assert stream.end.reason == "planned"
    assert len(readings) == 30
    assert all(reading.balance == 0 for reading in readings)
""",
        "utf-8",
    )
    said = run_well(
        *(scripts / "python", "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", tmp_path),
        cwd=tmp_path,
    )
    assert "4 passed" in said


@pytest.mark.enphase_mock(speed=100)
def test_the_contract_suite_runs_from_the_wheel(
    environment: Environment, enphase_mock: MockServer, tmp_path: Path
) -> None:
    said = run_well(
        *(environment("[mock]") / "python", "-m", "pytest", "-p", "no:cacheprovider"),
        *("-W", "error", "--strict-markers", "--pyargs", "enphase_streaming_mock.checks"),
        *("--base-url", enphase_mock.base_url, "--clock-speed", "100", "-k", "not arrive"),
        cwd=tmp_path,
    )
    assert re.search(r"^=+ \d\d passed, 1 deselected in", said, re.MULTILINE)


def test_the_served_mock_gives_a_reading_to_a_script(
    environment: Environment, tmp_path: Path
) -> None:
    scripts = environment("[mock]")
    script = tmp_path / "first.py"
    script.write_text(
        """
import sys
from enphase_streaming import StreamingClient

printed = dict(line.removeprefix("export ENPHASE_").strip().split("=", 1) for line in sys.stdin)
with StreamingClient(
    api_key=printed["API_KEY"],
    access_token=printed["ACCESS_TOKEN"],
    base_url=printed["BASE_URL"],
) as enphase:
    print(enphase.snapshot(int(printed["SYSTEM_ID"])).pv_power)
""",
        "utf-8",
    )
    with subprocess.Popen(
        [scripts / "enphase-mock", "serve", "--port", "0", "--scenario", "night"],
        cwd=tmp_path,
        env=VARIABLES,
        stdout=subprocess.PIPE,
        text=True,
    ) as mock:
        assert mock.stdout is not None
        try:
            printed = "".join(mock.stdout.readline() for _ in range(4))
            finished = subprocess.run(
                [scripts / "python", "-W", "error", script],
                cwd=tmp_path,
                env=VARIABLES,
                input=printed,
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            mock.terminate()
    assert (finished.stdout, finished.stderr) == ("0\n", "")


@pytest.mark.enphase_mock(speed=20)
def test_the_command_shows_a_stream_with_the_cli_extra_alone(
    environment: Environment, enphase_mock: MockServer, tmp_path: Path
) -> None:
    finished = subprocess.run(
        [
            *(environment("[cli]") / "enphase-streaming", "watch", "--once", "--json"),
            *("--clock-speed", "20"),
        ],
        cwd=tmp_path,
        env=VARIABLES
        | {
            "ENPHASE_API_KEY": enphase_mock.api_key,
            "ENPHASE_ACCESS_TOKEN": enphase_mock.access_token,
            "ENPHASE_SYSTEM_ID": str(enphase_mock.system_id),
            "ENPHASE_BASE_URL": enphase_mock.base_url,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count('"pv_power"') == 30


def test_the_command_without_credentials_says_which(
    environment: Environment, tmp_path: Path
) -> None:
    finished = run(environment("[cli]") / "enphase-streaming", "watch", "--once", cwd=tmp_path)
    assert finished.returncode == 2
    assert "ENPHASE_API_KEY" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_bare_wheel_imports(environment: Environment, tmp_path: Path) -> None:
    python = environment("") / "python"
    run_well(
        *(python, "-W", "error", "-c"),
        "from enphase_streaming import *; import enphase_streaming_api, enphase_streaming_mock",
        cwd=tmp_path,
    )


def test_the_bare_wheel_does_not_break_a_test_run(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "test_empty.py").write_text("def test_empty():\n    pass\n", "utf-8")
    said = run_well(
        *(environment("") / "python", "-m", "pytest", "-W", "error", "--strict-markers"),
        *("-p", "no:cacheprovider", tmp_path),
        cwd=tmp_path,
    )
    assert "1 passed" in said


def test_the_contract_suite_without_its_extra_says_what_to_install(
    environment: Environment, tmp_path: Path
) -> None:
    finished = run(
        *(environment("") / "python", "-m", "pytest", "--pyargs", "enphase_streaming_mock.checks"),
        cwd=tmp_path,
    )
    assert finished.returncode == 4, finished.stdout
    assert "pip install 'enphase-streaming[mock]'" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_fixture_without_its_extra_says_what_to_install(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(enphase_mock):\n    pass\n", "utf-8")
    finished = run(
        *(environment("") / "python", "-m", "pytest", "-W", "error", tmp_path), cwd=tmp_path
    )
    assert finished.returncode == 1, finished.stdout
    assert "pip install 'enphase-streaming[mock]'" in finished.stdout
    assert "Traceback" not in finished.stdout


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("enphase-mock", "serve", "--port", "0"), "mock"),
        (("enphase-streaming", "--help"), "cli"),
        (("enphase-streaming", "watch", "--once"), "cli"),
    ],
)
def test_a_command_without_its_extra_says_what_to_install(
    environment: Environment, tmp_path: Path, command: tuple[str, ...], extra: str
) -> None:
    name, *arguments = command
    finished = run(environment("") / name, *arguments, cwd=tmp_path)
    assert finished.returncode == 2
    assert f"pip install 'enphase-streaming[{extra}]'" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_importing_the_library_is_cheap(tmp_path: Path) -> None:
    # Run by this Python, which has every package that must not be imported.
    code = """
import sys
from importlib import import_module
import httpx
before = set(sys.modules)
import enphase_streaming
after = set(sys.modules) - before
heavy = {"aiohttp", "asyncio", "attr", "attrs", "jsonschema", "rich", "typer", "yaml"}
print(*sorted({name.partition(".")[0] for name in after} & heavy))
later = tuple("enphase_streaming." + name for name in ("auth.oauth", "auth.tokens", "recording"))
print(*sorted(name for name in after if name.startswith(later)))
print(*sorted(set(enphase_streaming.__all__) - set(dir(enphase_streaming))))
for name in (*heavy - {"attr"}, *later):
    import_module(name)  # it exists, so the lines above mean something
"""
    assert run_well(sys.executable, "-c", code, cwd=tmp_path).strip() == ""
