"""Which room may import which, and where I/O may be named.

Overlay and mock are two independent readings of one document: if either used the other, or the mock
the generated client, a contract test would only compare the code with itself.
"""

import ast
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {
    "generated": "enphase_streaming_api",
    "overlay": "enphase_streaming",
    "mock": "enphase_streaming_mock",
}
MAY_IMPORT = {"generated": set[str](), "overlay": {"generated"}, "mock": set[str]()}

# All that moves bytes or minds the clock. What is no shell, and no part of the command, is the core
# and does neither.
SHELLS = {
    *(
        "aclient.py",
        "aconnection.py",
        "astream.py",
        "base.py",
        "client.py",
        "connection.py",
        "stream.py",
    ),
    "iteration.py",
    *("auth.py", "grants.py", "recording.py", "refreshing.py", "tokens.py"),
}
IO = {"asyncio", "http", "httpcore", "select", "socket", "ssl", "threading", "time"}
EXCEPTIONS = {
    ("budget.py", "threading"),  # a lock, since threads share a budget; nothing waits on it
    ("refusal.py", "ssl"),  # for the class of an exception that it tells apart
}


@cache
def imports(source: str) -> frozenset[str]:
    """The top-level package of every import, inside functions and by name included."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays in its package.
            names += [node.module] if node.module and not node.level else []
        elif isinstance(node, ast.Call):
            names += [text for text in imported_by_call(node) if not text.startswith(".")]
    return frozenset(name.partition(".")[0] for name in names)


def imported_by_call(call: ast.Call) -> Iterator[str]:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    called = call.func.id if isinstance(call.func, ast.Name) else called
    if called in ("import_module", "__import__"):
        values = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "name")]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def wrong_arrows(root: Path) -> list[str]:
    """Every import that crosses between rooms where it must not, and every I/O out of place."""
    found = []
    for room, package in ROOMS.items():
        closed = {ROOMS[other] for other in ROOMS.keys() - MAY_IMPORT[room] - {room}}
        modules = sorted((root / room / package).rglob("*.py"))
        assert modules, f"{room}/{package} is empty"
        for module in modules:
            path = module.relative_to(root / room / package).as_posix()
            forbidden = set(closed)
            if room == "overlay" and path not in SHELLS:
                forbidden.add("httpx")
                if not path.startswith("cli/"):
                    forbidden |= {name for name in IO if (path, name) not in EXCEPTIONS}
            found += [
                f"{room}/{package}/{path} imports {name}"
                for name in sorted(forbidden & imports(module.read_text("utf-8")))
            ]
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "prism")
        )
    return tmp_path


def found_after_planting(copy: Path, module: str, line: str) -> set[str]:
    before = wrong_arrows(copy)
    planted = copy / module / "planted.py"
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(line + "\n", "utf-8")
    return set(wrong_arrows(copy)) - set(before)


def test_no_import_crosses_where_it_must_not() -> None:
    assert wrong_arrows(ROOT) == []


@pytest.mark.parametrize(
    ("module", "line", "name"),
    [
        ("generated/enphase_streaming_api", "import enphase_streaming", "enphase_streaming"),
        ("generated/enphase_streaming_api", "import enphase_streaming_mock.wire", ""),
        ("overlay/enphase_streaming", "from enphase_streaming_mock import Wire", ""),
        ("overlay/enphase_streaming", "import httpx", "httpx"),
        ("overlay/enphase_streaming/cli", "import httpx", "httpx"),
        ("overlay/enphase_streaming", "from time import monotonic", "time"),
        ("overlay/enphase_streaming", "def late(): import asyncio.subprocess", "asyncio"),
        ("overlay/enphase_streaming", "import ssl", "ssl"),
        ("mock/enphase_streaming_mock", "import enphase_streaming_api.models", ""),
        ("mock/enphase_streaming_mock", "def late(): import enphase_streaming.sse", ""),
        ("mock/enphase_streaming_mock", "a = importlib.import_module('enphase_streaming')", ""),
        ("mock/enphase_streaming_mock", "a = import_module(name='enphase_streaming.sse')", ""),
        ("mock/enphase_streaming_mock", "a = __import__('enphase_streaming_api')", ""),
    ],
)
def test_a_planted_import_is_found(copy: Path, module: str, line: str, name: str) -> None:
    (found,) = found_after_planting(copy, module, line)
    assert found.startswith(f"{module}/planted.py imports {name}")


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("overlay/enphase_streaming", "from enphase_streaming_api.models import LiveStatus"),
        ("overlay/enphase_streaming", "from .reading import Reading"),
        ("overlay/enphase_streaming", "TEXT = 'import httpx'"),
        ("overlay/enphase_streaming/cli", "import asyncio, threading, time"),
        ("mock/enphase_streaming_mock", "import asyncio, httpx, time"),
    ],
)
def test_an_import_along_an_arrow_is_no_finding(copy: Path, module: str, line: str) -> None:
    assert found_after_planting(copy, module, line) == set()
