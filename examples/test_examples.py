"""What holds for every example: its size, and the one command that runs it against the mock."""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from enphase_streaming_mock import MockServer
from examples.conftest import DEADLINE, EXAMPLES, Start
from examples.demo import PARTS

FIRST = {
    "home_assistant": '"grid_status": "On Grid"',
    "web_relay": "event: reading",
    "fleet_worker": "W from the sun",
    "history": "storing the readings",
    "alerts": '"grid_outage","active":true',
    "influx_telegraf": 'grid_status="On Grid"',
}


@pytest.mark.parametrize("example", PARTS)
def test_the_demo_shows_the_example_and_ends(example: str) -> None:
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "demo.py"), example],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        watchdog = threading.Timer(60, demo.terminate)
        watchdog.start()
        lines = []
        for line in demo.stdout:
            lines.append(line)
            if FIRST[example] in line:
                break
        else:
            text = "".join(lines)
            (pytest.skip if "is not installed" in text else pytest.fail)(text)
        demo.send_signal(signal.SIGTERM)
        rest = demo.stdout.read()
        assert demo.wait(DEADLINE) == 0
        watchdog.cancel()
    assert "Traceback" not in rest


def test_every_example_has_a_demo() -> None:
    assert set(PARTS) == {path.parent.name for path in EXAMPLES.glob("*/main.py")}
    assert set(PARTS) == set(FIRST)


def test_every_example_has_a_picture() -> None:
    page = EXAMPLES.parent / "docs" / "examples.md"
    shown = re.findall(r"\(images/example-(.+)\.svg\)", page.read_text("utf-8"))
    assert sorted(shown) == sorted(example.replace("_", "-") for example in PARTS)
    assert all((page.parent / "images" / f"example-{name}.svg").is_file() for name in shown)


@pytest.mark.parametrize("example", ["alerts", "history", "influx_telegraf", "web_relay"])
@pytest.mark.parametrize("damaged", ["state", "state/ledger.sqlite"])
def test_one_line_names_a_state_that_cannot_be_used(
    start: Start, enphase_mock: MockServer, tmp_path: Path, example: str, damaged: str
) -> None:
    file = tmp_path / damaged
    file.parent.mkdir(exist_ok=True)
    file.write_text("no folder, and no ledger" * 100)
    program = start(example, CALLS_PER_DAY="5", ALERT_COMMAND="true", SITES="1765", PORT="0")
    assert program.end() == 2
    (line,) = program.lines
    assert str(file) in line
    enphase_mock.assert_calls(0)


def lines_of_code(path: Path) -> int:
    """Count the lines without blank ones, comments and docstrings."""
    text = path.read_text("utf-8")
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in docstrings
        for number, line in enumerate(text.splitlines(), start=1)
    )


@pytest.mark.parametrize("example", PARTS)
def test_an_example_is_short_enough_to_copy(example: str) -> None:
    assert lines_of_code(EXAMPLES / example / "main.py") < 150
