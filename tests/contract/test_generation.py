"""`generated/` is byte for byte what `make client` writes."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = Path("generated", "enphase_streaming_api")

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that generation reads and writes."""
    for folder in ("spec", "generated"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, checkout / "spec" / "generator" / "generate.py", *arguments],
        capture_output=True,
        text=True,
    )


def contents(checkout: Path) -> dict[str, bytes]:
    folder = checkout / "generated"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_generating_twice_from_nothing_gives_the_committed_bytes(checkout: Path) -> None:
    committed = contents(checkout)
    for _ in range(2):
        shutil.rmtree(checkout / "generated")
        assert run(checkout).returncode == 0
        assert contents(checkout) == committed


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the generator, made once for all tests."""
    package = tmp_path_factory.mktemp("fresh") / PACKAGE.name
    script(ROOT).generate(package)
    return package


def script(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate", checkout / "spec" / "generator" / "generate.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run_with_fresh(
    checkout: Path,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the script on the checkout as `run` does, with the output of `fresh`."""
    module = script(checkout)
    monkeypatch.setattr(module, "generate", lambda package: shutil.copytree(fresh, package))

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["generate.py", *arguments])
        return module.main(), capsys.readouterr().out

    return run


def test_an_untouched_client_passes_the_check(run_with_fresh: Run) -> None:
    assert run_with_fresh("--check") == (0, "")


def test_a_hand_edit_fails_the_check(checkout: Path, run_with_fresh: Run) -> None:
    with (checkout / PACKAGE / "client.py").open("a") as file:
        file.write("# by hand\n")
    status, said = run_with_fresh("--check")
    assert status == 1
    assert "changed: generated/enphase_streaming_api/client.py\n" in said
    assert "run make client" in said


def test_a_missing_file_fails_the_check(checkout: Path, run_with_fresh: Run) -> None:
    (checkout / PACKAGE / "py.typed").unlink()
    status, said = run_with_fresh("--check")
    assert status == 1
    assert "missing: generated/enphase_streaming_api/py.typed\n" in said


@pytest.mark.parametrize("name", ["stray.py", "enphase_streaming_api/models/stray.txt"])
def test_an_extra_file_fails_the_check(checkout: Path, run_with_fresh: Run, name: str) -> None:
    (checkout / "generated" / name).touch()
    status, said = run_with_fresh("--check")
    assert status == 1
    assert f"extra: generated/{name}\n" in said


def test_generation_removes_what_is_no_longer_generated(
    checkout: Path, run_with_fresh: Run
) -> None:
    stray = checkout / PACKAGE / "models" / "gone.py"
    stray.touch()
    assert run_with_fresh() == (0, "")
    assert not stray.exists()


def test_a_changed_template_fails_the_check_and_is_used(checkout: Path) -> None:
    template = checkout / "spec" / "generator" / "templates" / "types.py.jinja"
    template.write_text(template.read_text("utf-8") + "\nNEW = 1\n", "utf-8")
    check = run(checkout, "--check")
    assert check.returncode == 1
    assert "changed: generated/enphase_streaming_api/types.py\n" in check.stdout
    assert run(checkout).returncode == 0
    assert (checkout / PACKAGE / "types.py").read_text("utf-8").endswith("\nNEW = 1\n")


def test_bounds_come_from_the_document(checkout: Path) -> None:
    document = checkout / "spec" / "streaming.yaml"
    text = document.read_text("utf-8")
    changed = re.sub(r"minimum: \d+, maximum: \d+", "maximum: 9000", text)
    assert changed != text
    document.write_text(changed, "utf-8")
    assert run(checkout).returncode == 0
    module = checkout / PACKAGE / "api" / "streaming" / "stream_system_live_data.py"
    assert '"duration": (None, 9000),' in module.read_text("utf-8")


def test_a_changed_document_fails_the_check(checkout: Path) -> None:
    document = checkout / "spec" / "streaming.yaml"
    document.write_text(document.read_text("utf-8").replace("pv_power", "sun_power"), "utf-8")
    assert run(checkout, "--check").returncode == 1


def test_a_warning_of_the_generator_stops_the_generation(checkout: Path) -> None:
    document = checkout / "spec" / "streaming.yaml"
    form = "application/x-www-form-urlencoded:"
    document.write_text(document.read_text("utf-8").replace(form, "text/csv:"), "utf-8")
    committed = contents(checkout)
    generation = run(checkout)
    assert generation.returncode != 0
    assert "text/csv" in generation.stderr
    assert contents(checkout) == committed


def test_every_generated_module_says_not_to_edit_it() -> None:
    modules = list((ROOT / "generated").rglob("*.py"))
    assert modules
    for module in modules:
        first = module.read_text("utf-8").partition("\n")[0]
        assert "Do not edit" in first, module
