"""Check the pages: their Python runs, their commands exist, their links resolve.

The pages use the real API. So they run with the address, clocks and time-outs of a mock as the
clients' defaults, and otherwise as they stand.
"""

import inspect
import io
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from enphase_streaming.client import BaseClient
from enphase_streaming_mock import MockServer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
DOCS = sorted((*(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/README.md")))
PAGES = [ROOT / "README.md", *DOCS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
COMMANDS = ("enphase-streaming", "enphase-mock")
PROGRAMS = {"cd", "docker", "export", "git", "pip", "python", ".venv/bin/python"}
ENVIRONMENT = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
ENVIRONMENT["PYTEST_ADDOPTS"] = os.environ["PYTEST_ADDOPTS"]
SUITE = ("pytest", "--pyargs", "enphase_streaming_mock.checks")


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line of the page where the text begins."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1)


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def pages_with(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(each.language in languages for each in blocks(page))]


def shell_lines(page: Path) -> Iterator[list[str]]:
    for block in blocks(page):
        lines = block.text.splitlines()
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif block.language != "sh":
            continue
        for line in lines:
            if words := shlex.split(line, comments=True):
                yield words


def set_variables(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what `enphase-mock serve` prints."""
    monkeypatch.setenv("ENPHASE_BASE_URL", mock.base_url)
    monkeypatch.setenv("ENPHASE_API_KEY", mock.api_key)
    monkeypatch.setenv("ENPHASE_ACCESS_TOKEN", mock.access_token)
    monkeypatch.setenv("ENPHASE_SYSTEM_ID", str(mock.system_id))


@pytest.fixture
def readers_machine(
    enphase_mock: MockServer, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> pytest.Pytester:
    """A machine as the pages expect it: variables, a CA in the folder, an Enter key."""
    set_variables(enphase_mock, monkeypatch)
    trustme.CA().cert_pem.write_to_path(str(pytester.path / "company-ca.pem"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    for name, value in {
        "base_url": enphase_mock.base_url,
        "monotonic": enphase_mock.monotonic,
        "now": enphase_mock.now,
        # 20 s of the fast clock are too short for a busy machine.
        "first_reading_timeout": 3600.0,
        "stall_timeout": 3600.0,
    }.items():
        # The function below the decorator: `wraps` copies no defaults.
        defaults = inspect.unwrap(BaseClient.__init__).__kwdefaults__
        assert name in defaults
        monkeypatch.setitem(defaults, name, value)
    return pytester


@pytest.mark.enphase_mock(speed=250)
@pytest.mark.parametrize("page", pages_with("python"), ids=named)
def test_the_python_of_a_page_runs(page: Path, readers_machine: pytest.Pytester) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language != "python":
            continue
        tests = len(re.findall(r"^(?:async )?def test_", block.text, re.MULTILINE))
        if tests:
            readers_machine.makepyfile(block.text)
            run = readers_machine.runpytest_inprocess("-W", "error", "-p", "no:cacheprovider")
            run.assert_outcomes(passed=tests)
        else:
            # Empty lines make the line numbers of a traceback those of the page.
            code = "\n" * (block.line - 1) + block.text
            exec(compile(code, str(page), "exec"), namespace)


def test_the_first_example_is_within_one_screen() -> None:
    first = next(block for block in blocks(ROOT / "README.md") if block.language == "python")
    assert "live_data" in first.text
    assert first.line + first.text.count("\n") <= 40


def test_the_first_example_runs_on_the_mock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = next(block for block in blocks(ROOT / "README.md") if block.language == "python")
    with MockServer() as mock:
        set_variables(mock, monkeypatch)
        # Stop after one reading: the clock is the real one, and a stream takes a minute.
        stopping = re.sub(r"^( +)print\(reading.*\n", r"\g<0>\1break\n", first.text, flags=re.M)
        exec(stopping, {})
        mock.assert_call(duration=60, status=200)
    reading, end = capsys.readouterr().out.splitlines()
    assert re.match(r"\d+ \d+ \S", reading)
    assert "stopped" in end


@cache
def help_of(*command: str) -> str:
    """Return the help of a command of this project; fail the test if it does not exist."""
    script = Path(sysconfig.get_path("scripts"), command[0])
    run = subprocess.run(
        [script, *command[1:], "--help"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert run.returncode == 0, f"{' '.join(command)}: {run.stderr}"
    return run.stdout


@pytest.mark.parametrize("page", pages_with("console", "sh"), ids=named)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for program, *arguments in shell_lines(page):
        options = [each.partition("=")[0] for each in arguments if each.startswith("--")]
        if program == "make":
            assert {word for word in arguments if "=" not in word} <= set(targets)
        elif program in COMMANDS or program == "pytest":
            said = help_of(*(SUITE if program == "pytest" else (program, *arguments[:1])))
            for option in options:
                assert re.search(rf"(?<!\S){option}\b", said), f"{program} has no {option}"
        else:
            assert program in PROGRAMS


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_links_of_a_page_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target
